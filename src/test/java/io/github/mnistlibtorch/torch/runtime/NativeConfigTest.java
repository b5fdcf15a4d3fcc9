package io.github.mnistlibtorch.torch.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Properties;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class NativeConfigTest {
    /** The README of the folder explains each line: a key that it does not name is not explained. */
    @ParameterizedTest
    @ValueSource(strings = {"cpu.properties", "cuda.properties"})
    void everyKeyIsExplained(String file) throws IOException {
        Path folder = Path.of("native-config");
        Properties properties = new Properties();
        try (var in = Files.newBufferedReader(folder.resolve(file))) {
            properties.load(in);
        }
        String readme = Files.readString(folder.resolve("README.md"));
        assertThat(properties.stringPropertyNames())
                .isNotEmpty()
                .allSatisfy(key -> assertThat(readme).contains("`" + key + "`"));
    }

    @Test
    void bothBuildsUseTheSameThreadsAndProperties() {
        for (String key : List.of("aten.threads", "blas.threads", "org.bytedeco.javacpp.maxPhysicalBytes")) {
            assertThat(NativeConfig.CUDA.get(key)).isEqualTo(NativeConfig.CPU.get(key));
        }
    }

    @Test
    void valuesThatAreNotThereAreMissed() {
        assertThatIllegalStateException()
                .isThrownBy(() -> NativeConfig.CUDA.get("libraries.plan9"))
                .withMessage("cuda.properties lacks libraries.plan9");
    }

    @Test
    void architecturesAreNumbers() {
        Pattern architecture = Pattern.compile("\\d+\\.\\d");
        assertThat(NativeConfig.CUDA.list("architectures"))
                .isNotEmpty()
                .allMatch(text -> architecture.matcher(text).matches());
    }
}
