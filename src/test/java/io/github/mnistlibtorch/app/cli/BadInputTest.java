package io.github.mnistlibtorch.app.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Runs in this process. Whatever is wrong with the input: one sentence that names it, exit code 2, and nothing written. */
class BadInputTest {
    private static final int UINT8_IMAGES = 0x803;
    private static final int UINT8_LABELS = 0x801;

    @TempDir
    private Path folder;

    private Path data;

    @BeforeEach
    void makeSmallSet() throws IOException {
        data = Files.createDirectory(folder.resolve("set"));
        for (String part : new String[] {"train", "t10k"}) {
            Files.write(data.resolve(part + "-images-idx3-ubyte"), idx(UINT8_IMAGES, new byte[40 * 784], 40, 28, 28));
            Files.write(data.resolve(part + "-labels-idx1-ubyte"), idx(UINT8_LABELS, new byte[40], 40));
        }
    }

    @Test
    void theSmallSetItselfIsGood() {
        CommandLineRun run = train("--schedule", "1@0.1");
        assertThat(run.exitCode()).as(String.join("\n", run.err())).isZero();
        assertThat(run.out()).startsWith("(30, 10)");
    }

    @Test
    void folderThatIsNotThere() {
        run("train", "--data", at("nowhere")).assertRefused("nowhere");
        assertNothingWritten();
    }

    @Test
    void dataThatIsAFile() throws IOException {
        Files.writeString(folder.resolve("file"), "kept");
        run("train", "--data", at("file")).assertRefused("file is a file, not a folder");
    }

    @Test
    void emptyFolder() throws IOException {
        Files.createDirectory(folder.resolve("empty"));
        run("train", "--data", at("empty")).assertRefused("empty", "train-images-idx3-ubyte");
    }

    /** Colours, a title for the window, a line that begins again, text from right to left, and a new line. */
    @ParameterizedTest
    @ValueSource(strings = {"\033[31mred", "\033]0;title\007", "a\rb", "a\u202eb", "a\u009bb", "a\nb", "a\u2028b"})
    void nothingOfANameReachesTheTerminalRaw(String name) throws IOException {
        String shown = name.replaceAll("[\\p{Cc}\\p{Cf}\u2028]", "?");
        run("predict", "--model", at(name), at(name)).assertRefused(shown + " is not a file");
        run("train", "--data", at(name)).assertRefused(shown + " does not exist");
        Files.writeString(folder.resolve(name), "no picture");
        run("parity", at(name)).assertRefused(shown);
        run("train", "--resume", at(name)).assertRefused(shown);
    }

    /** The first byte of a process's memory is not mapped: {@code read} fails with EIO. */
    @EnabledOnOs(OS.LINUX)
    @Test
    void aFileThatCannotBeReadIsNamed() {
        String memory = "/proc/self/mem";
        String sentence = memory + " cannot be read (Input/output error); ";
        run("predict", "--model", memory, "a.png").assertRefused(sentence + "name an existing .pt or safetensors file");
        run("parity", memory).assertRefused(sentence + "name a trace");
        run("train", "--resume", memory).assertRefused(sentence);
    }

    @Test
    void weightsToBeginWithAndThoseOfACheckpoint() {
        run("train", "--init", at("a.pt"), "--resume", at("b.pt"))
                .assertRefused("--resume has weights of its own, so it cannot go with --init");
        run("train", "--init", at("a.pt"), "--trace", at("t.json"))
                .assertRefused("--trace has weights of its own, so it cannot go with --init");
        run("train", "--data", at("set"), "--val-size", "10", "--batch-size", "5", "--init", at("a.pt"))
                .assertRefused("a.pt is not a file");
    }

    @Test
    void missingFile() throws IOException {
        Files.delete(data.resolve("t10k-labels-idx1-ubyte"));
        train().assertRefused("t10k-labels-idx1-ubyte");
    }

    @Test
    void wrongMagic() throws IOException {
        replace("train-images-idx3-ubyte", idx(0x12345678, new byte[40 * 784], 40, 28, 28));
        train().assertRefused("train-images-idx3-ubyte");
    }

    @Test
    void wrongType() throws IOException {
        replace("train-images-idx3-ubyte", idx(0x0D03, new byte[40 * 784 * 4], 40, 28, 28));
        train().assertRefused("train-images-idx3-ubyte");
    }

    @ParameterizedTest
    @ValueSource(ints = {-1, 1})
    void truncatedOrOverlongData(int extra) throws IOException {
        replace("train-images-idx3-ubyte", idx(UINT8_IMAGES, new byte[40 * 784 + extra], 40, 28, 28));
        train().assertRefused("train-images-idx3-ubyte");
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 3, 10})
    void truncatedHeader(int length) throws IOException {
        replace("train-images-idx3-ubyte", Arrays.copyOf(idx(UINT8_IMAGES, new byte[0], 40, 28, 28), length));
        train().assertRefused("train-images-idx3-ubyte");
    }

    @Test
    void sizesThatAskForGigabytes() throws IOException {
        replace("train-images-idx3-ubyte", idx(UINT8_IMAGES, new byte[100], Integer.MAX_VALUE, 65535, 65535));
        train().assertRefused("train-images-idx3-ubyte");
    }

    @Test
    void differentNumbersOfLabelsAndImages() throws IOException {
        replace("train-labels-idx1-ubyte", idx(UINT8_LABELS, new byte[39], 39));
        train().assertRefused("train-labels-idx1-ubyte", "39", "40");
    }

    @Test
    void corruptGzip() throws IOException {
        byte[] packed = gzip(Files.readAllBytes(data.resolve("train-images-idx3-ubyte")));
        packed[packed.length / 2] ^= 0x55;
        Files.delete(data.resolve("train-images-idx3-ubyte"));
        Files.write(data.resolve("train-images-idx3-ubyte.gz"), packed);
        train().assertRefused("train-images-idx3-ubyte.gz");
    }

    @Test
    void gzipCutShort() throws IOException {
        byte[] packed = gzip(Files.readAllBytes(data.resolve("train-images-idx3-ubyte")));
        Files.delete(data.resolve("train-images-idx3-ubyte"));
        Files.write(data.resolve("train-images-idx3-ubyte.gz"), Arrays.copyOf(packed, packed.length - 10));
        train().assertRefused("train-images-idx3-ubyte.gz");
    }

    @Test
    void picturesTooSmallForTheModel() throws IOException {
        for (String part : new String[] {"train", "t10k"}) {
            replace(part + "-images-idx3-ubyte", idx(UINT8_IMAGES, new byte[40 * 15], 40, 3, 5));
        }
        run("train", "--data", at("set"), "--model=cnn").assertRefused("3 x 5", "--model mlp");
        assertNothingWritten();
    }

    @Test
    void picturesLargerThanAnyNetworkTakes() throws IOException {
        for (String part : new String[] {"train", "t10k"}) {
            replace(part + "-images-idx3-ubyte", idx(UINT8_IMAGES, new byte[40 * 10_001], 40, 10_001, 1));
        }
        run("train", "--data", at("set")).assertRefused("10001 x 1", "10000");
        assertNothingWritten();
    }

    @Test
    void nothingLeftToTrainOn() {
        run("train", "--data", at("set"), "--val-size=40").assertRefused("40", "--val-size");
    }

    @Test
    void outThatIsAFile() throws IOException {
        Files.writeString(folder.resolve("file"), "kept");
        run("train", "--out", at("file")).assertRefused("file", "--out");
        assertThat(folder.resolve("file")).hasContent("kept");
    }

    @Test
    void outBelowAFile() throws IOException {
        Files.writeString(folder.resolve("file"), "kept");
        run("train", "--out", at("file/run")).assertRefused("file", "--out");
    }

    @ParameterizedTest
    @CsvSource({
        "--schedule,five",
        "--schedule,5",
        "--schedule,0@0.1",
        "--schedule,5@fast",
        "--schedule,5@NaN",
        "--schedule,5@-0.1",
        "--schedule,5@0.5@0.1",
        "--schedule,'5@0.5,'",
        "--hidden-size,0",
        "--hidden-size,many",
        "--batch-size,-1",
        "--batch-size,99999999999",
        "--batch-size,2000000000",
        "--num-workers,-1",
        "--threads,0",
        "--num-workers,100000",
        "--seed,1.5",
        "--val-size,0",
        "--optimizer,magic",
        "--device,abacus",
        "--device,cuda:x"
    })
    void nonsenseValue(String option, String value) {
        run("train", option, value).assertRefused(value);
    }

    @ParameterizedTest
    @CsvSource({"--seed,'1,2'", "--batch-size,'32,64'"})
    void valuesOfASweepHaveSpacesBetweenThem(String option, String values) {
        run("sweep", option, values)
                .assertRefused("several have spaces between them: " + option + " " + values.replace(',', ' '));
    }

    @Test
    void pageWithoutATrainingToWatch() {
        run("train", "--port", "8000").assertRefused("--port is for the page of --watch");
        run("train", "--watch", "--dry-run").assertRefused("--dry-run", "leave --watch out");
    }

    @Test
    void unknownOptionIsNamedWithWhatWasMeant() {
        run("train", "--hiden-size", "3").assertRefused("--hiden-size", "--hidden-size");
    }

    @Test
    void unknownCommand() {
        run("trian").assertRefused("trian");
    }

    @ParameterizedTest
    @ValueSource(strings = {"--data", "--out"})
    void blankPath(String option) {
        run("train", option, " ").assertRefused(option, "names no file or folder");
        assertNothingWritten();
    }

    @Test
    void networkOfAnotherShape() throws IOException {
        // 1 hidden unit, 2 inputs, 10 classes: zeros in the safetensors format
        String header = "{\"linear1.weight\":{\"dtype\":\"F32\",\"shape\":[1,2],\"data_offsets\":[0,8]},"
                + "\"linear2.weight\":{\"dtype\":\"F32\",\"shape\":[10,1],\"data_offsets\":[8,48]},"
                + "\"linear2.bias\":{\"dtype\":\"F32\",\"shape\":[10],\"data_offsets\":[48,88]},"
                + "\"linear1.bias\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[88,92]}}";
        ByteBuffer file = ByteBuffer.allocate(8 + header.length() + 92).order(ByteOrder.LITTLE_ENDIAN);
        file.putLong(header.length()).put(header.getBytes(StandardCharsets.US_ASCII));
        Files.write(folder.resolve("small.safetensors"), file.array());
        run("evaluate", "--model", at("small.safetensors")).assertRefused("small.safetensors", "2 inputs", "784");
    }

    @Test
    void modelThatIsNotThere() {
        run("evaluate", "--model", at("none.safetensors")).assertRefused("none.safetensors");
    }

    @Test
    void modelThatIsNoModel() throws IOException {
        Files.writeString(folder.resolve("poem.safetensors"), "Tyger Tyger, burning bright,");
        run("evaluate", "--model", at("poem.safetensors")).assertRefused("poem.safetensors");
    }

    private CommandLineRun train(String... more) {
        String[] arguments = {"train", "--data", at("set"), "--val-size", "10", "--batch-size", "8"};
        String[] all = Arrays.copyOf(arguments, arguments.length + more.length);
        System.arraycopy(more, 0, all, arguments.length, more.length);
        return run(all);
    }

    private CommandLineRun run(String... arguments) {
        return CommandLineRun.of(folder, arguments);
    }

    private String at(String name) {
        return folder.resolve(name).toString();
    }

    private void assertNothingWritten() {
        assertThat(folder.resolve("mnist-run")).doesNotExist();
    }

    private void replace(String name, byte[] content) throws IOException {
        Files.write(data.resolve(name), content);
    }

    private static byte[] idx(int magic, byte[] content, int... sizes) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        DataOutputStream out = new DataOutputStream(bytes);
        out.writeInt(magic);
        for (int size : sizes) {
            out.writeInt(size);
        }
        out.write(content);
        return bytes.toByteArray();
    }

    private static byte[] gzip(byte[] content) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (OutputStream out = new GZIPOutputStream(bytes)) {
            out.write(content);
        }
        return bytes.toByteArray();
    }
}
