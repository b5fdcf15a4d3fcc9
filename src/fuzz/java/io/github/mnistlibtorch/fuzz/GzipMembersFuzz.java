package io.github.mnistlibtorch.fuzz;

import com.code_intelligence.jazzer.api.FuzzedDataProvider;
import io.github.mnistlibtorch.app.parity.TraceFile;
import io.github.mnistlibtorch.torch.vision.IdxReader;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.zip.Deflater;
import java.util.zip.DeflaterOutputStream;

/** Gzip files of several members: many, empty ones, nested ones, with every part of a header, damaged, with garbage behind them. */
public final class GzipMembersFuzz {
    private static final Scratch IDX = new Scratch("images-idx3-ubyte.gz");
    private static final Scratch TRACE = new Scratch("trace.json.gz");

    /** Of 2 x 3 pixels, and a header of one image. */
    private static final byte[] PIXELS = {0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6};

    private static final int ZEROS = 300_000;

    private GzipMembersFuzz() {}

    public static void fuzzerTestOneInput(FuzzedDataProvider input) {
        Parts file = new Parts(input);
        boolean isTrace = input.consumeBoolean();
        // What is unpacked may come in pieces, of which each is a member.
        byte[] content = isTrace ? "{\"schema\": 2}".getBytes(StandardCharsets.US_ASCII) : PIXELS;
        int done = 0;
        while (!file.isAtEnd()) {
            int end = Math.min(content.length, done + (file.number() & 0xff));
            file.repeat(
                    member(file, Arrays.copyOfRange(content, done, Math.max(done, end))), Math.max(1, file.times()));
            done = Math.max(done, end);
            if (file.rarely()) {
                file.repeat(new byte[1], file.times());
            }
        }
        byte[] packed = file.finished();
        if (isTrace) {
            TRACE.give(packed, TraceFile::read);
        } else {
            IDX.give(packed, path -> IdxReader.read(path).close());
        }
    }

    private static byte[] member(Parts choice, byte[] piece) {
        byte[] content = switch (choice.choice(8)) {
            case 0 -> new byte[0];
            case 1 -> member(choice, piece); // nested
            case 2 -> choice.bytes();
            case 3 -> choice.rarely() ? new byte[ZEROS] : piece;
            default -> piece;
        };
        Parts member = new Parts(null);
        int flags = choice.rarely() ? choice.number() & 0xff : 0;
        member.put(0x1f, choice.rarely() ? choice.number() : 0x8b, choice.rarely() ? choice.number() : 8, flags);
        member.put(new byte[6]);
        if ((flags & 4) != 0) {
            byte[] extra = choice.bytes();
            member.putLittle(choice.rarely() ? choice.number() : extra.length, 2)
                    .put(extra);
        }
        for (int text = 8; text <= 16; text *= 2) {
            if ((flags & text) != 0) {
                member.put(choice.bytes()).put(0);
            }
        }
        if ((flags & 2) != 0) {
            member.putLittle(Parts.crc32(member.toByteArray()), 2);
        }
        member.put(deflated(content, choice));
        member.putLittle(choice.rarely() ? choice.number() : Parts.crc32(content), 4);
        return member.putLittle(choice.rarely() ? choice.number() : content.length, 4)
                .toByteArray();
    }

    private static byte[] deflated(byte[] content, Parts choice) {
        Deflater deflater = new Deflater(choice.choice(10), /* nowrap= */ true);
        try {
            ByteArrayOutputStream packed = new ByteArrayOutputStream();
            DeflaterOutputStream out = new DeflaterOutputStream(packed, deflater);
            out.write(content);
            out.finish();
            return packed.toByteArray();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } finally {
            deflater.end();
        }
    }
}
