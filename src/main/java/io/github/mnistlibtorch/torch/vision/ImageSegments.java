package io.github.mnistlibtorch.torch.vision;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/** The segments of a JPEG file and the chunks of a PNG file: whether all of them are there, and the orientation that Exif gives. */
final class ImageSegments {
    private static final byte[] PNG = {(byte) 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    private static final byte[] EXIF = {'E', 'x', 'i', 'f', 0, 0};

    /** What fits a segment of JPEG, where Exif comes from. */
    private static final int MOST_EXIF = 0xffff;

    private static final int UPRIGHT = 1;
    private static final int ORIENTATIONS = 8;
    private static final int ORIENTATION_TAG = 0x0112;
    private static final int TIFF_MAGIC = 42;

    private static final int APP1 = 0xe1;
    private static final int END_OF_IMAGE = 0xd9;

    private ImageSegments() {}

    /**
     * Reads a file up to the end of its picture; what follows there is not looked at.
     *
     * @return Exif's orientation, from 1 to 8; 1 if there is none, or if the file is neither PNG nor JPEG
     * @throws EOFException if a PNG or JPEG file ends before its picture does
     */
    static int orientation(Path file) throws IOException {
        try (InputStream stream = new BufferedInputStream(Files.newInputStream(file));
                DataInputStream in = new DataInputStream(stream)) {
            in.mark(PNG.length);
            byte[] start = in.readNBytes(PNG.length);
            if (Arrays.equals(start, PNG)) {
                return ofPng(in, Files.size(file) - PNG.length);
            }
            in.reset();
            if (start.length > 2 && (start[0] & 0xff) == 0xff && (start[1] & 0xff) == 0xd8) {
                return ofJpeg(in);
            }
            return UPRIGHT;
        }
    }

    /** ImageIO takes the memory that a chunk asks for, so that none may be longer than what is left of the file. */
    private static int ofPng(DataInputStream in, long left) throws IOException {
        int orientation = UPRIGHT;
        while (true) {
            long length = Integer.toUnsignedLong(in.readInt());
            String type = new String(in.readNBytes(4), ISO_8859_1);
            left -= length + 3 * Integer.BYTES; // with length, type and checksum
            if (left < 0) {
                throw new EOFException();
            }
            if (type.equals("eXIf") && length <= MOST_EXIF) {
                orientation = ofExif(in.readNBytes((int) length));
            } else {
                in.skipNBytes(length);
            }
            in.readInt();
            if (type.equals("IEND")) {
                return orientation;
            }
        }
    }

    private static int ofJpeg(DataInputStream in) throws IOException {
        int orientation = UPRIGHT;
        in.readUnsignedShort();
        int marker = nextMarker(in);
        while (marker != END_OF_IMAGE) {
            byte[] segment = in.readNBytes(Math.max(0, in.readUnsignedShort() - Short.BYTES));
            if (marker == APP1 && Arrays.equals(Arrays.copyOf(segment, EXIF.length), EXIF)) {
                orientation = ofExif(Arrays.copyOfRange(segment, EXIF.length, segment.length));
            }
            marker = nextMarker(in);
        }
        return orientation;
    }

    /** The next marker with a segment of its own, or the end: compressed data before it is passed over. */
    private static int nextMarker(DataInputStream in) throws IOException {
        int last = 0;
        while (true) {
            int next = in.readUnsignedByte();
            boolean isEscapedOrRestart = next == 0 || next == 0xff || next >= 0xd0 && next <= 0xd7 || next == 0x01;
            if (last == 0xff && !isEscapedOrRestart) {
                return next;
            }
            last = next;
        }
    }

    /** Of Exif's first directory, which is one of TIFF; whatever is wrong with it does not hurt the picture. */
    private static int ofExif(byte[] exif) {
        if (exif.length < 8 || exif[0] != exif[1] || exif[0] != 'I' && exif[0] != 'M') {
            return UPRIGHT;
        }
        ByteBuffer tiff = ByteBuffer.wrap(exif).order(exif[0] == 'I' ? ByteOrder.LITTLE_ENDIAN : ByteOrder.BIG_ENDIAN);
        int directory = tiff.getInt(4);
        if (tiff.getShort(2) != TIFF_MAGIC || directory < 8 || directory > exif.length - 2) {
            return UPRIGHT;
        }
        int entries = Short.toUnsignedInt(tiff.getShort(directory));
        for (int entry = directory + 2; entries > 0 && entry <= exif.length - 12; entry += 12, entries--) {
            if (Short.toUnsignedInt(tiff.getShort(entry)) == ORIENTATION_TAG) {
                int orientation = Short.toUnsignedInt(tiff.getShort(entry + 8));
                return orientation >= UPRIGHT && orientation <= ORIENTATIONS ? orientation : UPRIGHT;
            }
        }
        return UPRIGHT;
    }
}
