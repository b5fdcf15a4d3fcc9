package io.github.mnistlibtorch.app.predict;

import static java.util.Objects.requireNonNull;

import io.github.mnistlibtorch.app.run.ImageSpec;
import io.github.mnistlibtorch.app.run.MnistModels;
import io.github.mnistlibtorch.app.run.RunConfig;
import io.github.mnistlibtorch.app.run.RunListener;
import io.github.mnistlibtorch.torch.data.Batch;
import io.github.mnistlibtorch.torch.data.LabeledImage;
import io.github.mnistlibtorch.torch.data.Subset;
import io.github.mnistlibtorch.torch.runtime.TensorScope;
import io.github.mnistlibtorch.torch.runtime.Tensors;
import io.github.mnistlibtorch.tutorial.EpochResult;
import io.github.mnistlibtorch.tutorial.ImageClassificationBase;
import io.github.mnistlibtorch.tutorial.TrainingState;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Device;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Notes how a training goes, for pages that watch it. All work with LibTorch is done on the training thread, between steps and only
 * while somebody watches: some losses and snapshots a second, which draw no random number and change nothing. Pages are given plain
 * numbers, as far as they have not got them; none of them can keep the training waiting.
 */
public final class TrainingMonitor implements RunListener {
    /** Points of the curve of losses; when there are more, each two become one. */
    static final int MOST_POINTS = 4_096;

    private static final long LOSS_NANOSECONDS = 100_000_000;
    private static final long SNAPSHOT_NANOSECONDS = 250_000_000;

    /** Held-out images, of which pages show what the model takes them for. */
    private static final int SAMPLE = 100;

    /** Of all images of the sample, and of the weights of a snapshot. */
    private static final int MOST_SAMPLE_PIXELS = 400_000;

    private static final int MOST_WEIGHTS = 1 << 16;

    private static final int MOST_UNITS = 64;

    private final RunConfig config;
    private final long stepsPerEpoch;
    private final long lossPeriod;
    private final long snapshotPeriod;

    // Of the training thread.
    private @Nullable Subset<LabeledImage> heldOut;
    private @Nullable ImageClassificationBase model;
    private int[] positions = {};
    private long lossRead;
    private long snapshotTaken;

    /** How many pages watch. */
    private volatile int watchers;

    // Of both, guarded by this.
    private final List<Double> losses = new ArrayList<>();
    private final List<Map<String, Object>> epochs = new ArrayList<>();
    private long firstStep;
    private long exactSteps;
    private int stride = 1;
    private int halvings;
    private double pending;
    private int pendingCount;
    private long step;
    private double loss = Double.NaN;
    private boolean isDone;
    private @Nullable Sample sample;
    private @Nullable Snapshot snapshot;

    /** Held-out images, grey, and what they show. */
    private record Sample(byte[] grey, int[] labels) {}

    /**
     * What the model is at a moment.
     *
     * @param predicted what it takes each image of the sample for
     */
    private record Snapshot(UnitWeights weights, int[] predicted) {}

    /** How much a page has been told. */
    static final class Cursor {
        private boolean isBegun;
        private boolean isEnded;
        private int halvings;
        private int losses;
        private int epochs;
        private long step = -1;
        private @Nullable Sample sample;
        private @Nullable Snapshot snapshot;

        /** Whether there will be nothing more to tell. */
        boolean isEnded() {
            return isEnded;
        }
    }

    /**
     * @param config of the run, which one process alone does
     * @param trainSize examples to train on
     */
    public TrainingMonitor(RunConfig config, int trainSize) {
        this(config, trainSize, LOSS_NANOSECONDS, SNAPSHOT_NANOSECONDS);
    }

    /** @param lossPeriod between two losses that are read, and {@code snapshotPeriod} between two snapshots; nanoseconds */
    TrainingMonitor(RunConfig config, int trainSize, long lossPeriod, long snapshotPeriod) {
        this.config = config;
        this.lossPeriod = lossPeriod;
        this.snapshotPeriod = snapshotPeriod;
        stepsPerEpoch = (trainSize + config.batchSize() - 1) / config.batchSize();
    }

    void watchers(int count) {
        watchers = count;
    }

    @Override
    public void onSplit(Subset<LabeledImage> train, Subset<LabeledImage> val) {
        heldOut = val;
    }

    @Override
    public void onModelCreated(ImageClassificationBase model) {
        this.model = model;
    }

    @Override
    public void onTrainingStart(TrainingState training, boolean resumed) {
        ImageSpec images = config.images();
        int pixels = images.rows() * images.columns();
        int count =
                Math.min(requireNonNull(heldOut).size(), Math.max(1, Math.min(SAMPLE, MOST_SAMPLE_PIXELS / pixels)));
        positions = IntStream.range(0, count).toArray();
        Sample chosen = sample();
        synchronized (this) {
            sample = chosen;
            firstStep = training.totalSteps();
            exactSteps = firstStep;
            step = firstStep;
            List<EpochResult> history = training.history();
            for (int epoch = 0; epoch < history.size(); epoch++) {
                Double trainLoss = epoch == 0 ? null : training.trainLosses().get(epoch - 1);
                epochs.add(epoch(epoch, history.get(epoch), trainLoss, null));
            }
        }
        takeSnapshot();
    }

    @Override
    public void onBatchEnd(TrainingState training, Tensor batchLoss) {
        if (watchers == 0) {
            return;
        }
        long now = System.nanoTime();
        if (now - lossRead >= lossPeriod) {
            double read = batchLoss.item_double();
            synchronized (this) {
                step = training.totalSteps();
                loss = read;
            }
            lossRead = now;
        }
        if (now - snapshotTaken >= snapshotPeriod) {
            takeSnapshot();
            snapshotTaken = System.nanoTime();
        }
    }

    @Override
    public void onEpochEnd(TrainingState training, EpochResult result) {
        synchronized (this) {
            training.stepLosses().forEach(this::addLoss);
            exactSteps = training.totalSteps();
            step = training.totalSteps();
            epochs.add(epoch(training.epochsDone(), result, training.trainLoss(), training.epochLearningRate()));
        }
    }

    @Override
    public void onRunEnd(ImageClassificationBase trained) {
        takeSnapshot();
        model = null;
    }

    /** The results are written; pages may draw. */
    public synchronized void done() {
        isDone = true;
    }

    /** The next step's. */
    synchronized void addLoss(double value) {
        pending += value;
        if (++pendingCount < stride) {
            return;
        }
        losses.add(pending / pendingCount);
        pending = 0;
        pendingCount = 0;
        if (losses.size() == MOST_POINTS) {
            for (int i = 0; i < MOST_POINTS / 2; i++) {
                losses.set(i, (losses.get(2 * i) + losses.get(2 * i + 1)) / 2);
            }
            losses.subList(MOST_POINTS / 2, MOST_POINTS).clear();
            stride *= 2;
            halvings++;
        }
    }

    private static Map<String, Object> epoch(
            int epoch, EpochResult result, @Nullable Double trainLoss, @Nullable Double learningRate) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("epoch", epoch);
        fields.put("valLoss", finite(result.valLoss()));
        fields.put("valAcc", finite(result.valAcc()));
        fields.put("trainLoss", trainLoss == null ? null : finite(trainLoss));
        fields.put("learningRate", learningRate);
        return fields;
    }

    /** JSON has no others. */
    private static @Nullable Double finite(double value) {
        return Double.isFinite(value) ? Math.round(value * 1e5) / 1e5 : null;
    }

    private Sample sample() {
        ImageSpec images = config.images();
        int[] labels = new int[positions.length];
        byte[] grey = new byte[positions.length * images.rows() * images.columns()];
        try (TensorScope scope = TensorScope.open();
                Batch batch = Batch.of(requireNonNull(heldOut), positions)) {
            long[] shown = Tensors.toLongs(batch.labels());
            Tensor upright = batch.images().mean(1);
            float[] values = Tensors.toFloats(images.isTransposed() ? upright.transpose(1, 2) : upright);
            for (int i = 0; i < grey.length; i++) {
                grey[i] = (byte) Math.round(255 * values[i]);
            }
            for (int i = 0; i < labels.length; i++) {
                labels[i] = (int) shown[i];
            }
        }
        return new Sample(grey, labels);
    }

    /** On the training thread, between steps; the model is in the mode it was in before, and nothing native is left behind. */
    private void takeSnapshot() {
        ImageClassificationBase asked = requireNonNull(model);
        boolean isTraining = asked.is_training();
        Snapshot taken;
        try (TensorScope scope = TensorScope.open();
                NoGradGuard noGrad = new NoGradGuard()) {
            asked.train(false);
            Tensor parameter = asked.parameters().get(0);
            try (Batch batch = Batch.of(requireNonNull(heldOut), positions);
                    Device device = parameter.device()) {
                Tensor input = batch.images()
                        .to(device, MnistModels.dtype(asked), /* non_blocking= */ false, /* copy= */ false, null);
                long[] labels = Tensors.toLongs(asked.forward(input).argmax(new LongOptional(1), /* keepdim= */ false));
                taken = new Snapshot(
                        UnitWeights.of(asked, config.images(), mostWeights()),
                        IntStream.range(0, labels.length)
                                .map(i -> (int) labels[i])
                                .toArray());
            }
        } finally {
            asked.train(isTraining);
        }
        synchronized (this) {
            snapshot = taken;
        }
    }

    private int mostWeights() {
        ImageSpec images = config.images();
        return Math.min(MOST_WEIGHTS, MOST_UNITS * images.rows() * images.columns());
    }

    /**
     * What a page has not been told yet, and is told now.
     *
     * @return empty if there is nothing new
     */
    Map<String, Object> news(Cursor cursor) {
        Map<String, Object> news = new LinkedHashMap<>();
        Sample newSample;
        Snapshot newSnapshot;
        synchronized (this) {
            if (!cursor.isBegun) {
                news.put("run", run());
                cursor.isBegun = true;
            }
            if (cursor.halvings != halvings) {
                cursor.halvings = halvings;
                cursor.losses = 0;
            }
            if (cursor.losses < losses.size()) {
                Map<String, Object> added = new LinkedHashMap<>();
                added.put("from", cursor.losses);
                added.put("stride", stride);
                added.put("firstStep", firstStep);
                added.put(
                        "values",
                        losses.subList(cursor.losses, losses.size()).stream()
                                .map(TrainingMonitor::finite)
                                .toList());
                news.put("losses", added);
                cursor.losses = losses.size();
            }
            if (cursor.epochs < epochs.size()) {
                news.put("epochs", List.copyOf(epochs.subList(cursor.epochs, epochs.size())));
                cursor.epochs = epochs.size();
            }
            if (cursor.step != step) {
                news.put("step", step);
                news.put("exactSteps", exactSteps);
                news.put("loss", finite(loss));
                cursor.step = step;
            }
            newSample = sample == cursor.sample ? null : sample;
            newSnapshot = snapshot == cursor.snapshot ? null : snapshot;
            cursor.sample = sample;
            cursor.snapshot = snapshot;
            if (isDone && !cursor.isEnded) {
                news.put("done", true);
                cursor.isEnded = true;
            }
        }
        if (newSample != null) {
            news.put("sample", Map.of("grey", base64(newSample.grey), "labels", newSample.labels));
        }
        if (newSnapshot != null) {
            Map<String, Object> weights = newSnapshot.weights.description();
            weights.put("bytes", base64(newSnapshot.weights.toBytes()));
            news.put("weights", weights);
            news.put("predicted", newSnapshot.predicted);
        }
        return news;
    }

    private Map<String, Object> run() {
        ImageSpec images = config.images();
        Map<String, Object> run = new LinkedHashMap<>();
        run.put("classes", images.classes());
        run.put("columns", images.columns());
        run.put("rows", images.rows());
        run.put("areDigits", images.areDigits());
        run.put("model", config.model());
        run.put("optimizer", config.optimizer());
        run.put("epochs", config.epochs());
        run.put("stepsPerEpoch", stepsPerEpoch);
        return run;
    }

    private static String base64(byte[] bytes) {
        return Base64.getEncoder().encodeToString(bytes);
    }
}
