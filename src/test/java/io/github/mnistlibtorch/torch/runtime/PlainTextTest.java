package io.github.mnistlibtorch.torch.runtime;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class PlainTextTest {
    /** 299 characters of the text and the sign, 100 before it. */
    @Test
    void ofALongSentenceTheBeginningAndTheEndAreLeft() {
        String end = "; name another file";
        String sentence = PlainText.sentence("a".repeat(5_000) + end);
        assertThat(sentence)
                .isEqualTo("a".repeat(100) + "\u2026" + "a".repeat(199 - end.length()) + end)
                .hasSize(300);
        assertThat(PlainText.sentence("a".repeat(300))).isEqualTo("a".repeat(300));
        assertThat(PlainText.line("a".repeat(2_000))).isEqualTo("a".repeat(2_000));
        assertThat(PlainText.line("a".repeat(2_001))).hasSize(2_000);
    }

    @Test
    void ofAPathTheFileNameIsLeft() {
        Path path = Path.of("/home/" + "someone/".repeat(400) + "digits/seven.png");
        assertThat(PlainText.name(path))
                .startsWith("/home/someone/")
                .endsWith("/digits/seven.png")
                .hasSize(80);
        assertThat(PlainText.name(Path.of("seven.png"))).isEqualTo("seven.png");
    }

    @Test
    void textsOfFilesAreQuotedOnOneLine() {
        assertThat(PlainText.quoted("linear1\n\033[31m")).isEqualTo("\"linear1??[31m\"");
        assertThat(PlainText.quoted("x".repeat(49))).isEqualTo('"' + "x".repeat(16) + '\u2026' + "x".repeat(31) + '"');
    }

    /** A musical symbol takes two of Java's characters, and is kept whole or left out whole, wherever the cut is. */
    @Test
    void noCharacterIsCutInTwo() {
        String clef = "\ud834\udd1e";
        for (int before = 0; before < 4; before++) {
            for (int behind = 0; behind < 4; behind++) {
                String text = "a".repeat(before) + clef.repeat(400) + "b".repeat(behind);
                assertThat(PlainText.sentence(text)).doesNotContain("?").hasSizeBetween(298, 300);
            }
        }
    }
}
