package io.github.mnistlibtorch;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;

/** A disk that a test mounts, fills, or breaks. */
final class Disk {
    private Disk() {}

    /** Writes to a file until the disk is full. */
    static void fill(Path file) {
        byte[] zeros = new byte[4_096];
        try (OutputStream out = Files.newOutputStream(file)) {
            while (true) {
                out.write(zeros);
            }
        } catch (IOException e) {
            return; // it is full
        }
    }

    /** @return the exit code; -1 if there is no such program */
    static int shell(String... command) throws Exception {
        try {
            return new ProcessBuilder(command).inheritIO().start().waitFor();
        } catch (IOException e) {
            return -1;
        }
    }
}
