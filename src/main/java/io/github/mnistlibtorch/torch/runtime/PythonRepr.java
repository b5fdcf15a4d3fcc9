package io.github.mnistlibtorch.torch.runtime;

import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.Tensor;

/** Numbers, shapes and devices in the words of Python, whatever the locale. */
public final class PythonRepr {
    /** A double is told apart from its neighbours by at most this many decimal digits. */
    private static final int MAX_DIGITS = 17;

    private PythonRepr() {}

    /**
     * {@code "{:.4f}".format(value)}: the exact binary value rounded half to even.
     *
     * <p>{@link String#format} rounds half up on the shortest decimal digits and prints 0.9063 for 0.90625.
     */
    public static String fixed(double value, int decimals) {
        if (!Double.isFinite(value)) {
            return nonFinite(value);
        }
        String text =
                new BigDecimal(value).setScale(decimals, RoundingMode.HALF_EVEN).toPlainString();
        boolean negative = Math.copySign(1, value) < 0;
        return negative && !text.startsWith("-") ? "-" + text : text;
    }

    /** {@code repr(value)}: the shortest digits that read back as the same double, in Python's notation. */
    public static String repr(double value) {
        if (!Double.isFinite(value)) {
            return nonFinite(value);
        }
        String sign = Math.copySign(1, value) < 0 ? "-" : "";
        if (value == 0) {
            return sign + "0.0";
        }
        BigDecimal shortest = shortest(Math.abs(value));
        String digits = shortest.unscaledValue().toString();
        // Position of the decimal point, counted from the first digit.
        int point = digits.length() - shortest.scale();
        if (point <= -4 || point > 16) {
            String mantissa = digits.length() == 1 ? digits : digits.charAt(0) + "." + digits.substring(1);
            return sign + mantissa + String.format(Locale.ROOT, "e%+03d", point - 1);
        }
        String plain = shortest.toPlainString();
        return sign + (plain.contains(".") ? plain : plain + ".0");
    }

    /** {@code str(tensor.shape)}, for example {@code torch.Size([32, 784])}. */
    public static String size(Tensor tensor) {
        return Arrays.stream(tensor.shape())
                .mapToObj(Long::toString)
                .collect(Collectors.joining(", ", "torch.Size([", "])"));
    }

    /** {@code str(device)}, for example {@code cuda:0}. */
    public static String str(Device device) {
        try (var text = device.str()) {
            return text.getString();
        }
    }

    /** {@code repr(device)}, for example {@code device(type='cuda', index=0)}. */
    public static String repr(Device device) {
        String[] typeAndIndex = str(device).split(":", -1);
        String type = "device(type='" + typeAndIndex[0] + "'";
        return typeAndIndex.length == 1 ? type + ")" : type + ", index=" + typeAndIndex[1] + ")";
    }

    private static String nonFinite(double value) {
        if (Double.isNaN(value)) {
            return "nan";
        }
        return value > 0 ? "inf" : "-inf";
    }

    private static BigDecimal shortest(double value) {
        BigDecimal exact = new BigDecimal(value);
        for (int digits = 1; digits < MAX_DIGITS; digits++) {
            // Above a power of two doubles lie twice as far apart as below: there the farther one can be the only fit.
            for (RoundingMode mode : List.of(RoundingMode.HALF_EVEN, RoundingMode.UP)) {
                BigDecimal rounded = exact.round(new MathContext(digits, mode));
                if (rounded.doubleValue() == value) {
                    return rounded.stripTrailingZeros();
                }
            }
        }
        return exact.round(new MathContext(MAX_DIGITS, RoundingMode.HALF_EVEN)).stripTrailingZeros();
    }
}
