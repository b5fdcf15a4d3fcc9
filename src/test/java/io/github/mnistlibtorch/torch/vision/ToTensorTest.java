package io.github.mnistlibtorch.torch.vision;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.mnistlibtorch.LeakCheck;
import io.github.mnistlibtorch.LibTorchExtension;
import io.github.mnistlibtorch.torch.runtime.TensorScope;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

@ExtendWith(LibTorchExtension.class)
class ToTensorTest {
    @Test
    void everyGreyValueIsDividedAsPythonDividesIt() {
        JsonNode recorded = VisionValues.recorded("to_tensor");
        try (TensorScope scope = TensorScope.open()) {
            Tensor tensor = ToTensor.toTensor(allGreyValues(), 16, 16);
            assertThat(VisionValues.shape(tensor)).isEqualTo(VisionValues.longs(recorded.get("shape")));
            assertThat(tensor.is_contiguous()).isTrue();
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
    void pictureWithoutPixelsHasItsShapeAllTheSame() {
        try (TensorScope scope = TensorScope.open()) {
            assertThat(VisionValues.shape(ToTensor.toTensor(new byte[0], 0, 5))).containsExactly(1L, 0L, 5L);
        }
    }

    @Test
    void pictureKeepsItsValuesWhenThePixelsChange() {
        byte[] pixels = {0, (byte) 255};
        try (TensorScope scope = TensorScope.open()) {
            Tensor tensor = ToTensor.toTensor(pixels, 1, 2);
            pixels[0] = 9;
            assertThat(VisionValues.values(tensor)).containsExactly(0d, 1d);
        }
    }

    @ParameterizedTest
    @CsvSource({"4, -2, -2", "0, 0, -2"})
    void negativeSizesAreRefused(int pixels, int rows, int columns) {
        assertThatThrownBy(() -> ToTensor.toTensor(new byte[pixels], rows, columns))
                .isInstanceOf(IllegalArgumentException.class)
                .message()
                .doesNotContain("\n");
    }

    @ExtendWith(LeakCheck.class)
    @Test
    void onlyThePictureIsLeft() {
        long before = Pointer.totalCount();
        try (Tensor tensor = ToTensor.toTensor(allGreyValues(), 16, 16)) {
            assertThat(tensor.numel()).isEqualTo(256);
            assertThat(Pointer.totalCount()).isEqualTo(before + 1);
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
