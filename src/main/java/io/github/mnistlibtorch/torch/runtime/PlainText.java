package io.github.mnistlibtorch.torch.runtime;

import java.util.regex.Pattern;

/** Text of files and file names, fit for a terminal. */
public final class PlainText {
    /** What moves the cursor, sets colours or turns the direction of writing, and half characters. */
    private static final Pattern UNPRINTABLE = Pattern.compile("[\\p{Cc}\\p{Cf}\\p{Cs}\\x{2028}\\x{2029}]");

    private static final int LONGEST = 2_000;

    private PlainText() {}

    /** On one line, with a question mark for each control character. */
    public static String of(String text) {
        return UNPRINTABLE.matcher(text).replaceAll("?");
    }

    /** As {@link #of}, and without the middle if it is very long. */
    public static String sentence(String text) {
        return of(
                text.length() <= LONGEST
                        ? text
                        : text.substring(0, LONGEST / 2) + " ... " + text.substring(text.length() - LONGEST / 2));
    }
}
