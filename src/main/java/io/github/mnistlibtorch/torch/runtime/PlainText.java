package io.github.mnistlibtorch.torch.runtime;

import java.util.regex.Pattern;

/** Text of files and file names, fit for a terminal. */
public final class PlainText {
    /** What moves the cursor, sets colours or turns the direction of writing, and half characters. */
    private static final Pattern UNPRINTABLE = Pattern.compile("[\\p{Cc}\\p{Cf}\\p{Cs}\\x{2028}\\x{2029}]");

    /** Of an error: what is wrong, in which file, what to do. */
    private static final int LONGEST_SENTENCE = 300;

    /** Of a result, which may list what a run was given. */
    private static final int LONGEST_LINE = 2_000;

    /** Of a path within a sentence. */
    private static final int LONGEST_NAME = 80;

    private static final int LONGEST_QUOTE = 48;

    /** A third of what is shown is the beginning: the end says most, as a path's file name or a sentence's remedy. */
    private static final int BEGINNING = 3;

    private PlainText() {}

    /** Returns {@code text} on one line, with a question mark for each control character. */
    public static String of(String text) {
        return UNPRINTABLE.matcher(text).replaceAll("?");
    }

    /** As {@link #of}, with at most 300 characters: "…" stands for the middle of a longer text. */
    public static String sentence(String text) {
        return of(shortened(text));
    }

    /** As {@link #of}, with at most 2,000 characters. */
    public static String line(String text) {
        return of(shortened(text, LONGEST_LINE));
    }

    /** Returns {@code text} with at most 300 characters, whatever they are. */
    static String shortened(String text) {
        return shortened(text, LONGEST_SENTENCE);
    }

    /** Returns a path or another name with at most 80 characters, so that a sentence has room for what else it says. */
    public static String name(Object name) {
        return shortened(name.toString(), LONGEST_NAME);
    }

    /** Returns a text of a file in quotes, as {@link #of}, with at most 48 characters. */
    public static String quoted(String text) {
        return '"' + of(shortened(text, LONGEST_QUOTE)) + '"';
    }

    private static String shortened(String text, int longest) {
        if (text.length() <= longest) {
            return text;
        }
        int begin = longest / BEGINNING;
        int end = text.length() - (longest - begin - 1);
        // No half of a character that takes two.
        return text.substring(0, Character.isLowSurrogate(text.charAt(begin)) ? begin - 1 : begin)
                + '\u2026'
                + text.substring(Character.isLowSurrogate(text.charAt(end)) ? end + 1 : end);
    }
}
