package io.github.mnistlibtorch.app.run;

import io.github.mnistlibtorch.torch.runtime.AtomicFile;
import io.github.mnistlibtorch.tutorial.EpochResult;
import io.github.mnistlibtorch.tutorial.ImageClassificationBase;
import io.github.mnistlibtorch.tutorial.TrainingState;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import tools.jackson.databind.json.JsonMapper;

/**
 * Measures how long a run trains, evaluates and saves checkpoints. A GPU may still compute the last steps of an epoch when the
 * training thread has told them: the rest of that counts as evaluation.
 */
public final class RunTimings implements RunListener {
    private final RunListener writer;
    private long began;
    private long lastStep;
    private long training; // nanoseconds, like all of these
    private long evaluating;
    private long saving;
    private int epochs;
    private int evaluations;
    private int saves;

    /** @param writer saves the checkpoints; this tells it when the model is made, training starts and an epoch ends */
    public RunTimings(RunListener writer) {
        this.writer = writer;
    }

    @Override
    public void onModelCreated(ImageClassificationBase model) {
        writer.onModelCreated(model);
        lastStep = System.nanoTime();
    }

    @Override
    public void onTrainingStart(TrainingState training, boolean resumed) {
        if (resumed) {
            writer.onTrainingStart(training, true);
            began = System.nanoTime();
        } else {
            evaluationEnds();
            writer.onTrainingStart(training, false);
            savingEnds();
        }
    }

    @Override
    public void onBatchEnd(TrainingState training, Tensor loss) {
        lastStep = System.nanoTime();
    }

    @Override
    public void onEpochEnd(TrainingState state, EpochResult result) {
        training += lastStep - began;
        epochs++;
        evaluationEnds();
        writer.onEpochEnd(state, result);
        savingEnds();
    }

    /** A sentence: epochs, evaluations, checkpoints, and the seconds that they took. */
    @Override
    public String toString() {
        return String.format(
                Locale.ROOT,
                "Trained %d epochs in %.3f s, evaluated %d times in %.3f s, saved %d checkpoints in %.3f s.",
                epochs,
                training / 1e9,
                evaluations,
                evaluating / 1e9,
                saves,
                saving / 1e9);
    }

    /** The same by name, for programs; seconds. */
    public Map<String, Number> timings() {
        Map<String, Number> timings = new LinkedHashMap<>();
        timings.put("epochs", epochs);
        timings.put("training_seconds", training / 1e9);
        timings.put("evaluations", evaluations);
        timings.put("evaluation_seconds", evaluating / 1e9);
        timings.put("checkpoints", saves);
        timings.put("checkpoint_seconds", saving / 1e9);
        return timings;
    }

    /** Writes {@link #timings} as JSON. */
    public void write(Path file) throws IOException {
        byte[] json = JsonMapper.builder().build().writeValueAsBytes(timings());
        AtomicFile.write(file, out -> out.write(json));
    }

    private void savingEnds() {
        long now = System.nanoTime();
        saving += now - began;
        began = now;
        saves++;
    }

    private void evaluationEnds() {
        began = System.nanoTime();
        evaluating += began - lastStep;
        evaluations++;
    }
}
