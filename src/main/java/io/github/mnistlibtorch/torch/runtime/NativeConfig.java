package io.github.mnistlibtorch.torch.runtime;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.Properties;

/** How a native build of LibTorch is loaded: one of the files of {@code native-config}, which the jar carries. */
final class NativeConfig {
    static final NativeConfig CPU = new NativeConfig("cpu.properties");
    static final NativeConfig CUDA = new NativeConfig("cuda.properties");

    private final String file;
    private final Properties properties = new Properties();

    private NativeConfig(String file) {
        this.file = file;
        try (InputStream in = NativeConfig.class.getResourceAsStream(file)) {
            if (in == null) {
                throw new IllegalStateException("the jar lacks " + file);
            }
            properties.load(in);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** @throws IllegalStateException if the file does not have it */
    String get(String key) {
        String value = properties.getProperty(key);
        if (value == null) {
            throw new IllegalStateException(file + " lacks " + key);
        }
        return value;
    }

    int getInt(String key) {
        return Integer.parseInt(get(key));
    }

    /** The words of a value. */
    List<String> list(String key) {
        return List.of(get(key).trim().split("\\s+"));
    }

    /** Sets JavaCPP's properties, those excepted that the user has set; to be done before JavaCPP is touched. */
    void apply() {
        for (String key : properties.stringPropertyNames()) {
            if (key.startsWith("org.bytedeco.") && System.getProperty(key) == null) {
                System.setProperty(key, get(key));
            }
        }
    }
}
