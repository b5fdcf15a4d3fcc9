package io.github.mnistlibtorch.torch.runtime;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.jspecify.annotations.Nullable;

/**
 * Where native libraries are unpacked if the user has no home that Java knows, as in a container whose user id has no name:
 * Java's {@code user.home} is then {@code ?}, and JavaCPP would make a folder of that name where the program runs.
 */
final class CacheFolder {
    /** JavaCPP's property. */
    static final String PROPERTY = "org.bytedeco.javacpp.cachedir";

    private static final int WRITABLE_BY_OTHERS = 0_022;

    private CacheFolder() {}

    /** Names a folder to JavaCPP, unless the user has, or has a home; to be called before JavaCPP looks for one. */
    static void choose() {
        if (System.getProperty(PROPERTY) == null && !isUsable(System.getProperty("user.home"))) {
            String home = System.getenv("HOME");
            try {
                Path parent = isUsable(home) ? Path.of(home).resolve(".javacpp") : temporary();
                System.setProperty(PROPERTY, parent.resolve("cache").toString());
            } catch (IOException | UnsupportedOperationException e) {
                // JavaCPP says that it finds no folder.
            }
        }
    }

    /** Whether the cache can be made there, or has been: the rest of a home may be read-only. */
    private static boolean isUsable(@Nullable String home) {
        try {
            return home != null
                    && Path.of(home).isAbsolute()
                    && (Files.isWritable(Path.of(home)) || Files.isWritable(Path.of(home, ".javacpp", "cache")));
        } catch (InvalidPathException e) {
            return false; // "?" on Windows
        }
    }

    /** A folder that nobody else can write to, the same at every start if that is possible. */
    private static Path temporary() throws IOException {
        Path probe = Files.createTempDirectory("mnist-libtorch");
        int user = (int) Files.getAttribute(probe, "unix:uid");
        Path folder = probe.resolveSibling("mnist-libtorch-" + user);
        try {
            Files.createDirectory(
                    folder, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        } catch (FileAlreadyExistsException e) {
            int mode = (int) Files.getAttribute(folder, "unix:mode", LinkOption.NOFOLLOW_LINKS);
            boolean isOwn = (int) Files.getAttribute(folder, "unix:uid", LinkOption.NOFOLLOW_LINKS) == user;
            if (!isOwn || (mode & WRITABLE_BY_OTHERS) != 0 || !Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS)) {
                return probe;
            }
        }
        Files.delete(probe);
        return folder;
    }
}
