package io.github.mnistlibtorch.fuzz;

import com.code_intelligence.jazzer.api.FuzzedDataProvider;
import io.github.mnistlibtorch.torch.vision.ImageFile;
import java.nio.charset.StandardCharsets;

/** BMP, JPEG, PNG and GIF files whose headers add up mostly: formats within formats, very many scans, chunks and frames, huge sizes. */
public final class PictureHeaderFuzz {
    private static final Scratch SCRATCH = new Scratch("digit.png");

    private static final int[] BMP_HEADERS = {12, 40, 52, 56, 64, 108, 124};
    private static final int[] BITS = {1, 4, 8, 16, 24, 32, 0, 2};
    private static final int[] SIDES = {1, 2, 8, 9, 28, 200, 2_000, 2_001, 30_000, 65_535};

    private PictureHeaderFuzz() {}

    public static void fuzzerTestOneInput(FuzzedDataProvider input) {
        Parts file = new Parts(input);
        switch (file.choice(4)) {
            case 0 -> bmp(file, input);
            case 1 -> jpeg(file, input);
            case 2 -> png(file, input);
            default -> gif(file, input);
        }
        SCRATCH.give(
                file.finished(),
                // A large picture takes its time and may: what is asked is that no small file becomes one.
                path -> ImageFile.read(
                        path,
                        (reader, orientation) ->
                                (long) reader.getWidth(0) * reader.getHeight(0) <= 100_000 ? reader.read(0) : null));
    }

    private static int side(Parts file, FuzzedDataProvider input) {
        return file.rarely() ? file.number() : input.pickValue(SIDES);
    }

    private static void bmp(Parts file, FuzzedDataProvider input) {
        int header = file.rarely() ? file.number() : input.pickValue(BMP_HEADERS);
        int bits = file.rarely() ? file.number() : input.pickValue(BITS);
        int colours = file.rarely() ? file.number() : 0;
        file.put('B', 'M').putLittle(file.number(), 4).putLittle(0, 4);
        file.putLittle(file.rarely() ? file.number() : 14 + header + (bits <= 8 ? 4 << Math.max(0, bits) : 0), 4);
        file.putLittle(header, 4);
        int sideBytes = header == 12 ? 2 : 4;
        int sign = file.rarely() ? -1 : 1;
        file.putLittle(side(file, input), sideBytes).putLittle(sign * side(file, input), sideBytes);
        file.putLittle(1, 2).putLittle(bits, 2);
        if (header > 12) {
            file.putLittle(file.choice(7), 4)
                    .putLittle(file.number(), 4)
                    .putLittle(2_835, 4)
                    .putLittle(2_835, 4);
            file.putLittle(colours, 4).putLittle(colours, 4);
        }
        for (int i = 40; i < Math.min(header, 200); i++) {
            file.put(file.rarely() ? file.number() : 0);
        }
        switch (file.choice(4)) {
            case 0 -> png(file, input);
            case 1 -> jpeg(file, input);
            default -> file.put(file.rest());
        }
    }

    private static void jpeg(Parts file, FuzzedDataProvider input) {
        boolean isProgressive = input.consumeBoolean();
        int components = file.rarely() ? file.number() & 0xff : input.pickValue(new int[] {1, 3});
        file.put(0xff, 0xd8);
        if (file.rarely()) {
            byte[] exif = file.bytes();
            file.put(0xff, 0xe1)
                    .putBig(exif.length + 8, 2)
                    .put('E', 'x', 'i', 'f', 0, 0)
                    .put(exif);
        }
        file.put(0xff, 0xdb).putBig(67, 2).put(0);
        for (int i = 0; i < 64; i++) {
            file.put(1);
        }
        file.put(0xff, isProgressive ? 0xc2 : 0xc0)
                .putBig(8 + 3 * components, 2)
                .put(file.rarely() ? 12 : 8);
        file.putBig(side(file, input), 2).putBig(side(file, input), 2).put(components);
        for (int i = 0; i < components; i++) {
            file.put(i + 1, file.rarely() ? file.number() : 0x11, 0);
        }
        // One code of one bit for nothing, in each table.
        for (int table : new int[] {0x00, 0x10}) {
            file.put(0xff, 0xc4).putBig(20, 2).put(table, 1).put(new byte[15]).put(0);
        }
        if (file.rarely()) {
            file.put(0xff, 0xdd).putBig(4, 2).putBig(file.number(), 2);
        }
        while (!file.isAtEnd()) {
            int scanned = isProgressive ? 1 : Math.min(components, 4);
            Parts scan = new Parts(null);
            scan.put(0xff, 0xda).putBig(6 + 2 * scanned, 2).put(scanned);
            for (int i = 0; i < scanned; i++) {
                scan.put(i + 1, 0);
            }
            int low = isProgressive ? file.choice(3) : 0;
            scan.put(isProgressive ? Math.min(low, 1) : 0, isProgressive ? 63 * Math.min(low, 1) : 63, low);
            scan.put(file.bytes());
            file.repeat(scan.toByteArray(), Math.max(1, file.times()));
        }
        file.put(0xff, 0xd9);
    }

    private static void png(Parts file, FuzzedDataProvider input) {
        file.put(0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n');
        Parts header = new Parts(null);
        header.putBig(side(file, input), 4).putBig(side(file, input), 4);
        header.put(
                file.rarely() ? file.number() : 1 << file.choice(5),
                file.rarely() ? file.number() : input.pickValue(new int[] {0, 2, 3, 4, 6}),
                0,
                0,
                file.choice(2));
        chunk(file, file, "IHDR", header.toByteArray());
        while (!file.isAtEnd()) {
            byte[] content = file.bytes();
            switch (file.choice(8)) {
                case 0 -> chunk(file, file, "PLTE", content);
                case 1 -> chunk(file, file, "tRNS", content);
                case 2 -> chunk(file, file, "eXIf", content);
                case 3 -> chunk(file, file, "iCCP", Parts.deflated(content));
                case 4 -> {
                    Parts chunk = new Parts(null);
                    chunk(chunk, file, "zTXt", content);
                    file.repeat(chunk.toByteArray(), file.times());
                }
                case 5 -> chunk(file, file, "IDAT", content);
                default ->
                    chunk(
                            file,
                            file,
                            "IDAT",
                            Parts.deflated(new Parts(input)
                                    .repeat(content, file.times())
                                    .toByteArray()));
            }
        }
        chunk(file, file, "IEND", new byte[0]);
    }

    private static void chunk(Parts file, Parts choice, String type, byte[] content) {
        byte[] named = type.getBytes(StandardCharsets.US_ASCII);
        file.putBig(choice.rarely() ? choice.number() : content.length, 4)
                .put(named)
                .put(content);
        file.putBig(Parts.crc32(new Parts(null).put(named).put(content).toByteArray()), 4);
    }

    private static void gif(Parts file, FuzzedDataProvider input) {
        file.put('G', 'I', 'F', '8', '9', 'a');
        int width = side(file, input);
        int height = side(file, input);
        file.putLittle(width, 2).putLittle(height, 2).put(file.rarely() ? file.number() : 0x80, 0, 0);
        file.put(new byte[] {0, 0, 0, -1, -1, -1});
        while (!file.isAtEnd()) {
            Parts frame = new Parts(null);
            if (file.rarely()) {
                frame.put(0x21, file.number() & 0xff, 4).put(new byte[4]).put(0);
            }
            frame.put(0x2c).putLittle(file.number(), 2).putLittle(file.number(), 2);
            frame.putLittle(file.rarely() ? file.number() : width, 2)
                    .putLittle(height, 2)
                    .put(file.rarely() ? 0xc0 : 0);
            byte[] data = file.bytes();
            frame.put(file.rarely() ? file.number() : 2, data.length).put(data).put(0);
            file.repeat(frame.toByteArray(), Math.max(1, file.times()));
        }
        file.put(0x3b);
    }
}
