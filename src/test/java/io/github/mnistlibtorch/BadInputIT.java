package io.github.mnistlibtorch;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
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

    /** The shell makes the name, which Java cannot read in this locale. */
    @Test
    void aLocaleWithoutTheLettersIsNamed() {
        String script = "\"$1\" -jar \"$2\" predict \"$(printf 'Z\\303\\274rich.png')\"";
        Program.run(
                        folder,
                        Map.of("LC_ALL", "C"),
                        List.of(
                                "sh",
                                "-c",
                                script,
                                "sh",
                                Program.command(List.of()).get(0),
                                Program.JAR.toString()))
                .assertRefused("cannot be a path here", "; use a locale with all characters, such as LC_ALL=C.UTF-8");
    }
}
