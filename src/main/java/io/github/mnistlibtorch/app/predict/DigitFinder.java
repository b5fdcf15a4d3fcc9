package io.github.mnistlibtorch.app.predict;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/** Finds the digits of an image: the components of its ink that are neither dust nor a frame, and whatever belongs to them. */
final class DigitFinder {
    /** A digit has this share of the longer side, and at least so many pixels. */
    private static final double SMALLEST = 0.025;

    private static final int FEWEST_PIXELS = 5;

    /** Most of a frame is nearer to the border than this share of the shorter side. */
    private static final double MARGIN = 0.06;

    private static final double FRAME = 0.8;

    /** A box that was printed around a digit has less ink than this share of its area, and the digit is so large in it. */
    private static final double HOLLOW = 0.2;

    private static final double FILLING = 0.25;

    /** Ink at the border counts less: mostly it is a shadow, or the edge of a table. */
    private static final double AT_THE_BORDER = 0.02;

    /** A component that is smaller than this share of the one beside it is a piece of it, or dust. */
    private static final double ANOTHER = 0.5;

    /** And dust with less than this share of its ink. */
    private static final double DUST = 0.03;

    /** Pieces of a stroke are nearer than this share of the digit, and strokes of a digit than the other. */
    private static final double TOUCHING = 0.05;

    private static final double NEAR = 0.25;

    /** Ink that is fainter than this share of the digit's is a line or a shadow. */
    private static final double FAINT = 0.6;

    /** Strokes above each other make a digit of at most so many times its width. */
    private static final double TALLEST = 2.2;

    /** The edge of a stroke is where its ink falls below this share of the darkest. */
    private static final float EDGE = 0.3f;

    private static final int BINS = 64;

    private DigitFinder() {}

    /**
     * A digit.
     *
     * @param floor ink that counts as none in it
     * @param peak its darkest ink, but for a few pixels
     * @param isCut whether it reaches the border of the image
     */
    record Digit(Component component, float floor, float peak, boolean isCut) {}

    /**
     * What was found.
     *
     * @param digits from left to right
     * @param largest index of the digit with the most ink; −1 if there is none
     * @param components of ink, whatever they are
     */
    record Found(List<Digit> digits, int largest, int components) {
        boolean hasWholeDigit() {
            return largest >= 0 && !digits.get(largest).isCut();
        }
    }

    static Found find(InkMap map) {
        Grey ink = map.ink();
        Edges edges = edges(ink, map.grain());
        List<Component> components = Component.of(ink, i -> ink.values()[i] > edges.thresholds()[i]);
        int count = components.size();
        double smallest = Math.max(FEWEST_PIXELS, SMALLEST * Math.max(ink.width(), ink.height()));
        if (components.stream().allMatch(component -> component.box().longer() < smallest)) {
            return new Found(List.of(), -1, count);
        }
        components.removeIf(component -> isFrame(component, ink));
        List<Component> all = List.copyOf(components);
        components.removeIf(component -> isBoxAroundAnother(component, all));
        List<Component> whole = joined(components, ink);
        whole.removeIf(component -> component.box().longer() < smallest);
        if (whole.isEmpty()) {
            return new Found(List.of(), -1, count);
        }
        Component largest = whole.stream()
                .max(Comparator.comparingDouble(component -> weight(component, ink)))
                .orElseThrow();
        boolean isCut = largest.box().touchesBorder(ink);
        whole.removeIf(
                component -> component.box().longer() < ANOTHER * largest.box().longer()
                        || weight(component, ink) < DUST * weight(largest, ink)
                        || component.mean() < FAINT * largest.mean()
                        || component.box().touchesBorder(ink) && !isCut);
        whole.sort(Comparator.comparingInt(
                component -> component.box().left() + component.box().right()));
        List<Digit> digits =
                whole.stream().map(component -> digit(component, ink, edges)).toList();
        return new Found(digits, whole.indexOf(largest), count);
    }

    private static double weight(Component component, Grey ink) {
        return component.mass() * (component.box().touchesBorder(ink) ? AT_THE_BORDER : 1);
    }

    /**
     * For each pixel, the ink at the edge of the stroke that it belongs to, and the ink that counts as none beside it. Strokes
     * that hang together with the border do so through lines or shadows, from which they have to be told.
     */
    private record Edges(float[] thresholds, float[] floors) {}

    private static Edges edges(Grey ink, float grain) {
        float[] edges = new float[ink.values().length];
        float[] floors = new float[edges.length];
        Arrays.fill(edges, Float.POSITIVE_INFINITY);
        for (Component component : Component.of(ink, i -> ink.values()[i] > grain)) {
            float most = grain;
            for (int pixel : component.pixels()) {
                most = Math.max(most, ink.values()[pixel]);
            }
            boolean touchesBorder = component.box().touchesBorder(ink);
            float edge = touchesBorder ? otsu(component, ink, grain, most) : Math.max(grain, EDGE * most);
            for (int pixel : component.pixels()) {
                edges[pixel] = edge;
                floors[pixel] = touchesBorder ? edge / 2 : grain / 2;
            }
        }
        return new Edges(edges, floors);
    }

    /** Otsu's threshold: the variance between what is below and what is above is largest. */
    private static float otsu(Component component, Grey ink, float least, float most) {
        float bin = (most - least) / BINS;
        int[] counts = new int[BINS];
        double sum = 0;
        for (int pixel : component.pixels()) {
            int at = (int) Math.min(BINS - 1, (ink.values()[pixel] - least) / bin);
            counts[at]++;
            sum += at;
        }
        int all = component.pixels().length;
        int below = 0;
        double sumBelow = 0;
        double best = 0;
        int cut = 0;
        for (int i = 0; i + 1 < BINS; i++) {
            below += counts[i];
            sumBelow += (double) i * counts[i];
            if (below > 0 && below < all) {
                double difference = (sum - sumBelow) / (all - below) - sumBelow / below;
                double variance = (double) below * (all - below) * difference * difference;
                if (variance > best) {
                    best = variance;
                    cut = i + 1;
                }
            }
        }
        return least + cut * bin;
    }

    private static boolean isFrame(Component component, Grey ink) {
        double margin = Math.max(1, MARGIN * Math.min(ink.width(), ink.height()));
        long inMargin = Arrays.stream(component.pixels())
                .filter(pixel -> {
                    int x = pixel % ink.width();
                    int y = pixel / ink.width();
                    return Math.min(Math.min(x, ink.width() - 1 - x), Math.min(y, ink.height() - 1 - y)) < margin;
                })
                .count();
        return inMargin > FRAME * component.pixels().length;
    }

    private static boolean isBoxAroundAnother(Component component, List<Component> components) {
        Box box = component.box();
        return component.pixels().length < HOLLOW * box.width() * box.height()
                && components.stream()
                        .anyMatch(other ->
                                box.encloses(other.box()) && other.box().longer() > FILLING * box.longer());
    }

    /** Puts pieces of digits together, beginning with the components that have most ink. */
    private static List<Component> joined(List<Component> components, Grey ink) {
        List<Component> joined = new ArrayList<>(components);
        joined.sort(Comparator.comparingDouble(component -> -weight(component, ink)));
        if (!joined.isEmpty()) {
            double speck = DUST * joined.get(0).box().longer();
            double faint = FAINT * joined.get(0).mean();
            joined.removeIf(component -> component.box().longer() < speck || component.mean() < faint);
        }
        for (int i = 0; i < joined.size(); i++) {
            for (int j = i + 1; j < joined.size(); j++) {
                if (belongTogether(joined.get(i), joined.get(j), ink)) {
                    joined.set(i, joined.get(i).and(joined.remove(j)));
                    j = i; // a larger one may reach others
                }
            }
        }
        return joined;
    }

    /** Whole digits stand beside or above each other; pieces of one are near, and as dark. */
    private static boolean belongTogether(Component large, Component small, Grey ink) {
        Box box = large.box();
        Box other = small.box();
        if (box.touchesBorder(ink) != other.touchesBorder(ink) || small.mean() < FAINT * large.mean()) {
            return false;
        }
        int size = Math.max(box.longer(), other.longer());
        int gap = box.gapTo(other);
        if (small.mass() < DUST * large.mass()) {
            return gap <= TOUCHING * size;
        }
        boolean isPiece = Math.min(box.longer(), other.longer()) < ANOTHER * size;
        boolean isStroke = box.sharedColumns(other) >= Math.min(box.width(), other.width()) / 2
                && box.and(other).height() <= TALLEST * box.and(other).width();
        return gap <= NEAR * size && (isPiece || isStroke);
    }

    private static Digit digit(Component component, Grey ink, Edges edges) {
        int[] pixels = component.pixels();
        float[] values = new float[pixels.length];
        float floor = 0;
        for (int i = 0; i < values.length; i++) {
            values[i] = ink.values()[pixels[i]];
            floor = Math.max(floor, edges.floors()[pixels[i]]);
        }
        Arrays.sort(values);
        float peak = values[values.length * 9 / 10];
        return new Digit(
                component, Math.min(floor, peak / 2), peak, component.box().touchesBorder(ink));
    }
}
