package io.github.mnistlibtorch.vision;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.mnistlibtorch.libtorch.LibTorch;
import io.github.mnistlibtorch.libtorch.Scope;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;

class ToTensorTest {
    @BeforeAll
    static void start() {
        LibTorch.start();
    }

    @Test
    void everyGreyValueIsDividedAsPythonDividesIt() {
        JsonNode recorded = VisionValues.recorded("to_tensor");
        try (Scope scope = Scope.open()) {
            Tensor tensor = ToTensor.toTensor(allGreyValues(), 16, 16);
            assertThat(VisionValues.shape(tensor)).isEqualTo(VisionValues.longs(recorded.get("shape")));
            assertThat(VisionValues.dtype(tensor))
                    .isEqualTo(recorded.get("dtype").asString());
            assertThat(VisionValues.sha256(tensor))
                    .isEqualTo(recorded.get("table_sha256_f32le").asString());
            recorded.get("samples")
                    .propertyStream()
                    .forEach(sample -> assertThat(VisionValues.values(tensor).get(Integer.parseInt(sample.getKey())))
                            .isEqualTo(Double.parseDouble(sample.getValue().asString())));
        }
    }

    @Test
    void wrongNumberOfPixelsIsRefused() {
        assertThatThrownBy(() -> ToTensor.toTensor(new byte[5], 2, 2))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("2 x 2");
    }

    static byte[] allGreyValues() {
        byte[] pixels = new byte[256];
        for (int grey = 0; grey < 256; grey++) {
            pixels[grey] = (byte) grey;
        }
        return pixels;
    }
}
