package io.github.mnistlibtorch.torch.serialization;

import static io.github.mnistlibtorch.torch.runtime.PlainText.quoted;

import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.torch.runtime.LibTorch;
import io.github.mnistlibtorch.torch.runtime.Resources;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.Channels;
import java.nio.channels.ReadableByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32;
import java.util.zip.CheckedInputStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Tensor;

/** The zip file that a {@code .pt} file is: entries in one folder, none of them compressed. */
final class PtArchive implements Closeable {
    /** Bounds the memory that the table of contents takes; a tensor has one entry at most. */
    private static final int MAX_ENTRIES = 100_010;

    /** There are some other entries. */
    static final int MAX_STORAGES = 100_000;

    private final ZipFile zip;
    private final InvalidFile refusal;
    private final Map<String, ZipEntry> entries = new HashMap<>();

    /** Those that were asked for. */
    private final Map<TensorMetadata.Storage, Tensor> storages = new HashMap<>();

    /** The folder of all entries, with its slash. */
    private String root = "";

    private PtArchive(ZipFile zip, InvalidFile refusal) {
        this.zip = zip;
        this.refusal = refusal;
    }

    /**
     * Opens a file and checks that it can hold what its table of contents says.
     *
     * @throws InputException if it is no zip file, or a damaged one
     */
    static PtArchive open(Path file, InvalidFile refusal) throws IOException {
        try {
            PtArchive archive = new PtArchive(new ZipFile(file.toFile()), refusal);
            return Resources.closeOnFailure(archive::close, () -> {
                archive.index(Files.size(file));
                return archive;
            });
        } catch (IOException | RuntimeException e) {
            throw damaged(e, refusal);
        }
    }

    private void index(long fileSize) throws InputException {
        if (zip.size() > MAX_ENTRIES) {
            throw refusal.because("it has " + zip.size() + " entries, more than " + MAX_ENTRIES);
        }
        long unclaimed = fileSize;
        for (ZipEntry entry : Collections.list(zip.entries())) {
            if (entries.isEmpty()) {
                root = entry.getName().substring(0, entry.getName().indexOf('/') + 1);
            }
            if (entries.put(entry.getName(), entry) != null) {
                throw refusal.because("it has two entries " + quoted(entry.getName()));
            }
            // Entries that overlap could ask for any amount of memory.
            if (entry.getSize() < 0 || entry.getSize() > unclaimed) {
                throw refusal.because("its entries are larger than the file");
            }
            unclaimed -= entry.getSize();
        }
    }

    boolean has(String name) {
        return entries.containsKey(root + name);
    }

    /** The content of an entry of {@code limit} bytes at most. */
    byte[] bytes(String name, int limit) throws IOException {
        ZipEntry entry = entry(name);
        if (entry.getSize() > limit) {
            throw refusal.because("its " + name + " has " + entry.getSize() + " bytes, more than " + limit);
        }
        try (InputStream in = new CheckedEntry(entry)) {
            byte[] content = in.readNBytes((int) entry.getSize());
            if (content.length < entry.getSize()) {
                throw refusal.because("its " + name + " ends too early");
            }
            return content;
        } catch (IOException e) {
            throw damaged(e, refusal);
        }
    }

    /**
     * What the pickle describes; tensors of one storage share memory.
     *
     * @param name for the message
     * @return a tensor that the caller closes
     */
    Tensor tensor(String name, TensorMetadata stored) throws IOException {
        Tensor elements = storages.get(stored.storage());
        if (elements == null) {
            elements = storage(stored.storage());
            storages.put(stored.storage(), elements);
        }
        try (LongOptional offset = new LongOptional(stored.offset())) {
            Tensor view = elements.as_strided(longs(stored.sizes()), longs(stored.strides()), offset);
            if (!stored.isNegated()) {
                return view;
            }
            try (view) {
                return view.neg();
            }
        } catch (RuntimeException e) {
            throw refusal.because("LibTorch cannot hold the tensor " + quoted(name), e);
        }
    }

    private static long[] longs(List<Long> numbers) {
        return numbers.stream().mapToLong(Long::longValue).toArray();
    }

    /** A new tensor of shape ({@code numel}) with all elements of a storage. */
    private Tensor storage(TensorMetadata.Storage storage) throws IOException {
        ZipEntry entry = entry("data/" + storage.key());
        int itemSize = storage.type().bytes();
        if (entry.getSize() % itemSize != 0 || entry.getSize() / itemSize != storage.numel()) {
            throw refusal.because("its storage " + quoted(storage.key()) + " has " + entry.getSize() + " bytes, which "
                    + storage.numel() + " elements of type " + storage.type() + " are not");
        }
        try (ReadableByteChannel in = Channels.newChannel(new CheckedEntry(entry))) {
            return TensorData.read(in, storage.type(), List.of(storage.numel()), refusal);
        } catch (IOException e) {
            throw damaged(e, refusal);
        }
    }

    @Override
    public void close() throws IOException {
        storages.values().forEach(Tensor::close);
        zip.close();
    }

    private ZipEntry entry(String name) throws InputException {
        ZipEntry entry = entries.get(root + name);
        if (entry == null) {
            throw refusal.because("it has no entry " + quoted(root + name));
        }
        if (entry.getMethod() != ZipEntry.STORED || entry.getSize() != entry.getCompressedSize()) {
            throw refusal.because("its entry " + quoted(root + name) + " is compressed");
        }
        return entry;
    }

    private static InputException damaged(Exception e, InvalidFile refusal) {
        return e instanceof InputException known
                ? known
                : refusal.because("it is truncated or damaged (" + LibTorch.firstLine(e) + ")", e);
    }

    /** Compares the checksum when the last byte has been read. */
    private final class CheckedEntry extends CheckedInputStream {
        private final ZipEntry entry;
        private long left;

        CheckedEntry(ZipEntry entry) throws IOException {
            super(zip.getInputStream(entry), new CRC32());
            this.entry = entry;
            this.left = entry.getSize();
        }

        @Override
        public int read(byte[] buffer, int offset, int length) throws IOException {
            int count = super.read(buffer, offset, length);
            left -= Math.max(count, 0);
            // torch.serialization.set_crc32_options(False) leaves all checksums at 0.
            if (left == 0
                    && entry.getCrc() != 0
                    && entry.getCrc() != getChecksum().getValue()) {
                throw refusal.because("the bytes of its entry " + quoted(entry.getName()) + " are damaged");
            }
            return count;
        }
    }
}
