package io.github.mnistlibtorch.torch.runtime;

import static java.util.Objects.requireNonNull;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import java.util.zip.CheckedInputStream;
import org.bytedeco.javacpp.Loader;
import org.jspecify.annotations.Nullable;

/**
 * Where native libraries are unpacked. The program in one jar has a folder for them that is named by what is in them: every jar with
 * the same libraries shares it, whatever its name, and no file in it ever changes, as others may run on it. A program with JavaCPP's
 * jars on its class path uses JavaCPP's folders, which are named by version.
 *
 * @param folder JavaCPP's cache in this process
 * @param isFlat whether libraries lie in it side by side; else in a folder of their jar
 */
record LibraryCache(Path folder, boolean isFlat) {
    /** JavaCPP's properties. */
    static final String PROPERTY = "org.bytedeco.javacpp.cachedir";

    private static final String NO_SUBDIR = PROPERTY + ".nosubdir";

    private static final int OTHERS_WRITE = 0_002;
    private static final int GROUP_WRITES = 0_020;
    private static final int STICKY = 0_1000;

    private static final String USED = ".used";
    private static final String REMOVED = ".removed-";

    private static final int BUFFER = 1 << 16;

    /** Held by the process as long as it lives, so that nobody removes what it runs on. */
    private static @Nullable LockFile used;

    private static @Nullable LibraryCache chosen;

    /** Thrown by each later call. */
    private static @Nullable LibTorchException failure;

    /**
     * Chooses a folder, once, and tells JavaCPP. If JavaCPP has chosen before, its folder is used.
     *
     * @throws LibTorchException if there is none, or another user could change what is in it
     */
    static synchronized LibraryCache choose() {
        if (failure != null) {
            throw failure;
        }
        LibraryCache known = chosen;
        if (known == null) {
            try {
                known = find();
                chosen = known;
            } catch (IOException | UncheckedIOException | LibTorchException e) {
                failure = e instanceof LibTorchException said ? said : NativeLibraries.explain(e);
                throw failure;
            }
        }
        return known;
    }

    private static LibraryCache find() throws IOException {
        Path root = root();
        String name = NativeLibraries.contentName();
        Path folder = root;
        if (name == null) {
            requireTrusted(folder);
        } else {
            folder = root.resolve(name);
            requireTrustedAbove(root); // whose owner could put another in the place of what is in it
            makeOwn(folder);
        }
        boolean isFlat = name != null && !NativeLibraries.hasGpuBuild();
        System.setProperty(PROPERTY, folder.toString());
        Path actual = Loader.getCacheDir().toPath();
        if (!actual.equals(folder)) {
            requireTrusted(actual);
            return new LibraryCache(actual, /* isFlat= */ false); // a native object was made before
        }
        if (isFlat) {
            System.setProperty(NO_SUBDIR, "true");
        }
        return new LibraryCache(folder, isFlat);
    }

    /** What the user has named, or lies in a home, or else in a folder for temporary files that is the user's own. */
    private static Path root() throws IOException {
        List<String> candidates = new ArrayList<>();
        for (String property : List.of(PROPERTY, "org.bytedeco.javacpp.cacheDir")) {
            if (System.getProperty(property) != null) {
                candidates.add(System.getProperty(property));
            }
        }
        for (String home : new String[] {System.getProperty("user.home"), System.getenv("HOME")}) {
            // Java says "?" of a user id without a name.
            if (home != null && !home.startsWith("?") && new File(home).isDirectory()) {
                candidates.add(home + "/.javacpp/cache");
            }
        }
        for (String candidate : candidates) {
            try {
                Path folder = Path.of(candidate).toAbsolutePath();
                makeFolder(folder);
                if (Files.isWritable(folder)) {
                    return folder.toRealPath();
                }
            } catch (IOException | InvalidPathException e) {
                // The next one.
            }
        }
        Path folder = temporary().resolve("cache");
        makeFolder(folder);
        return folder.toRealPath();
    }

    /** With those above it, for this user alone to write to, whatever the umask. */
    private static void makeFolder(Path folder) throws IOException {
        if (Files.isDirectory(folder)) {
            return;
        }
        Path parent = folder.getParent();
        if (parent != null) {
            makeFolder(parent);
        }
        try {
            Files.createDirectory(folder);
            setMode(folder, "rwxr-xr-x");
        } catch (FileAlreadyExistsException e) {
            if (!Files.isDirectory(folder)) {
                throw e;
            }
        }
    }

    /** A folder that nobody else can write to, the same at every start if that is possible. */
    private static Path temporary() throws IOException {
        Path probe = Files.createTempDirectory("mnist-libtorch");
        if (!isPosix(probe)) {
            return probe;
        }
        Path folder = probe.resolveSibling("mnist-libtorch-" + Files.getAttribute(probe, "unix:uid"));
        try {
            Files.createDirectory(
                    folder, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        } catch (FileAlreadyExistsException e) {
            if (!Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS) || whyUntrusted(folder, userId(probe)) != null) {
                return probe;
            }
        }
        Files.delete(probe);
        return folder;
    }

    /** Made, looked at, and marked as used by this process. */
    private static void makeOwn(Path folder) throws IOException {
        Path mark = folder.resolve(USED);
        while (true) { // until it is not removed in between
            makeFolder(folder);
            try {
                requireTrusted(folder);
                used = LockFile.share(mark);
                if (Files.isWritable(mark)) {
                    setMode(mark, "rw-r--r--");
                }
                return;
            } catch (NoSuchFileException e) {
                // Another process has found it unused, and removed it.
            }
        }
    }

    /** Whatever the umask. */
    private static void setMode(Path file, String mode) throws IOException {
        if (isPosix(file)) {
            Files.setPosixFilePermissions(file, PosixFilePermissions.fromString(mode));
        }
    }

    private static boolean isPosix(Path file) {
        return file.getFileSystem().supportedFileAttributeViews().contains("unix");
    }

    /** What is loaded runs as this user. */
    private static void requireTrusted(Path folder) throws IOException {
        if (!isPosix(folder)) {
            return;
        }
        int user = userId(folder);
        List<Path> files = new ArrayList<>(List.of(folder));
        try (Stream<Path> inside = Files.list(folder)) {
            inside.filter(file -> !file.getFileName().toString().startsWith(".")) // of which none is loaded
                    .forEach(files::add);
        }
        for (Path file : files) {
            if (Files.exists(file, LinkOption.NOFOLLOW_LINKS)) { // else another process has removed a part
                requireTrusted(file, user);
            }
        }
        for (Path above = folder.getParent(); above != null; above = above.getParent()) {
            int mode = mode(above);
            if ((mode & OTHERS_WRITE) != 0 && (mode & STICKY) == 0) {
                throw untrusted(above + " can be written to by every user");
            }
        }
    }

    /** The folder above: in one like that for temporary files, others may add what they like, but not replace what is there. */
    private static void requireTrustedAbove(Path above) throws IOException {
        if (isPosix(above) && ((mode(above) & STICKY) == 0 || !belongsTo(userId(above), above))) {
            requireTrusted(above, userId(above));
        }
    }

    private static void requireTrusted(Path file, int user) throws IOException {
        String why = whyUntrusted(file, user);
        if (why != null) {
            throw untrusted(file + " " + why);
        }
    }

    private static LibTorchException untrusted(String why) {
        return new LibTorchException(
                "LibTorch is not loaded, as " + why + "; name a folder of your own with -D" + PROPERTY + "=FOLDER",
                null);
    }

    /** Of this process. */
    private static int userId(Path folder) throws IOException {
        Path process = Path.of("/proc/self");
        if (Files.exists(process)) {
            return (int) Files.getAttribute(process, "unix:uid");
        }
        Path probe = Files.createTempFile(folder, ".", ".part");
        try {
            return (int) Files.getAttribute(probe, "unix:uid");
        } finally {
            Files.delete(probe);
        }
    }

    private static @Nullable String whyUntrusted(Path file, int user) throws IOException {
        int group = (int) Files.getAttribute(file, "unix:gid", LinkOption.NOFOLLOW_LINKS);
        if (!belongsTo(user, file)) {
            return "belongs to another user";
        }
        int mode = mode(file);
        // A group of the same number is the user's own, on most systems; that of root has no one else in it.
        boolean othersWrite = (mode & OTHERS_WRITE) != 0 || (mode & GROUP_WRITES) != 0 && group != user && group != 0;
        return othersWrite && !Files.isSymbolicLink(file) ? "can be written to by other users" : null;
    }

    private static boolean belongsTo(int user, Path file) throws IOException {
        int owner = (int) Files.getAttribute(file, "unix:uid", LinkOption.NOFOLLOW_LINKS);
        return owner == user || owner == 0;
    }

    private static int mode(Path file) throws IOException {
        return (int) Files.getAttribute(file, "unix:mode", LinkOption.NOFOLLOW_LINKS);
    }

    /** Where a library of a jar is, or will be. */
    Path path(String jarName, String entryName) {
        return isFlat
                ? folder.resolve(entryName.substring(entryName.lastIndexOf('/') + 1))
                : folder.resolve(jarName).resolve(entryName);
    }

    /** Unpacks libraries that are not there; one process at a time, and none or all of them. */
    void unpack(List<NativeLibraries.Library> libraries) throws IOException {
        List<Path> unpacked = new ArrayList<>();
        try (FileChannel channel =
                        FileChannel.open(folder.resolve(".lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
                FileLock lock = lock(channel)) {
            try {
                for (NativeLibraries.Library library : libraries) {
                    if (!library.isCached()) { // another process may have been faster
                        unpack(library);
                        unpacked.add(library.cached());
                    }
                }
            } catch (IOException | RuntimeException e) {
                for (Path file : unpacked) {
                    Files.deleteIfExists(file);
                }
                throw e;
            }
        }
    }

    /** Null on a file system without locks: then two may do the same work. */
    private static @Nullable FileLock lock(FileChannel channel) {
        try {
            return channel.lock();
        } catch (IOException | OverlappingFileLockException e) {
            return null;
        }
    }

    private static void unpack(NativeLibraries.Library library) throws IOException {
        Path file = library.cached();
        Path parent = requireNonNull(file.getParent());
        makeFolder(parent);
        Path part = Files.createTempFile(parent, ".", ".part");
        try {
            CRC32 crc = new CRC32();
            try (InputStream in = new CheckedInputStream(library.open(), crc);
                    OutputStream out = Files.newOutputStream(part)) {
                byte[] buffer = new byte[BUFFER];
                for (int count = in.read(buffer); count >= 0; count = in.read(buffer)) {
                    out.write(buffer, 0, count);
                }
            }
            if (crc.getValue() != library.crc()) {
                throw new IOException("this jar is damaged: " + library.name() + " in it has another checksum");
            }
            setMode(part, "rw-r--r--");
            Files.setLastModifiedTime(part, FileTime.fromMillis(library.time()));
            Files.move(part, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } finally {
            Files.deleteIfExists(part);
        }
    }

    /**
     * Removes what a process that was killed has left, and the folders of other versions that no process uses; to be called when
     * this one has started. What cannot be removed stays.
     */
    void removeOthers() {
        String own = NativeLibraries.contentName();
        Path root = folder.getParent();
        if (own == null || root == null || !folder.endsWith(own)) {
            return;
        }
        // The same kind of build, of any version and content.
        Pattern kind = Pattern.compile("libtorch-[\\w.]+-"
                + Pattern.quote(own.replaceFirst("libtorch-[\\w.]+?-", "").replaceFirst("-[0-9a-f]+$", ""))
                + "-[0-9a-f]{16}");
        try (Stream<Path> entries = Files.list(root)) {
            for (Path entry : entries.toList()) {
                String name = entry.getFileName().toString();
                try {
                    if (name.startsWith(REMOVED)) {
                        delete(entry);
                    } else if (!name.equals(own) && kind.matcher(name).matches()) {
                        removeUnused(entry);
                    }
                } catch (IOException | UncheckedIOException e) {
                    // It stays.
                }
            }
            removeParts();
        } catch (IOException | UncheckedIOException e) {
            // The next start tries again.
        }
    }

    /** Those of a process that was killed: while one unpacks, it holds the lock. */
    private void removeParts() throws IOException {
        List<Path> parts;
        try (Stream<Path> files = Files.list(folder)) {
            parts = files.filter(file -> file.toString().endsWith(".part")).toList();
        }
        if (parts.isEmpty()) {
            return;
        }
        try (FileChannel channel = FileChannel.open(folder.resolve(".lock"), StandardOpenOption.WRITE);
                FileLock lock = channel.tryLock()) {
            if (lock != null) {
                for (Path part : parts) {
                    Files.deleteIfExists(part);
                }
            }
        }
    }

    private static void removeUnused(Path entry) throws IOException {
        Path mark = entry.resolve(USED);
        if (!Files.exists(mark)) {
            return; // one that is being made
        }
        try (FileChannel channel = FileChannel.open(mark, StandardOpenOption.WRITE);
                FileLock lock = channel.tryLock()) {
            if (lock != null) {
                Path removed = entry.resolveSibling(REMOVED + entry.getFileName() + "-"
                        + ProcessHandle.current().pid());
                Files.move(entry, removed, StandardCopyOption.ATOMIC_MOVE);
                delete(removed);
            }
        }
    }

    private static void delete(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(file);
            }
        }
    }
}
