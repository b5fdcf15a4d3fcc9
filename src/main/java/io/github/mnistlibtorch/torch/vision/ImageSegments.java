package io.github.mnistlibtorch.torch.vision;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.torch.runtime.PlainText;
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

/**
 * What a file says of its picture before anything is decoded.
 *
 * @param orientation that Exif gives, from 1 to 8; 1 if there is none, or if the file is neither PNG nor JPEG
 * @param scans how many times all of its pixels are gone through: a progressive JPEG has some ten, another picture one
 */
record ImageSegments(int orientation, int scans) {
    private static final byte[] PNG = {(byte) 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    private static final byte[] EXIF = {'E', 'x', 'i', 'f', 0, 0};

    /** What fits a segment of JPEG, where Exif comes from. */
    private static final int MOST_EXIF = 0xffff;

    private static final int UPRIGHT = 1;
    private static final int ORIENTATIONS = 8;
    private static final int ORIENTATION_TAG = 0x0112;
    private static final int TIFF_MAGIC = 42;

    private static final int APP1 = 0xe1;
    private static final int START_OF_SCAN = 0xda;
    private static final int END_OF_IMAGE = 0xd9;

    /** Where a BMP file says how it is compressed; a number from here on is that of another format inside of it. */
    private static final int BMP_COMPRESSION = 30;

    private static final int BMP_JPEG = 4;
    private static final int BMP_HEADER_SIZE = 14;

    /** The size of a header that does not say it. */
    private static final int BMP_OLD_HEADER = 12;

    /**
     * Reads a file up to the end of its picture; what follows there is not looked at.
     *
     * @throws EOFException if a PNG or JPEG file ends before its picture does
     * @throws InputException if a BMP file holds a picture of another format, which ImageIO would decode, however large
     */
    static ImageSegments of(Path file) throws IOException {
        try (InputStream stream = new BufferedInputStream(Files.newInputStream(file));
                DataInputStream in = new DataInputStream(stream)) {
            in.mark(BMP_COMPRESSION + 1);
            byte[] start = in.readNBytes(PNG.length);
            if (Arrays.equals(start, PNG)) {
                return new ImageSegments(ofPng(in, Files.size(file) - PNG.length), 1);
            }
            in.reset();
            if (start.length > 2 && (start[0] & 0xff) == 0xff && (start[1] & 0xff) == 0xd8) {
                return ofJpeg(in);
            }
            if (start.length > 2 && start[0] == 'B' && start[1] == 'M') {
                byte[] header = in.readNBytes(BMP_COMPRESSION + 1);
                if (header.length > BMP_COMPRESSION
                        && header[BMP_HEADER_SIZE] != BMP_OLD_HEADER
                        && header[BMP_COMPRESSION] >= BMP_JPEG) {
                    throw new InputException(
                            PlainText.name(file) + " is a BMP that holds a picture of another format; save it as PNG");
                }
            }
            return new ImageSegments(UPRIGHT, 1);
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

    private static ImageSegments ofJpeg(DataInputStream in) throws IOException {
        int orientation = UPRIGHT;
        int scans = 0;
        in.readUnsignedShort();
        int marker = nextMarker(in);
        while (marker != END_OF_IMAGE) {
            byte[] segment = in.readNBytes(Math.max(0, in.readUnsignedShort() - Short.BYTES));
            if (marker == APP1 && Arrays.equals(Arrays.copyOf(segment, EXIF.length), EXIF)) {
                orientation = ofExif(Arrays.copyOfRange(segment, EXIF.length, segment.length));
            }
            scans += marker == START_OF_SCAN ? 1 : 0;
            marker = nextMarker(in);
        }
        return new ImageSegments(orientation, scans);
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
