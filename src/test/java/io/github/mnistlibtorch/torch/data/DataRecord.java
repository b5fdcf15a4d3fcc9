package io.github.mnistlibtorch.torch.data;

import java.nio.file.Path;
import java.util.Map;
import java.util.Objects;
import tools.jackson.databind.json.JsonMapper;

/** What Python does, as notebooks-reference/record_data.py has written it down: lists, maps, numbers and strings. */
public final class DataRecord {
    private static final Map<?, ?> ROOT =
            JsonMapper.shared().readValue(Path.of("test-data", "data.json").toFile(), Map.class);

    private DataRecord() {}

    /** The value under these keys. */
    public static Object recorded(String... keys) {
        Object value = ROOT;
        for (String key : keys) {
            value = Objects.requireNonNull(((Map<?, ?>) value).get(key), () -> "nothing is recorded under " + key);
        }
        return value;
    }

    /** The message of the exception under these keys. */
    public static String recordedMessage(String... keys) {
        return (String) Objects.requireNonNull(((Map<?, ?>) recorded(keys)).get("message"));
    }
}
