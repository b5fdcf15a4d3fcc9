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
            return switch (system) {
                case "linux" -> elf(header, channel.size(), arm ? ELF_AARCH64 : ELF_X86_64, platform);
                case "macosx" -> machO(header, arm ? MACH_O_ARM64 : MACH_O_X86_64, platform);
                default -> portableExecutable(header, PE_X86_64, platform);
            };
        }
    }

    private static @Nullable String elf(ByteBuffer header, long size, int machine, String platform) {
        if (header.limit() < 64
                || header.getInt(0) != ELF
                || header.get(4) != 2
                || header.get(5) != 1
                || Short.toUnsignedInt(header.getShort(18)) != machine) {
            return notFor(platform);
        }
        // The section headers are the last thing in the file.
        long end = header.getLong(40)
                + (long) Short.toUnsignedInt(header.getShort(58)) * Short.toUnsignedInt(header.getShort(60));
        return end < 0 || end > size ? "is cut off" : null;
    }

    private static @Nullable String machO(ByteBuffer header, int cpu, String platform) {
        boolean thin = header.limit() >= 8 && header.getInt(0) == MACH_O && header.getInt(4) == cpu;
        boolean fat = header.limit() >= 8 && Integer.reverseBytes(header.getInt(0)) == 0xcafebabe;
        return thin || fat ? null : notFor(platform);
    }

    private static @Nullable String portableExecutable(ByteBuffer header, int machine, String platform) {
        if (header.limit() < 64 || header.get(0) != 'M' || header.get(1) != 'Z') {
            return notFor(platform);
        }
        int start = header.getInt(60);
        boolean right = start >= 0
                && start <= header.limit() - 6
                && header.getInt(start) == 0x4550
                && Short.toUnsignedInt(header.getShort(start + 4)) == machine;
        return right ? null : notFor(platform);
    }

    private static String notFor(String platform) {
        return "is not a library for " + platform;
    }
}
