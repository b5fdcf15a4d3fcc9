package io.github.mnistlibtorch.torch.runtime;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** Looks at the header of a shared library before the linker does, which ends the process over a file that is cut off. */
final class SharedLibrary {
    private static final int HEADER = 4096;

    private static final int ELF = 0x464c457f;
    private static final int ELF_X86_64 = 62;
    private static final int ELF_AARCH64 = 183;

    private static final int MACH_O = 0xfeedfacf;
    private static final int MACH_O_X86_64 = 0x01000007;
    private static final int MACH_O_ARM64 = 0x0100000c;

    private static final int PE_X86_64 = 0x8664;

    private SharedLibrary() {}

    /**
     * Why a file is no library for a platform.
     *
     * @param platform as JavaCPP calls it, for example {@code linux-x86_64}
     * @return a clause for a sentence that begins with the file, or {@code null} if it looks like one
     * @throws IOException if it cannot be read
     */
    static @Nullable String problem(Path file, String platform) throws IOException {
        try (FileChannel channel = FileChannel.open(file)) {
            ByteBuffer header = ByteBuffer.allocate(HEADER).order(ByteOrder.LITTLE_ENDIAN);
            while (header.hasRemaining() && channel.read(header) >= 0) {
                // a read may give less than there is
            }
            header.flip();
            String system = platform.substring(0, platform.indexOf('-'));
            boolean arm = platform.endsWith("arm64");
            boolean right = switch (system) {
                case "linux" -> isElf(header, arm ? ELF_AARCH64 : ELF_X86_64);
                case "macosx" -> isMachO(header, arm ? MACH_O_ARM64 : MACH_O_X86_64);
                default -> isPortableExecutable(header, PE_X86_64);
            };
            if (!right) {
                return "is not a library for " + platform;
            }
            return system.equals("linux") && isElfCutOff(header, channel.size()) ? "is cut off" : null;
        }
    }

    private static boolean isElf(ByteBuffer header, int machine) {
        return header.limit() >= 64
                && header.getInt(0) == ELF
                && header.get(4) == 2
                && header.get(5) == 1
                && Short.toUnsignedInt(header.getShort(18)) == machine;
    }

    /** The section headers are the last thing in the file. */
    private static boolean isElfCutOff(ByteBuffer header, long size) {
        long end = header.getLong(40)
                + (long) Short.toUnsignedInt(header.getShort(58)) * Short.toUnsignedInt(header.getShort(60));
        return end < 0 || end > size;
    }

    private static boolean isMachO(ByteBuffer header, int cpu) {
        boolean thin = header.limit() >= 8 && header.getInt(0) == MACH_O && header.getInt(4) == cpu;
        boolean fat = header.limit() >= 8 && Integer.reverseBytes(header.getInt(0)) == 0xcafebabe;
        return thin || fat;
    }

    private static boolean isPortableExecutable(ByteBuffer header, int machine) {
        if (header.limit() < 64 || header.get(0) != 'M' || header.get(1) != 'Z') {
            return false;
        }
        int start = header.getInt(60);
        return start >= 0
                && start <= header.limit() - 6
                && header.getInt(start) == 0x4550
                && Short.toUnsignedInt(header.getShort(start + 4)) == machine;
    }
}
