package io.github.mnistlibtorch.torch.plot;

import java.util.ArrayList;
import java.util.List;

/** Whole numbers in few words. */
final class Ranges {
    private Ranges() {}

    /** For example {@code 2, 5–9, 12}; {@code ascending} holds no number twice. */
    static String of(List<Integer> ascending) {
        List<String> ranges = new ArrayList<>();
        int start = 0;
        for (int i = 1; i <= ascending.size(); i++) {
            if (i == ascending.size() || ascending.get(i) != ascending.get(i - 1) + 1) {
                int first = ascending.get(start);
                int last = ascending.get(i - 1);
                ranges.add(first == last ? "" + first : first + "–" + last);
                start = i;
            }
        }
        return String.join(", ", ranges);
    }
}
