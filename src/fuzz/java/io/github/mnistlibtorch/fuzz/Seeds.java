package io.github.mnistlibtorch.fuzz;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.github.mnistlibtorch.app.parity.Trace;
import io.github.mnistlibtorch.app.parity.TraceFile;
import io.github.mnistlibtorch.app.run.CheckpointWriter;
import io.github.mnistlibtorch.app.run.RunConfig;
import io.github.mnistlibtorch.torch.data.Batch;
import io.github.mnistlibtorch.torch.optim.OptimizerFactory;
import io.github.mnistlibtorch.torch.runtime.LibTorch;
import io.github.mnistlibtorch.tutorial.EpochResult;
import io.github.mnistlibtorch.tutorial.MnistModel;
import io.github.mnistlibtorch.tutorial.Training;
import io.github.mnistlibtorch.tutorial.TrainingState;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.GZIPOutputStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import javax.imageio.ImageIO;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** What to begin with: good inputs for each target, from {@code test-data} and made here. */
public final class Seeds {
    private static final RunConfig CONFIG = RunConfig.of(
            Map.of(
                    "seed", "4",
                    "val-size", "1",
                    "batch-size", "2",
                    "hidden-size", "1",
                    "dtype", "float32",
                    "optimizer", "sgd",
                    "schedule", "1@0.5"),
            /* numWorkers= */ 0);

    private final Path root;

    private Seeds(Path root) {
        this.root = root;
    }

    /** @param arguments a folder, which gets one folder for each target */
    public static void main(String[] arguments) throws IOException {
        LibTorch.start();
        Seeds seeds = new Seeds(Path.of(arguments[0]));
        seeds.idx();
        seeds.stateDicts();
        seeds.checkpoint();
        seeds.trace();
        seeds.commandLines();
        seeds.pictures();
    }

    private void idx() throws IOException {
        byte[] pixels = idx(0x803, 24, 2, 3, 4);
        put("IdxFuzz", "pixels", pixels);
        put("NpzFuzz", "colours", Files.readAllBytes(Path.of("test-data/sets/colours.npz")));
        put("IdxFuzz", "labels", idx(0x801, 5, 5));
        put("IdxFuzz", "floats", idx(0xd02, 32, 2, 4));
        put("IdxFuzz", "pixels.gz", gzip(pixels));
        put("GzipFuzz", "pixels", pixels);
        put("GzipFuzz", "doubles", idx(0xe01, 16, 2));
    }

    private static byte[] idx(int magic, int bytes, int... sizes) {
        ByteBuffer file = ByteBuffer.allocate(Integer.BYTES * (1 + sizes.length) + bytes);
        file.putInt(magic);
        for (int size : sizes) {
            file.putInt(size);
        }
        return file.array();
    }

    private void stateDicts() throws IOException {
        for (Path file : files("test-data/pt", ".pt")) {
            put("PtFuzz", name(file), Files.readAllBytes(file));
            try (ZipFile zip = new ZipFile(file.toFile())) {
                put("PickleFuzz", name(file), pickle(zip));
            }
        }
        for (Path file : files("test-data/safetensors", ".safetensors")) {
            put("PtFuzz", name(file), Files.readAllBytes(file));
            put("SafetensorsFuzz", name(file), Files.readAllBytes(file));
        }
    }

    private void checkpoint() throws IOException {
        Path folder = Files.createTempDirectory("seeds");
        Path file = folder.resolve("checkpoint.pt");
        CheckpointWriter writer = new CheckpointWriter(file, CONFIG, Map.of("kernels", "these"), null);
        TrainingState training = new TrainingState(writer);
        try (MnistModel model = new MnistModel(3, 2, 2);
                Batch batch =
                        new Batch(torch.ones(1, 3), torch.zeros(new long[] {1}, new TensorOptions(ScalarType.Long)))) {
            writer.onModelCreated(model);
            training.resume(List.of(new EpochResult(2.5, 0.125)), List.of(), 0);
            writer.onTrainingStart(training, /* resumed= */ false);
            Training.fit(1, 0.1, model, List.of(batch), List.of(batch), OptimizerFactory.ADAM, training);
        }
        try (Stream<Path> written = Files.list(folder)) {
            for (Path checkpoint : written.toList()) {
                try (ZipFile zip = new ZipFile(checkpoint.toFile())) {
                    put("CheckpointFuzz", name(checkpoint), pickle(zip));
                    put("PickleFuzz", name(checkpoint), pickle(zip));
                }
                put("PtFuzz", name(checkpoint), Files.readAllBytes(checkpoint));
                Files.delete(checkpoint);
            }
        }
        Files.delete(folder);
    }

    private static byte[] pickle(ZipFile zip) throws IOException {
        ZipEntry entry = zip.stream()
                .filter(candidate -> candidate.getName().endsWith("/data.pkl"))
                .findFirst()
                .orElseThrow();
        return zip.getInputStream(entry).readAllBytes();
    }

    /** The shortest trace that there can be, of one step. */
    private void trace() throws IOException {
        String hash = "0123456789abcdef".repeat(4);
        List<String> names = List.of("linear1.weight", "linear1.bias", "linear2.weight", "linear2.bias");
        Trace trace = new Trace(
                Trace.SCHEMA,
                new Trace.Producer("java", "2.13.0", hash, "cpu", "CPU", "AVX2", "openblas", "none", 1),
                CONFIG,
                new Trace.Split(hash, hash, List.of(1, 0), List.of(2)),
                byName(names, new Trace.InitialParameter(List.of(1L), hash, List.of(0.25))),
                new Trace.Evaluation(2.5, 0.125),
                List.of(new Trace.Epoch(
                        0,
                        0.5,
                        hash,
                        List.of(0, 1),
                        List.of(2.25),
                        2.0,
                        0.5,
                        "Epoch [0], val_loss: 2.0000, val_acc: 0.5000")),
                byName(names, new Trace.FinalParameter(List.of(1L), hash)),
                Map.of("linear1.bias.step", new Trace.FinalParameter(List.of(), hash)),
                7);
        Path file = Files.createTempFile("seed", ".json");
        TraceFile.write(file, trace);
        put("TraceFuzz", "trace.json", Files.readAllBytes(file));
        put("TraceFuzz", "trace.json.gz", gzip(Files.readAllBytes(file)));
        Files.delete(file);
    }

    private static <T> Map<String, T> byName(List<String> names, T value) {
        return names.stream().collect(Collectors.toMap(name -> name, name -> value));
    }

    private void commandLines() throws IOException {
        for (String line : List.of(
                "train",
                "train --schedule 5@0.5,5@0.1 --hidden-size 32 --batch-size 128 --seed -1 --dtype float64",
                "train --resume checkpoint.pt --optimizer=adam --num-workers 0 --threads 2 --val-size=9",
                "train --data d --out o --trace t.gz --dry-run --allow-nan --device cuda:1",
                "evaluate --model m.pt --split TEST",
                "predict --model m.pt --json a.png b.jpg",
                "parity a.json --against b.json --dtype float32",
                "info --json",
                "help train",
                "--version")) {
            put(
                    "CommandLineFuzz",
                    Integer.toHexString(line.hashCode()),
                    line.replace(' ', '\n').getBytes(UTF_8));
        }
    }

    /** A stroke, in every format and in the kinds of pixels that they have. */
    private void pictures() throws IOException {
        for (int type : new int[] {
            BufferedImage.TYPE_BYTE_GRAY,
            BufferedImage.TYPE_BYTE_BINARY,
            BufferedImage.TYPE_BYTE_INDEXED,
            BufferedImage.TYPE_USHORT_GRAY,
            BufferedImage.TYPE_INT_RGB,
            BufferedImage.TYPE_INT_ARGB
        }) {
            BufferedImage image = new BufferedImage(12, 9, type);
            for (int y = 1; y < 8; y++) {
                image.setRGB(5, y, 0xffffffff);
            }
            for (String format : List.of("png", "jpg", "bmp", "gif")) {
                ByteArrayOutputStream out = new ByteArrayOutputStream();
                if (ImageIO.write(image, format, out)) {
                    put("PictureFuzz", type + "." + format, out.toByteArray());
                }
            }
        }
    }

    private static byte[] gzip(byte[] content) throws IOException {
        ByteArrayOutputStream packed = new ByteArrayOutputStream();
        try (GZIPOutputStream gzip = new GZIPOutputStream(packed)) {
            gzip.write(content);
        }
        return packed.toByteArray();
    }

    private static List<Path> files(String folder, String ending) throws IOException {
        try (Stream<Path> files = Files.list(Path.of(folder))) {
            return files.filter(file -> file.toString().endsWith(ending)).toList();
        }
    }

    private static String name(Path file) {
        return file.getFileName().toString();
    }

    private void put(String target, String name, byte[] content) throws IOException {
        Files.write(Files.createDirectories(root.resolve(target)).resolve(name), content);
    }
}
