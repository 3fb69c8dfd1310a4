package dev.vitrail.report;

import static dev.vitrail.report.Format.pixel;

import dev.vitrail.report.Axis.Tick;
import java.util.ArrayList;
import java.util.List;
import java.util.function.DoubleFunction;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Curves over epochs: the places of everything that {@code lineChart.jte} and {@link CurvesImage} draw, in pixels.
 *
 * @param curves drawn in the order of the page's colors
 * @param text how a value is written
 */
record LineChart(String title, List<Curve> curves, DoubleFunction<String> text) {
    static final int WIDTH = 520, HEIGHT = 270;
    /** Edges of the plot. */
    static final int LEFT = 58, RIGHT = WIDTH - 14, TOP = 10, BOTTOM = HEIGHT - 28;
    /** Colors of the page's style, c0 and so on. */
    static final int COLORS = 8;
    /** Epochs up to which each has a dot. */
    private static final int DOTTED = 40;

    /**
     * A curve.
     *
     * @param values one per epoch, from the first; NaN and infinities leave a gap
     */
    record Curve(String name, List<Double> values) {
        Curve {
            values = List.copyOf(values);
        }
    }

    /** A place in the drawing. */
    record Dot(double x, double y) {}

    LineChart {
        curves = List.copyOf(curves);
    }

    String svg() {
        return Page.render("report/lineChart.jte", this);
    }

    /** The color of that curve or series. */
    static int color(int number) {
        return number % COLORS;
    }

    int epochs() {
        return curves.stream().mapToInt(curve -> curve.values.size()).max().orElse(0);
    }

    /** Ticks of the values. */
    List<Tick> ticks() {
        return vertical().ticks(roundValues(), text);
    }

    List<Tick> epochTicks() {
        int epochs = epochs(), apart = 1;
        for (int i = 0; epochs / apart > 10; i++) {
            apart = (int) ((i % 3 == 0 ? 2 : i % 3 == 1 ? 5 : 10) * Math.pow(10, i / 3));
        }
        int step = apart;
        return IntStream.rangeClosed(1, epochs)
                .filter(epoch -> epoch % step == 0)
                .mapToObj(epoch -> new Tick(horizontal().at(epoch), String.valueOf(epoch)))
                .toList();
    }

    /** Pixel of each epoch on the x-axis, for the page's script. */
    String columns() {
        return IntStream.rangeClosed(1, epochs())
                .mapToObj(epoch -> pixel(horizontal().at(epoch)))
                .collect(Collectors.joining(" "));
    }

    /** The values of a curve, for the page's script. */
    String values(Curve curve) {
        return curve.values.stream()
                .map(value -> Double.isFinite(value) ? text.apply(value) : "–")
                .collect(Collectors.joining("|"));
    }

    /** The parts of a curve that have no gap. */
    List<List<Dot>> parts(Curve curve) {
        Axis across = horizontal(), up = vertical();
        var parts = new ArrayList<List<Dot>>();
        boolean gap = true;
        for (int i = 0; i < curve.values.size(); i++) {
            double value = curve.values.get(i);
            if (Double.isFinite(value)) {
                if (gap) {
                    parts.add(new ArrayList<>());
                }
                parts.get(parts.size() - 1).add(new Dot(across.at(i + 1), up.at(value)));
            }
            gap = !Double.isFinite(value);
        }
        return parts;
    }

    /** A curve as the data of an SVG path. */
    String path(Curve curve) {
        return parts(curve).stream()
                .map(part -> part.stream()
                        .map(dot -> pixel(dot.x) + " " + pixel(dot.y))
                        .collect(Collectors.joining("L", "M", "")))
                .collect(Collectors.joining());
    }

    /** The dots of a curve, if the epochs are few enough for them. */
    List<Dot> dots(Curve curve) {
        return epochs() <= DOTTED ? parts(curve).stream().flatMap(List::stream).toList() : List.of();
    }

    /** A single epoch lies in the middle. */
    private Axis horizontal() {
        return new Axis(1, epochs(), LEFT, RIGHT);
    }

    private Axis vertical() {
        return Axis.over(roundValues(), BOTTOM, TOP);
    }

    private List<Double> roundValues() {
        var all = curves.stream()
                .flatMap(curve -> curve.values.stream())
                .mapToDouble(Double::doubleValue)
                .filter(Double::isFinite)
                .summaryStatistics();
        return all.getCount() == 0 ? Axis.round(0, 1) : Axis.round(all.getMin(), all.getMax());
    }
}
