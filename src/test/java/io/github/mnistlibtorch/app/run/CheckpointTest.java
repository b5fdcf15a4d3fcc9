package io.github.mnistlibtorch.app.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.mnistlibtorch.LeakCheck;
import io.github.mnistlibtorch.LibTorchExtension;
import io.github.mnistlibtorch.torch.optim.OptimizerFactory;
import io.github.mnistlibtorch.torch.runtime.InputException;
import io.github.mnistlibtorch.torch.runtime.TensorScope;
import io.github.mnistlibtorch.torch.runtime.TorchRandom;
import io.github.mnistlibtorch.torch.serialization.PtFile;
import io.github.mnistlibtorch.torch.serialization.StateDict;
import io.github.mnistlibtorch.tutorial.EpochResult;
import io.github.mnistlibtorch.tutorial.MnistModel;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Optimizer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** Files that are not what they were, or never were a checkpoint. {@code ResumeTest} has what good ones are for. */
@ExtendWith(LibTorchExtension.class)
class CheckpointTest {
    private static final List<Double> TRAIN_LOSSES = List.of(1.5, 0.25);

    private static final List<EpochResult> HISTORY =
            List.of(new EpochResult(2.5, 0.1), new EpochResult(0.3, 0.9), new EpochResult(Double.NaN, 0.2));

    private static final RunConfig CONFIG =
            RunConfigs.mlp(4, List.of(2), 1, 1, 0, "float32", "adam", List.of(new Phase(3, 0.01)));

    @TempDir
    private Path folder;

    private Path file;

    @BeforeEach
    void write() throws IOException {
        file = folder.resolve("checkpoint.pt");
        write(file);
    }

    private static void write(Path file) throws IOException {
        TorchRandom.manualSeed(4);
        try (MnistModel model = new MnistModel(3, 2, 2);
                TensorVector parameters = model.parameters();
                Optimizer optimizer = OptimizerFactory.ADAM.create(parameters, 0.01)) {
            try (TensorScope scope = TensorScope.open()) {
                model.forward(torch.ones(1, 3)).sum().backward();
                optimizer.step();
            }
            new CheckpointWriter(file, CONFIG, Map.of("kernels", "these", "device", "cpu"), null)
                    .write(model, optimizer, HISTORY, TRAIN_LOSSES);
        }
    }

    @Test
    void holdsWhatWasWritten() throws IOException {
        try (Checkpoint checkpoint = Checkpoint.read(file)) {
            assertThat(checkpoint.history()).isEqualTo(HISTORY);
            assertThat(checkpoint.trainLosses()).isEqualTo(TRAIN_LOSSES);
            assertThat(Checkpoint.device(file)).isEqualTo("cpu");
            assertThat(checkpoint.epochs()).isEqualTo(2);
            assertThat(checkpoint.config()).isEqualTo(CONFIG);
            assertThat(checkpoint.computedWith()).isEqualTo(Map.of("kernels", "these", "device", "cpu"));
        }
    }

    /** A byte that matters is noticed, one that does not (in the space between the parts) changes nothing. */
    @Tag("slow")
    @Test
    void everyByteThatIsAlteredIsNoticedOrDoesNotMatter() throws IOException {
        byte[] good = Files.readAllBytes(file);
        Path copy = folder.resolve("copy.pt");
        int noticed = 0;
        long before = LeakCheck.settled();
        for (int i = 0; i < good.length; i++) {
            byte[] altered = good.clone();
            altered[i] ^= (byte) (1 << i % Byte.SIZE);
            Files.write(copy, altered);
            try (Checkpoint checkpoint = Checkpoint.read(copy)) {
                Path again = folder.resolve("again.pt");
                rewrite(checkpoint, again);
                assertThat(again).as("byte " + i).hasBinaryContent(good);
            } catch (InputException e) {
                noticed++;
            }
        }
        assertThat(Pointer.totalCount()).isEqualTo(before);
        assertThat(noticed).isGreaterThan(good.length / 2);
        System.out.println(
                "of " + 3 * good.length + " altered bytes, " + noticed + " noticed, the others of no matter");
    }

    /** What was read, written again. */
    private static void rewrite(Checkpoint checkpoint, Path file) throws IOException {
        try (MnistModel model = new MnistModel(3, 2, 2)) {
            checkpoint.restore(model);
            try (TensorVector parameters = model.parameters();
                    Optimizer optimizer =
                            checkpoint.restoring(OptimizerFactory.ADAM).create(parameters, 0.01)) {
                new CheckpointWriter(file, checkpoint.config(), checkpoint.computedWith(), null)
                        .write(model, optimizer, checkpoint.history(), checkpoint.trainLosses());
            }
        }
    }

    @Tag("slow")
    @Test
    void everyFileThatIsCutShortIsNoticed() throws IOException {
        byte[] good = Files.readAllBytes(file);
        for (int length = 0; length < good.length; length++) {
            Files.write(file, Arrays.copyOf(good, length));
            assertThatThrownBy(() -> Checkpoint.read(file)).isInstanceOf(InputException.class);
        }
    }

    @Test
    void theOneBeforeIsOfferedIfItIsGood() throws IOException {
        Path previous = Checkpoint.previous(file);
        assertThat(previous.getFileName()).hasToString("checkpoint.previous.pt");
        Files.move(file, previous);
        assertThatThrownBy(() -> Checkpoint.read(file))
                .isInstanceOf(InputException.class)
                .hasMessage(file + " is not a file; the one before it is good: --resume " + previous);
        Files.write(file, new byte[1_000]);
        assertThatThrownBy(() -> Checkpoint.read(file))
                .hasMessage(
                        file + " is not a usable checkpoint file: it is not a zip archive; the one before it is good:"
                                + " --resume " + previous);
        Files.write(previous, new byte[1_000]);
        assertThatThrownBy(() -> Checkpoint.read(file))
                .hasMessageEndingWith("it is not a zip archive; begin again without --resume");
    }

    @Test
    void whatIsNoCheckpointIsRefusedWithTheReason() throws IOException {
        try (MnistModel model = new MnistModel(3, 2, 2);
                TensorScope scope = TensorScope.open()) {
            PtFile.write(file, StateDict.of(model));
        }
        assertRefused("it lacks \"format_version\"");
        alter(dict -> dict.put("format_version", 2));
        assertRefused("it is of version 2 of the format, and this program reads version 1");
        alter(dict -> dict.put("epoch", 3));
        assertRefused("its history is not that of 3 epochs");
        alter(dict -> dict.put("history", List.of()));
        assertRefused("its history is not that of 2 epochs");
        alter(dict -> dict.put("config", 1.5));
        assertRefused("its \"config\" is not a dictionary");
        alter(dict -> dict.put("config", Map.of("seed", 4)));
        assertRefused("its \"seed\" is not a text");
        alter(dict -> dict.put("config", Map.of("seed", "4")));
        assertRefused("it does not say what --batch-size was");
        alter(dict -> dict.put("config", with("optimizer", "lion")));
        assertRefused("its --optimizer is 'lion' is not one of [sgd, momentum, adam, adamw, rmsprop]");
        alter(dict -> dict.put("config", with("world-size", "two")));
        assertRefused("its world-size is 'two', which is no number");
        alter(dict -> dict.put("config", with("schedule", "1@0.5")));
        assertRefused("it has more epochs than its schedule");
        alter(dict -> dict.remove("rng_state"));
        assertRefused("it lacks \"rng_state\"");
        alter(dict -> dict.put("model_state_dict", Map.of("linear1.weight", 1)));
        assertRefused("its \"linear1.weight\" is not a tensor");
    }

    /** Of before the training losses were kept: the same run, but for a line in a picture. */
    @Test
    void trainingLossesMayBeMissingButNotWrong() throws IOException {
        alter(dict -> dict.put("train_losses", List.of(0.5, 0.25)));
        try (Checkpoint checkpoint = Checkpoint.read(file)) {
            assertThat(checkpoint.trainLosses()).containsExactly(0.5, 0.25);
        }
        alter(dict -> {});
        try (Checkpoint checkpoint = Checkpoint.read(file)) {
            assertThat(checkpoint.trainLosses()).containsExactly(Double.NaN, Double.NaN);
        }
        alter(dict -> dict.put("train_losses", List.of(0.5)));
        assertRefused("its train_losses are not those of 2 epochs");
    }

    /** Whether a GPU is to be looked for is asked before the file is read as a whole. */
    @Test
    void deviceOfADamagedFileIsNotKnown() throws IOException {
        Files.writeString(file, "no checkpoint");
        assertThat(Checkpoint.device(file)).isEmpty();
        assertThat(Checkpoint.device(folder.resolve("missing.pt"))).isEmpty();
        alter(dict -> dict.put("computed_with", Map.of("device", 1)));
        assertThat(Checkpoint.device(file)).isEmpty();
    }

    @Test
    void stateOfSomethingElseIsRefusedBeforeItIsUsed() throws IOException {
        assertNotRestored(
                dict -> dict.put("rng_state", torch.ones(5056)), "its rng_state is not the state of a generator");
        assertNotRestored(
                dict -> dict.put("rng_state", torch.ones(new long[] {10}, new TensorOptions(ScalarType.Byte))),
                "its rng_state is not the state of a generator");
        assertNotRestored(
                dict -> dict.put(
                        "optimizer_state_dict", Map.of("state", Map.of(0L, Map.of("exp_avg", torch.ones(2, 3))))),
                "its optimizer has 1 parameters, not 4");
        assertNotRestored(
                dict -> dict.put("optimizer_state_dict", Map.of("state", adamState(torch.ones(7)))),
                "the state of its optimizer is not of this network");
        assertNotRestored(
                dict -> dict.put("optimizer_state_dict", Map.of("state", adamState(null))),
                "its optimizer_state_dict is not that of this optimizer");
    }

    /** Such a state would be updated in place, and fail after the first step; such weights would be as many as a file likes. */
    @Test
    void tensorsWhoseElementsShareMemoryAreRefused() throws IOException {
        try (TensorScope scope = TensorScope.open()) {
            alter(dict ->
                    dict.put("optimizer_state_dict", Map.of("state", Map.of(0L, Map.of("exp_avg", torch.ones(2, 9))))));
            rewritePickle(tuple(2, 9), tuple(9, 1), tuple(0, 0));
        }
        assertRefused("elements of its tensors share their memory");
    }

    /** As it stands in a pickle. */
    private static String tuple(int first, int second) {
        return "(J" + (char) first + "\0\0\0J" + (char) second + "\0\0\0t";
    }

    /** Gives a tensor other strides. */
    private void rewritePickle(String sizes, String strides, String others) throws IOException {
        Map<String, byte[]> entries = new LinkedHashMap<>();
        try (ZipFile zip = new ZipFile(file.toFile())) {
            for (ZipEntry entry : Collections.list(zip.entries())) {
                byte[] content = zip.getInputStream(entry).readAllBytes();
                if (entry.getName().endsWith("/data.pkl")) {
                    String pickle = new String(content, StandardCharsets.ISO_8859_1);
                    assertThat(pickle).contains(sizes + strides);
                    content = pickle.replace(sizes + strides, sizes + others).getBytes(StandardCharsets.ISO_8859_1);
                }
                entries.put(entry.getName(), content);
            }
        }
        try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(file))) {
            for (Map.Entry<String, byte[]> item : entries.entrySet()) {
                CRC32 checksum = new CRC32();
                checksum.update(item.getValue());
                ZipEntry entry = new ZipEntry(item.getKey());
                entry.setMethod(ZipEntry.STORED);
                entry.setSize(item.getValue().length);
                entry.setCrc(checksum.getValue());
                zip.putNextEntry(entry);
                zip.write(item.getValue());
            }
        }
    }

    /** The network would be made first, of 3 GB, and then found to have other weights. */
    @Test
    void aConfigurationThatAsksForAnotherNetworkIsRefused() throws IOException {
        alter(dict -> dict.put("config", with("hidden-size", "1000000")));
        assertRefused("its weights are not those of --hidden-size 1000000");
    }

    /** An optimizer without its memory would go on, but not as before. */
    @Test
    void missingStateIsNotMadeUp() throws IOException {
        assertNotRestored(dict -> {}, "its optimizer_state_dict is not that of this optimizer");
    }

    private static Map<Long, Object> adamState(@Nullable Tensor momentum) {
        Map<Long, Object> state = new LinkedHashMap<>();
        for (long i = 0; i < 4; i++) {
            state.put(i, momentum == null ? Map.of("step", 1L) : Map.of("step", 1L, "exp_avg", momentum));
        }
        return state;
    }

    private void assertRefused(String reason) {
        long before = Pointer.totalCount();
        assertThatThrownBy(() -> Checkpoint.read(file))
                .isInstanceOf(InputException.class)
                .hasMessageContaining(reason);
        assertThat(Pointer.totalCount()).isEqualTo(before);
    }

    private void assertNotRestored(Consumer<Map<String, Object>> change, String reason) throws IOException {
        alter(change);
        try (Checkpoint checkpoint = Checkpoint.read(file)) {
            assertThatThrownBy(() -> rewrite(checkpoint, folder.resolve("again.pt")))
                    .hasMessageContaining(reason);
        }
    }

    private void alter(Consumer<Map<String, Object>> change) throws IOException {
        write(file);
        try (TensorScope scope = TensorScope.open();
                MnistModel model = new MnistModel(3, 2, 2)) {
            Map<String, Object> dict = new HashMap<>();
            dict.put("format_version", 1);
            dict.put("epoch", 2);
            dict.put("config", CONFIG.options());
            dict.put("computed_with", Map.of());
            dict.put("history", List.of(result(), result(), result()));
            dict.put("model_state_dict", StateDict.of(model));
            dict.put("optimizer_state_dict", Map.of());
            dict.put("rng_state", TorchRandom.state());
            change.accept(dict);
            PtFile.writeDict(file, null, dict);
        }
    }

    private static Map<String, String> with(String name, String value) {
        Map<String, String> options = CONFIG.options();
        options.put(name, value);
        return options;
    }

    private static Map<String, Object> result() {
        return Map.of("val_loss", 0.5, "val_acc", 0.5);
    }
}
