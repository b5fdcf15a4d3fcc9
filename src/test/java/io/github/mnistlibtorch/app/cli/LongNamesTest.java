package io.github.mnistlibtorch.app.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** However long paths, names and values are: a refusal has at most 300 characters, and they name the file and end with what to do. */
@EnabledOnOs(OS.LINUX) // other systems have shorter paths
class LongNamesTest {
    /** PATH_MAX is 4,096; the last name has to fit in as well. */
    private static final int PATH_LENGTH = 3_900;

    private static final String FOLDER_NAME =
            "a folder with a long name; ".repeat(7).strip();

    @TempDir
    private Path folder;

    private Path deep;

    @BeforeEach
    void goDown() throws IOException {
        deep = folder;
        while (deep.toString().length() < PATH_LENGTH - FOLDER_NAME.length()) {
            deep = deep.resolve(FOLDER_NAME);
        }
        Files.createDirectories(deep);
    }

    @Test
    void filesThatAreNotThere() {
        refused("predict", "--model", at("weights.pt"), "a.png")
                .assertRefused("weights.pt is not a file; name an existing .pt or safetensors file");
        refused("train", "--data", at("nowhere"))
                .assertRefused("nowhere does not exist; name a folder that holds the four files of MNIST");
        refused("parity", at("trace.json"))
                .assertRefused("trace.json is not a file; name a trace that train --trace or record_trace.py wrote");
        refused("train", "--resume", at("checkpoint.pt")).assertRefused("checkpoint.pt is not a file; ");
    }

    @Test
    void filesThatAreSomethingElse() throws IOException {
        for (String name : new String[] {"poem.pt", "poem.safetensors"}) {
            Files.writeString(deep.resolve(name), "Tyger Tyger, burning bright,");
            assertThat(refused("evaluate", "--model", at(name)).err().get(0))
                    .contains(name + " is not a usable ", "; ");
        }
        Files.writeString(deep.resolve("trace.json.gz"), "x".repeat(2_000));
        refused("parity", at("trace.json.gz"))
                .assertRefused("trace.json.gz is not a usable trace", "; record it again with train --trace or");
        Files.writeString(deep.resolve("trace.json"), "{\"schema\": 2, \"" + "x".repeat(900) + "\": 1}");
        refused("parity", at("trace.json"))
                .assertRefused("trace.json is not a usable trace", "; record it again with train --trace or");
        Files.writeString(deep.resolve("file"), "kept");
        refused("train", "--data", at("file")).assertRefused("file is a file, not a folder; name the folder");
        refused("train", "--out", at("file")).assertRefused("file is a file, not a folder; choose another --out");
    }

    @Test
    void setsThatAreIncomplete() throws IOException {
        Files.createDirectory(deep.resolve("empty"));
        refused("train", "--data", at("empty"))
                .assertRefused("there is no complete set in ", "empty, where", " or with pictures by class");
        Path classes = Files.createDirectories(deep.resolve("classes"));
        Files.createDirectory(classes.resolve("y".repeat(150)));
        write(Files.createDirectory(classes.resolve("x".repeat(150))).resolve("1.png"), 5);
        refused("train", "--data", at("classes"))
                .assertRefused("the class ", "has no picture", "; put some there, or remove the folder");
    }

    @Test
    void picturesOfTwoSizes() throws IOException {
        Path shapes = Files.createDirectories(deep.resolve("s"));
        for (String name : new String[] {"circles", "squares"}) {
            Path shape = Files.createDirectory(shapes.resolve(name));
            write(shape.resolve("1.png"), name.length() + 20);
            write(shape.resolve("2.png"), name.length() + (name.equals("squares") ? 30 : 20));
        }
        refused("train", "--data", at("s"))
                .assertRefused(
                        "/squares/2.png has 37 x 37 pixels", "/circles/1.png has 27 x 27; ", "as --image-size does");
    }

    /** Of a name in a file, the longest that is read. */
    @Test
    void tensorsOfLongNames() throws IOException {
        StringBuilder header = new StringBuilder();
        for (int i = 0; i < 10; i++) {
            header.append(i == 0 ? "{" : ",").append('"').append("layer" + i + "x".repeat(5_000));
            header.append("\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[" + 4 * i + "," + (4 * i + 4) + "]}");
        }
        safetensors("other.safetensors", header + "}", 40);
        refused("evaluate", "--model", at("other.safetensors"))
                .assertRefused("other.safetensors ", "; use a file that train has written");
        safetensors("wrong.safetensors", header.toString().replace("F32", "G".repeat(5_000)) + "}", 40);
        refused("evaluate", "--model", at("wrong.safetensors"))
                .assertRefused("wrong.safetensors is not a usable safetensors file: ", "unknown dtype");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "--schedule",
                "--hidden-size",
                "--batch-size",
                "--seed",
                "--device",
                "--optimizer",
                "--threads",
                "--dtype"
            })
    void valuesOfOptions(String option) {
        refused("train", option, "9x".repeat(10_000)).assertRefused("9x9x");
    }

    @Test
    void wordsThatAreNoneOfItsOwn() {
        refused("train", "--" + "long".repeat(10_000)).assertRefused("Unknown option", "train --help)");
        refused("long".repeat(10_000)).assertRefused("longlong", "--help)");
        refused("train", "a".repeat(10_000), "b".repeat(10_000), "c".repeat(10_000))
                .assertRefused("Unmatched", "train --help)");
    }

    private CommandLineRun refused(String... arguments) {
        return CommandLineRun.of(folder, arguments);
    }

    private String at(String name) {
        return deep.resolve(name).toString();
    }

    private static void write(Path file, int side) throws IOException {
        ImageIO.write(new BufferedImage(side, side, BufferedImage.TYPE_BYTE_GRAY), "png", file.toFile());
    }

    private void safetensors(String name, String header, int data) throws IOException {
        byte[] json = header.getBytes(StandardCharsets.UTF_8);
        ByteBuffer file = ByteBuffer.allocate(Long.BYTES + json.length + data).order(ByteOrder.LITTLE_ENDIAN);
        Files.write(deep.resolve(name), file.putLong(json.length).put(json).array());
    }
}
