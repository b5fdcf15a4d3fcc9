package io.github.mnistlibtorch.torch.vision;

import io.github.mnistlibtorch.torch.runtime.AtomicFile;
import io.github.mnistlibtorch.torch.runtime.InputException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.HttpURLConnection;
import java.net.URI;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.StringJoiner;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/**
 * Fetches the four archives of a data set and unpacks them: what {@code MNIST(root, download=True)} does before it reads.
 *
 * <p>An archive that is there with the right checksum is not fetched again. Every file is written whole or not at all.
 *
 * @param set one of {@link #names}
 * @param mirrors addresses to put an archive's name behind, tried in this order
 * @param checksums the MD5 of each archive in hexadecimal, by name ({@code train-images-idx3-ubyte.gz}, …)
 * @param timeout how long to wait for a connection, and then for each next piece of data, before trying the next mirror
 * @param progress told how far a file has come
 */
public record MnistDownload(
        String set, List<URI> mirrors, Map<String, String> checksums, Duration timeout, Progress progress) {
    /** EMNIST comes as one archive of archives. */
    private static final String EMNIST_ARCHIVE = "gzip.zip";

    private static final Duration TIMEOUT = Duration.ofSeconds(30);
    /** The sockets of Java count milliseconds in an int. */
    private static final Duration MAX_TIMEOUT = Duration.ofMillis(Integer.MAX_VALUE);

    private static final Progress SILENT = (file, received, total) -> {};

    private static final int MAX_REDIRECTS = 3;

    /** One GiB: twice the largest archive of this form (EMNIST, 536 MB); a server that never ends fills no disk. */
    private static final long MAX_ARCHIVE_BYTES = 1L << 30;

    private static final int MAX_PORT = 0xffff;

    /** Told while a file comes in. */
    @FunctionalInterface
    public interface Progress {
        /**
         * Called before the first byte and after each piece.
         *
         * @param file name of the archive
         * @param received bytes so far
         * @param total bytes to come in all, or -1 if the server does not say
         */
        void update(String file, long received, long total);
    }

    /**
     * A download as described.
     *
     * @throws IllegalArgumentException if there is no mirror, a checksum is missing, or the timeout is below a
     *     millisecond or above 24 days
     */
    public MnistDownload {
        mirrors = List.copyOf(mirrors);
        checksums = Map.copyOf(checksums);
        if (mirrors.isEmpty()) {
            throw new IllegalArgumentException("a download needs at least one mirror");
        }
        List<String> archives = archives(variant(set));
        if (!checksums.keySet().equals(Set.copyOf(archives))) {
            throw new IllegalArgumentException(
                    "checksums are needed for " + archives + ", but got " + checksums.keySet());
        }
        if (timeout.compareTo(Duration.ofMillis(1)) < 0 || timeout.compareTo(MAX_TIMEOUT) > 0) {
            throw new IllegalArgumentException("a timeout must be 1 ms to 24 days, but got " + timeout);
        }
    }

    private static MnistVariant variant(String set) {
        return MnistVariant.named(set)
                .orElseThrow(() ->
                        new IllegalArgumentException("there is no set " + set + " to be downloaded, but " + names()));
    }

    private static List<String> archives(MnistVariant variant) {
        return variant.isTransposed()
                ? List.of(EMNIST_ARCHIVE)
                : variant.files().stream().map(name -> name + ".gz").toList();
    }

    /** MNIST from torchvision's mirrors, 30 seconds of patience with each, silently. */
    public static MnistDownload standard() {
        return named(MnistVariant.MNIST.name());
    }

    /** The sets that can be fetched: MNIST, Fashion-MNIST, KMNIST, QMNIST, and the six of EMNIST. */
    public static List<String> names() {
        return MnistVariant.ALL.stream().map(MnistVariant::name).toList();
    }

    /**
     * A set by its name, from torchvision's mirrors, 30 seconds of patience with each, silently.
     *
     * @param name one of {@link #names}
     * @throws IllegalArgumentException if it is another
     */
    public static MnistDownload named(String name) {
        return switch (variant(name).set()) {
            case "MNIST" ->
                of(
                        name,
                        List.of("https://ossci-datasets.s3.amazonaws.com/mnist/", "http://yann.lecun.com/exdb/mnist/"),
                        "f68b3c2dcbeaaa9fbdd348bbdeb94873",
                        "d53e105ee54ea40749a09fcbcd1e9432",
                        "9fb629c4189551a2d022fa330f9573f3",
                        "ec29112dd5afa0611ce80d1b7f02629c");
            case "FashionMNIST" ->
                of(
                        name,
                        List.of("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"),
                        "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
                        "25c81989df183df01b3e8a0aad5dffbe",
                        "bef4ecab320f06d8554ea6380940ec79",
                        "bb300cfdad3c16e7a12a480ee83cd310");
            case "KMNIST" ->
                of(
                        name,
                        List.of("http://codh.rois.ac.jp/kmnist/dataset/kmnist/"),
                        "bdb82020997e1d708af4cf47b453dcf7",
                        "e144d726b3acfaa3e44228e80efcd344",
                        "5c965bf0a639b31b8f53240b1b52f4d7",
                        "7320c461ea6c1c855c0b718fb2a4b134");
            case "QMNIST" ->
                of(
                        name,
                        List.of("https://raw.githubusercontent.com/facebookresearch/qmnist/master/"),
                        "ed72d4157d28c017586c42bc6afe6370",
                        "0058f8dd561b90ffdd0f734c6a30e5e4",
                        "1394631089c404de565df7b7aeaf9412",
                        "5b5b05890a5e13444e108efe57b788aa");
            default ->
                of(name, List.of("https://biometrics.nist.gov/cs_links/EMNIST/"), "58c8d27c78d21e728a6bc7b3cc06412e");
        };
    }

    /** @param md5 in the order of {@link #archives} */
    private static MnistDownload of(String name, List<String> mirrors, String... md5) {
        List<String> archives = archives(variant(name));
        Map<String, String> checksums = new HashMap<>();
        for (int i = 0; i < md5.length; i++) {
            checksums.put(archives.get(i), md5[i]);
        }
        return new MnistDownload(name, mirrors.stream().map(URI::create).toList(), checksums, TIMEOUT, SILENT);
    }

    /** The same from other servers. */
    public MnistDownload withMirrors(List<URI> mirrors) {
        return new MnistDownload(set, mirrors, checksums, timeout, progress);
    }

    /** The same for another set of the same file names. */
    public MnistDownload withChecksums(Map<String, String> checksums) {
        return new MnistDownload(set, mirrors, checksums, timeout, progress);
    }

    /** The same with more patience, or less. */
    public MnistDownload withTimeout(Duration timeout) {
        return new MnistDownload(set, mirrors, checksums, timeout, progress);
    }

    /** The same, reporting to {@code progress}. */
    public MnistDownload withProgress(Progress progress) {
        return new MnistDownload(set, mirrors, checksums, timeout, progress);
    }

    /**
     * Downloads into {@code root/MNIST/raw}, or where torchvision has the other sets, and where {@link Mnist#load} looks; does
     * nothing if the four raw files are there.
     *
     * @param root a leading {@code ~} stands for the user's home folder
     * @throws InputException if no mirror gives an intact file (it lists each with its reason), or the folder cannot be
     *     written
     */
    public void to(Path root) throws InputException {
        MnistVariant variant = variant(set);
        Path folder = MnistFolder.raw(MnistFolder.expandUser(root), variant);
        List<Path> files = variant.files().stream().map(folder::resolve).toList();
        if (files.stream().allMatch(Files::isRegularFile)) {
            return;
        }
        try {
            Files.createDirectories(folder);
            if (variant.isTransposed()) {
                Path archive = fetched(folder.resolve(EMNIST_ARCHIVE));
                for (Path file : files) {
                    unpack(archive, "gzip/" + file.getFileName() + ".gz", file);
                }
            } else {
                for (Path file : files) {
                    unpack(fetched(folder.resolve(file.getFileName() + ".gz")), file);
                }
            }
        } catch (InputException e) {
            throw e;
        } catch (IOException e) {
            throw new InputException(
                    variant.set() + " cannot be kept in " + folder + " (" + reason(e)
                            + "); name a folder that you may write to",
                    e);
        }
    }

    /** An archive that is there whole, now or before. */
    private Path fetched(Path archive) throws IOException {
        if (!isIntact(archive)) {
            fetch(archive);
        }
        return archive;
    }

    private void fetch(Path archive) throws InputException {
        StringJoiner reasons = new StringJoiner(", ");
        for (URI mirror : mirrors) {
            try {
                fetch(URI.create(mirror.toString() + archive.getFileName()), archive);
                return;
            } catch (IOException e) {
                reasons.add(mirror + ": " + reason(e));
            }
        }
        throw new InputException(archive.getFileName() + " could not be downloaded (" + reasons
                + "); check the connection, or put the file"
                + (Files.exists(archive)
                        ? " with the MD5 " + checksums.get(archive.getFileName().toString())
                        : "")
                + " into " + archive.getParent());
    }

    private void fetch(URI address, Path archive) throws IOException {
        HttpURLConnection connection = open(address);
        try (InputStream body = connection.getInputStream()) {
            long total = connection.getContentLengthLong();
            AtomicFile.write(archive, out -> copy(body, out, archive, total));
        } finally {
            connection.disconnect();
        }
    }

    /** A connection that has answered 200. */
    private HttpURLConnection open(URI address) throws IOException {
        URI target = address;
        for (int redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
            // A redirect comes from outside: it must not lead to a file of this machine.
            if (target.getPort() > MAX_PORT
                    || !(target.toURL().openConnection() instanceof HttpURLConnection connection)) {
                throw new IOException("not an HTTP address: " + target);
            }
            connection.setInstanceFollowRedirects(false);
            connection.setConnectTimeout(Math.toIntExact(timeout.toMillis()));
            connection.setReadTimeout(Math.toIntExact(timeout.toMillis()));
            connection.setRequestProperty("User-Agent", "mnist-libtorch");
            int status = connection.getResponseCode();
            if (status == HttpURLConnection.HTTP_OK) {
                return connection;
            }
            String location = connection.getHeaderField("Location");
            connection.disconnect();
            if (status / 100 != 3 || location == null) {
                throw new IOException("HTTP status " + status);
            }
            try {
                target = target.resolve(location);
            } catch (IllegalArgumentException e) {
                throw new IOException("redirected to " + location, e);
            }
        }
        throw new IOException("more than " + MAX_REDIRECTS + " redirects");
    }

    /** Fails if what came is not the archive, so that nothing of it is kept. */
    private void copy(InputStream body, OutputStream out, Path archive, long total) throws IOException {
        String name = archive.getFileName().toString();
        MessageDigest md5 = md5();
        byte[] buffer = new byte[1 << 15];
        long received = 0;
        for (int count = 0; count >= 0; count = body.read(buffer)) {
            out.write(buffer, 0, count);
            md5.update(buffer, 0, count);
            received += count;
            if (received > MAX_ARCHIVE_BYTES) {
                throw new IOException("more than " + MAX_ARCHIVE_BYTES + " bytes came");
            }
            progress.update(name, received, total);
        }
        if (total >= 0 && received != total) {
            throw new IOException("the connection ended after " + received + " of " + total + " bytes");
        }
        String actual = HexFormat.of().formatHex(md5.digest());
        if (!actual.equals(checksums.get(name))) {
            throw new IOException("MD5 is " + actual + " instead of " + checksums.get(name));
        }
    }

    private boolean isIntact(Path archive) throws IOException {
        if (!Files.isRegularFile(archive)) {
            return false;
        }
        MessageDigest md5 = md5();
        try (InputStream in = new DigestInputStream(Files.newInputStream(archive), md5)) {
            in.transferTo(OutputStream.nullOutputStream());
        }
        return HexFormat.of()
                .formatHex(md5.digest())
                .equals(checksums.get(archive.getFileName().toString()));
    }

    private static void unpack(Path archive, Path file) throws IOException {
        try (InputStream packed = Files.newInputStream(archive)) {
            unpack(packed, file);
        }
    }

    private static void unpack(Path zip, String member, Path file) throws IOException {
        try (ZipFile archive = new ZipFile(zip.toFile())) {
            ZipEntry entry = archive.getEntry(member);
            if (entry == null) {
                throw new IOException(zip + " has no " + member);
            }
            try (InputStream packed = archive.getInputStream(entry)) {
                unpack(packed, file);
            }
        }
    }

    private static void unpack(InputStream packed, Path file) throws IOException {
        try (InputStream in = new GZIPInputStream(packed, 1 << 16)) {
            AtomicFile.write(file, in::transferTo);
        }
    }

    private static MessageDigest md5() {
        try {
            return MessageDigest.getInstance("MD5");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has MD5", e);
        }
    }

    private static String reason(IOException e) {
        if (e instanceof UnknownHostException) {
            return "unknown host " + e.getMessage();
        }
        return e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
    }
}
