package io.github.mnistlibtorch;

import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A process ends with the exit code and the one sentence that {@code BadInputTest} checks in many more cases. */
class BadInputIT {
    @TempDir
    private Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"trian", "train --seed 1.5", "train --data nowhere", "evaluate --model none.pt"})
    void badInputEndsTheProcessWithTwo(String line) {
        String[] arguments = line.split(" ");
        Program.run(folder, arguments).assertRefused(arguments[arguments.length - 1]);
    }
}
