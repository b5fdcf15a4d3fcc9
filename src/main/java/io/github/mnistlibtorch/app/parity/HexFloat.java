package io.github.mnistlibtorch.app.parity;

import java.util.regex.Pattern;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.JsonParser;
import tools.jackson.databind.DeserializationContext;
import tools.jackson.databind.SerializationContext;
import tools.jackson.databind.ValueDeserializer;
import tools.jackson.databind.ValueSerializer;

/** Doubles as hexadecimal text, which keeps every bit: {@code float.hex()} and {@code float.fromhex()}. */
final class HexFloat {
    private static final Pattern NUMBER = Pattern.compile("-?0x[01]\\.[0-9a-fA-F]{1,13}p[+-]?\\d{1,4}");

    private HexFloat() {}

    /**
     * The double of a text, as Java or Python spells it.
     *
     * @throws IllegalArgumentException if it is none, or not finite: a NaN is no measurement
     */
    static double parse(String text) {
        if (!NUMBER.matcher(text).matches()) {
            throw new IllegalArgumentException("not a hex float");
        }
        return Double.parseDouble(text);
    }

    static final class Writer extends ValueSerializer<Double> {
        @Override
        public void serialize(Double value, JsonGenerator generator, SerializationContext context) {
            generator.writeString(Double.toHexString(value));
        }
    }

    static final class Reader extends ValueDeserializer<Double> {
        @Override
        public Double deserialize(JsonParser parser, DeserializationContext context) {
            try {
                return parse(parser.getString());
            } catch (IllegalArgumentException e) {
                return (Double) context.handleWeirdStringValue(Double.class, parser.getString(), "not a hex float");
            }
        }
    }
}
