package io.github.mnistlibtorch;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Digits as hands draw them on a square paper of 280 units: 25 forms, in ten styles. */
final class DrawnDigits {
    private static final int PAPER = 280;

    /** Of a digit's height. */
    private static final double WIDTH = 0.7;

    /** Points of a curve or a straight line, by a slow hand. */
    private static final int POINTS = 14;

    /**
     * Strokes in a unit square, x to the right and y down: M x y begins one, L x y goes straight, Q x y x y bends like a quadratic
     * Bézier curve, A x y rx ry from to is part of an ellipse in degrees, clockwise from the right, which begins a stroke if none is.
     */
    private record Form(int digit, String path) {}

    private static final List<Form> FORMS = List.of(
            new Form(0, "A .5 .5 .42 .5 -90 -450"),
            new Form(0, "A .5 .5 .3 .5 -60 -420"),
            new Form(0, "A .5 .5 .5 .48 -75 -415"),
            new Form(1, "M .5 0 L .5 1"),
            new Form(1, "M .25 .25 L .55 0 L .55 1"),
            new Form(1, "M .65 0 L .4 1"),
            new Form(1, "M .3 .22 L .5 0 L .5 1 M .2 1 L .8 1"),
            new Form(2, "A .5 .28 .4 .28 190 390 L .1 .98 L .95 .98"),
            new Form(2, "A .5 .27 .36 .27 200 400 L .3 .86 A .2 .88 .12 .1 -30 -320 L .95 .97"),
            new Form(3, "A .45 .25 .4 .25 205 450 A .45 .74 .47 .26 -90 150"),
            new Form(3, "M .1 0 L .85 0 L .45 .4 A .45 .7 .45 .3 -90 150"),
            new Form(4, "M .35 0 L .05 .6 L .95 .6 M .7 .15 L .7 1"),
            new Form(4, "M .7 1 L .7 0 L .05 .66 L .98 .66"),
            new Form(4, "M .15 0 L .12 .5 L .85 .5 M .88 0 L .8 1"),
            new Form(5, "M .9 0 L .2 0 L .15 .42 A .45 .69 .46 .31 -125 150"),
            new Form(5, "M .2 .02 L .17 .45 A .45 .7 .44 .3 -125 140 M .2 .02 L .92 0"),
            new Form(6, "M .75 0 Q .1 .2 .1 .68 A .48 .71 .38 .29 180 -180"),
            new Form(6, "M .6 0 L .15 .6 A .47 .72 .35 .28 200 -165"),
            new Form(7, "M .08 .02 L .92 .02 L .4 1"),
            new Form(7, "M .08 .02 L .92 .02 L .4 1 M .3 .5 L .85 .5"),
            new Form(7, "M .08 .18 L .08 .02 L .92 .02 Q .55 .45 .48 1"),
            new Form(8, "A .5 .25 .32 .25 -45 -270 A .5 .75 .4 .25 -90 270 A .5 .25 .32 .25 90 -45"),
            new Form(8, "A .5 .25 .32 .25 90 450 A .5 .75 .4 .25 -90 270"),
            new Form(9, "A .5 .27 .38 .27 -20 -380 L .8 1"),
            new Form(9, "A .5 .27 .36 .27 0 -360 Q .86 .9 .35 1"));

    /**
     * How one is drawn.
     *
     * @param pen its width
     * @param height of the digit
     * @param x of its middle
     * @param y of its middle
     * @param slant how far its top leans to the right, for its height
     * @param points of a curve or a straight line; few by a fast hand
     * @param share of the forms that are drawn so, of 25
     */
    private record Style(String name, int pen, int height, int x, int y, double slant, int points, int share) {
        boolean has(int form, int number) {
            return (7 * form + 3 * number) % FORMS.size() < share;
        }
    }

    private static final List<Style> STYLES = List.of(
            new Style("plain", 20, 180, 140, 140, 0, POINTS, 25),
            new Style("thin pen", 6, 200, 140, 140, 0, POINTS, 14),
            new Style("thick pen", 40, 200, 140, 140, 0, POINTS, 14),
            new Style("small", 20, 90, 140, 140, 0, POINTS, 14),
            new Style("in a corner", 20, 120, 70, 75, 0, POINTS, 14),
            new Style("large", 26, 245, 140, 140, 0, POINTS, 14),
            new Style("leaning right", 20, 180, 140, 140, 0.35, POINTS, 13),
            new Style("leaning left", 20, 180, 140, 140, -0.25, POINTS, 13),
            new Style("fast", 20, 180, 140, 140, 0.1, 5, 13),
            new Style("tiny", 40, 36, 140, 140, 0, POINTS, 12));

    /**
     * One digit in one style.
     *
     * @param strokes points on the paper, x and y
     */
    record Drawing(String name, int digit, boolean isTiny, int pen, List<double[][]> strokes) {}

    private DrawnDigits() {}

    /** 146 of them, 12 of which are tiny. */
    static List<Drawing> all() {
        return IntStream.range(0, STYLES.size())
                .boxed()
                .flatMap(style -> IntStream.range(0, FORMS.size())
                        .filter(form -> STYLES.get(style).has(form, style))
                        .mapToObj(form -> drawing(FORMS.get(form), form, STYLES.get(style))))
                .toList();
    }

    private static Drawing drawing(Form form, int number, Style style) {
        List<double[][]> strokes = strokes(form.path, style.points).stream()
                .map(points -> points.stream()
                        .map(point -> new double[] {
                            onPaper(style.x
                                    + style.height * (WIDTH * (point[0] - 0.5) + style.slant * (0.5 - point[1]))),
                            onPaper(style.y + style.height * (point[1] - 0.5))
                        })
                        .toArray(double[][]::new))
                .toList();
        String name = form.digit + " (form " + number + "), " + style.name;
        return new Drawing(name, form.digit, style.name.equals("tiny"), style.pen, strokes);
    }

    private static double onPaper(double place) {
        return Math.max(1, Math.min(PAPER - 1, place));
    }

    private static List<List<double[]>> strokes(String path, int points) {
        List<List<double[]>> strokes = new ArrayList<>();
        String[] words = path.split(" ");
        for (int i = 0; i < words.length; ) {
            String command = words[i++];
            int count = List.of("M", "L").contains(command) ? 2 : command.equals("Q") ? 4 : 6;
            double[] n = Stream.of(words)
                    .skip(i)
                    .limit(count)
                    .mapToDouble(Double::parseDouble)
                    .toArray();
            i += count;
            if (command.equals("M") || strokes.isEmpty()) {
                strokes.add(new ArrayList<>());
            }
            List<double[]> stroke = strokes.get(strokes.size() - 1);
            double[] from = stroke.isEmpty() ? n : stroke.get(stroke.size() - 1);
            for (int k = command.equals("M") ? points : stroke.isEmpty() ? 0 : 1; k <= points; k++) {
                double t = (double) k / points;
                stroke.add(
                        switch (command) {
                            case "Q" -> new double[] {bezier(from[0], n[0], n[2], t), bezier(from[1], n[1], n[3], t)};
                            case "A" -> {
                                double angle = Math.toRadians(n[4] + t * (n[5] - n[4]));
                                yield new double[] {n[0] + n[2] * Math.cos(angle), n[1] + n[3] * Math.sin(angle)};
                            }
                            default -> new double[] {from[0] + t * (n[0] - from[0]), from[1] + t * (n[1] - from[1])};
                        });
            }
        }
        return strokes;
    }

    private static double bezier(double from, double towards, double to, double t) {
        return (1 - t) * (1 - t) * from + 2 * t * (1 - t) * towards + t * t * to;
    }
}
