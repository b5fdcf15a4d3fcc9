package io.github.mnistlibtorch.app.run;

import io.github.mnistlibtorch.torch.runtime.PythonRepr;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/**
 * Some epochs at one learning rate: one call of {@code fit}.
 *
 * @param lr learning rate
 */
public record Phase(int epochs, double lr) {
    /** @throws IllegalArgumentException if {@code text} is not such as {@code 5@0.5,5@1e-1} */
    static List<Phase> schedule(String text) {
        return Arrays.stream(text.split(",", -1))
                .map(phase -> phase(phase, text))
                .toList();
    }

    private static Phase phase(String phase, String text) {
        String[] parts = phase.split("@", -1);
        try {
            int epochs = Integer.parseInt(parts[0]);
            double lr = Double.parseDouble(parts[1]);
            if (parts.length == 2 && epochs > 0 && lr >= 0 && Double.isFinite(lr)) {
                return new Phase(epochs, lr);
            }
        } catch (NumberFormatException | ArrayIndexOutOfBoundsException e) {
            // said below
        }
        throw new IllegalArgumentException("'" + text
                + "' is not EPOCHS@LR,… such as 5@0.5,5@0.1 for five epochs at learning rate 0.5, then five at 0.1");
    }

    /**
     * Whether a schedule goes on where another one ends: it has the same calls of {@code fit}, of which the last may have more
     * epochs, and maybe others after them.
     */
    public static boolean continues(List<Phase> longer, List<Phase> schedule) {
        int last = schedule.size() - 1;
        return longer.size() > last
                && longer.subList(0, last).equals(schedule.subList(0, last))
                && longer.get(last).lr == schedule.get(last).lr
                && longer.get(last).epochs >= schedule.get(last).epochs;
    }

    static String format(List<Phase> schedule) {
        return schedule.stream()
                .map(phase -> phase.epochs + "@" + PythonRepr.repr(phase.lr))
                .collect(Collectors.joining(","));
    }
}
