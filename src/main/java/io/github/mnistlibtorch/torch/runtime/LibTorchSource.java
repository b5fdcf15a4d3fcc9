package io.github.mnistlibtorch.torch.runtime;

import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Which LibTorch a person asks for: the one in the jar, that of a Python, or that in a folder.
 *
 * @param asked where it is asked for, for messages: an option or an environment variable with its value
 * @param folder of the libraries or one above it; {@code null} if it is not a folder
 * @param python the Python whose torch it is; {@code null} if it is none
 * @param remedy what to do if it cannot be used: the end of a sentence
 */
record LibTorchSource(
        String asked, @Nullable Path folder, @Nullable String python, String remedy) {
    /** The one in the jar. */
    static final LibTorchSource BUNDLED = new LibTorchSource("", null, null, "");

    /** What the option says for that of a Python. */
    static final String OF_PYTHON = "python";

    /** For {@code compare}, which runs on nothing else. */
    static final String OF_PYTHON_ALONE = "the Python to compare with";

    private static final String OR_BUNDLED = ", or say --libtorch bundled";

    private static final String OPTION = "--libtorch ";
    private static final String FOLDER = "LIBTORCH";
    private static final String USE_PYTHON = "LIBTORCH_USE_PYTORCH";
    private static final String PYTHON = "LIBTORCH_PYTHON";

    /**
     * What is asked for. The option is stronger than the variables; of these, as in tch-rs, {@code LIBTORCH_USE_PYTORCH} is
     * stronger than {@code LIBTORCH}.
     *
     * @param option {@code bundled}, {@code python} or a folder; {@code null} if it is not given
     * @param environment the variables {@code LIBTORCH}, {@code LIBTORCH_USE_PYTORCH} and {@code LIBTORCH_PYTHON}
     * @throws UnusableLibTorchException if a value means nothing
     */
    static LibTorchSource of(@Nullable String option, Map<String, String> environment) {
        if (option != null) {
            return switch (option) {
                case "bundled" -> BUNDLED;
                case OF_PYTHON -> ofPython(OPTION + option, environment, OR_BUNDLED);
                case OF_PYTHON_ALONE -> ofPython("compare", environment, "");
                default -> ofFolder(OPTION + option, option);
            };
        }
        String usePython = environment.getOrDefault(USE_PYTHON, "");
        switch (usePython.toLowerCase(Locale.ROOT)) {
            case "1", "true" -> {
                return ofPython(USE_PYTHON + "=" + usePython, environment, OR_BUNDLED);
            }
            case "", "0", "false" -> {}
            default ->
                throw new UnusableLibTorchException(USE_PYTHON + " is '" + usePython + "'; set it to 1, or unset it");
        }
        String folder = environment.getOrDefault(FOLDER, "");
        return folder.isEmpty() ? BUNDLED : ofFolder(FOLDER + "=" + folder, folder);
    }

    boolean isBundled() {
        return folder == null && python == null;
    }

    /** What to throw if it cannot be used, for a reason in a clause. */
    UnusableLibTorchException unusable(String reason) {
        return new UnusableLibTorchException(asked + ": " + reason + remedy);
    }

    private static LibTorchSource ofPython(String asked, Map<String, String> environment, String otherwise) {
        String named = environment.getOrDefault(PYTHON, "");
        return new LibTorchSource(
                asked,
                null,
                named.isEmpty() ? PythonTorch.defaultPython() : named,
                "; name another with LIBTORCH_PYTHON" + otherwise);
    }

    private static LibTorchSource ofFolder(String asked, String folder) {
        if (folder.isBlank()) {
            throw new UnusableLibTorchException(asked.strip() + " names no folder; name one, or say python or bundled");
        }
        try {
            return new LibTorchSource(
                    asked, Path.of(folder).toAbsolutePath().normalize(), null, "; name another" + OR_BUNDLED);
        } catch (InvalidPathException e) {
            throw new UnusableLibTorchException(asked + " is no path; name a folder, or say python or bundled");
        }
    }
}
