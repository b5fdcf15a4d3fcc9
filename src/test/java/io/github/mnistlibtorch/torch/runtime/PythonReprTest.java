package io.github.mnistlibtorch.torch.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.mnistlibtorch.LibTorchExtension;
import java.nio.file.Path;
import java.util.Locale;
import org.assertj.core.api.SoftAssertions;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Expected texts: CPython, by {@code notebooks-reference/record_format.py}. */
@ExtendWith(LibTorchExtension.class)
class PythonReprTest {
    private static final JsonNode RECORDED = new JsonMapper().readTree(Path.of("test-data/format.json"));

    private final Locale locale = Locale.getDefault();

    /** Decimal commas and Arabic digits are what a careless format would print. */
    @BeforeEach
    void workAbroad() {
        Locale.setDefault(Locale.forLanguageTag("ar-EG-u-nu-arab"));
    }

    @AfterEach
    void comeHome() {
        Locale.setDefault(locale);
    }

    @Test
    void reprIsThatOfPython() {
        assertThat(RECORDED).hasSizeGreaterThan(400);
        SoftAssertions.assertSoftly(
                softly -> RECORDED.forEach(number -> softly.assertThat(PythonRepr.repr(value(number)))
                        .as("repr of %s", number)
                        .isEqualTo(number.get("repr").stringValue())));
    }

    @Test
    void fixedRoundsTheExactValueHalfToEvenAsPythonDoes() {
        SoftAssertions.assertSoftly(softly -> {
            for (JsonNode number : RECORDED) {
                if (number.has("fixed4")) {
                    softly.assertThat(PythonRepr.fixed(value(number), 4))
                            .as("{:.4f} of %s", number)
                            .isEqualTo(number.get("fixed4").stringValue());
                    softly.assertThat(PythonRepr.fixed(value(number), 0))
                            .as("{:.0f} of %s", number)
                            .isEqualTo(number.get("fixed0").stringValue());
                }
            }
        });
    }

    @Test
    void shapePrintsAsTorchSize() {
        try (Tensor matrix = torch.empty(32, 784);
                Tensor vector = torch.empty(32);
                Tensor scalar = torch.empty(new long[0])) {
            assertThat(PythonRepr.size(matrix)).isEqualTo("torch.Size([32, 784])");
            assertThat(PythonRepr.size(vector)).isEqualTo("torch.Size([32])");
            assertThat(PythonRepr.size(scalar)).isEqualTo("torch.Size([])");
        }
    }

    @Test
    void devicePrintsWithItsIndexOnlyIfItHasOne() {
        try (Device cpu = new Device("cpu");
                Device cuda = new Device("cuda:1")) {
            assertThat(PythonRepr.str(cpu)).isEqualTo("cpu");
            assertThat(PythonRepr.repr(cpu)).isEqualTo("device(type='cpu')");
            assertThat(PythonRepr.str(cuda)).isEqualTo("cuda:1");
            assertThat(PythonRepr.repr(cuda)).isEqualTo("device(type='cuda', index=1)");
        }
    }

    private static double value(JsonNode number) {
        return Double.longBitsToDouble(Long.parseUnsignedLong(number.get("bits").stringValue(), 16));
    }
}
