package dev.vitrail.report;

import static dev.vitrail.report.Format.pixel;

import dev.vitrail.report.Axis.Tick;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.OptionalDouble;
import java.util.function.DoubleFunction;
import java.util.stream.Collectors;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Curves or dots over a numeric axis: the places of everything that {@code curveChart.jte} draws, in pixels.
 *
 * @param title what the values are, with their unit
 * @param words what the chart says, for screen readers
 * @param across label of the x-axis
 * @param xText how a value of the x-axis is written
 * @param scale of the values; its axis ends where they do
 * @param marked where a vertical line stands; empty for none
 * @param named whether each series has its name at its end instead of in a legend
 * @param series drawn in this order
 */
record CurveChart(
        String title,
        String words,
        String across,
        DoubleFunction<String> xText,
        Scale scale,
        OptionalDouble marked,
        boolean named,
        List<Series> series) {
    static final int WIDTH = 480, HEIGHT = 280;
    /** Edges of the plot. */
    static final int LEFT = 48, TOP = 12, BOTTOM = HEIGHT - 44;
    /** Room at the right for names, and the longest name that fits into it. */
    private static final int NAMES = 150, NAME = 24;

    private static final double LINE = 13;
    private static final int X_TICKS = 12;
    /** Ticks of a logarithmic axis; where 1, 2 and 5 times the powers of ten are more, the powers alone have one. */
    private static final int LOGARITHMIC_TICKS = 7;

    /** Scale of the y-axis. */
    enum Scale {
        LINEAR,
        /** By their logarithm; values of 0 are left out. */
        LOGARITHMIC,
        /** Ranks from 1, which is at the top, by their logarithm. */
        RANK
    }

    /** Style of a series. */
    enum Style {
        LINE,
        DOTS,
        LINE_AND_DOTS,
        DASHED
    }

    /**
     * A series.
     *
     * @param color its number among the page's colors
     */
    record Series(String name, int color, Style style, List<Dot> dots) {
        Series {
            dots = List.copyOf(dots);
        }

        boolean joined() {
            return style != Style.DOTS && dots.size() > 1;
        }

        boolean dotted() {
            return style == Style.DOTS || style == Style.LINE_AND_DOTS;
        }
    }

    /** A value. */
    record Dot(double x, double y) {}

    /** A name at the end of a series. */
    record Label(double y, int color, String text) {}

    CurveChart {
        series = List.copyOf(series);
    }

    /** Series on a linear axis, their names in a legend. */
    static CurveChart of(String title, String words, String across, List<Series> series) {
        return new CurveChart(title, words, across, Format::plain, Scale.LINEAR, OptionalDouble.empty(), false, series);
    }

    CurveChart withScale(Scale other) {
        return new CurveChart(title, words, across, xText, other, marked, named, series);
    }

    /** Values of the x-axis are written so. */
    CurveChart withXText(DoubleFunction<String> text) {
        return new CurveChart(title, words, across, text, scale, marked, named, series);
    }

    CurveChart withMark(double x) {
        return new CurveChart(title, words, across, xText, scale, OptionalDouble.of(x), named, series);
    }

    /** Each series has its name at its end. */
    CurveChart withNames() {
        return new CurveChart(title, words, across, xText, scale, marked, true, series);
    }

    /** The right edge of the plot. */
    int right() {
        return WIDTH - (named ? NAMES : 14);
    }

    private boolean shown(double y) {
        return Double.isFinite(y) && (scale == Scale.LINEAR || y > 0);
    }

    private DoubleStream values() {
        return series.stream()
                .flatMap(one -> one.dots.stream())
                .mapToDouble(Dot::y)
                .filter(this::shown);
    }

    private static double place(Scale scale, double y) {
        return scale == Scale.LINEAR ? y : Math.log10(y);
    }

    private Axis vertical() {
        var ticks = tickValues();
        double low = place(scale, ticks.get(0)), high = place(scale, ticks.get(ticks.size() - 1));
        return scale == Scale.RANK ? new Axis(low, high, TOP + 6, BOTTOM) : new Axis(low, high, BOTTOM, TOP);
    }

    private Axis horizontal() {
        var xs = series.stream()
                .flatMap(one -> one.dots.stream())
                .mapToDouble(Dot::x)
                .summaryStatistics();
        double room = series.stream().anyMatch(Series::dotted) ? 8 : 0;
        return new Axis(xs.getMin(), xs.getMax(), LEFT + room, right() - room);
    }

    private List<Double> tickValues() {
        var range = values().summaryStatistics();
        if (range.getCount() == 0) {
            return List.of(scale == Scale.LINEAR ? 0.0 : 1.0, 10.0);
        }
        return switch (scale) {
            case LINEAR -> Axis.round(Math.min(0, range.getMin()), range.getMax());
            case LOGARITHMIC -> {
                var ticks = oneTwoFive(range.getMin(), range.getMax());
                yield ticks.size() <= LOGARITHMIC_TICKS ? ticks : powers(range.getMin(), range.getMax());
            }
            case RANK -> oneTwoFive(1, Math.max(2, range.getMax()));
        };
    }

    /** Powers of ten, of which the first and the last enclose two values. */
    private static List<Double> powers(double least, double most) {
        int first = (int) Math.floor(Math.log10(least) + 1e-9);
        int last = Math.max(first + 1, (int) Math.ceil(Math.log10(most) - 1e-9));
        return IntStream.rangeClosed(first, last)
                .mapToObj(power -> Math.pow(10, power))
                .toList();
    }

    /** Powers of ten, their doubles and their fivefolds, of which the first and the last enclose two values. */
    private static List<Double> oneTwoFive(double least, double most) {
        var ticks = powers(least, most).stream()
                .flatMap(power -> Stream.of(power, 2 * power, 5 * power))
                .toList();
        int first = 0, last = ticks.size() - 1;
        while (ticks.get(first + 1) <= least * (1 + 1e-9)) {
            first++;
        }
        while (last - 1 > first && ticks.get(last - 1) >= most * (1 - 1e-9)) {
            last--;
        }
        return ticks.subList(first, last + 1);
    }

    /** Ticks of the values. */
    List<Tick> ticks() {
        var axis = vertical();
        return tickValues().stream()
                .map(value -> new Tick(
                        axis.at(place(scale, value)),
                        scale == Scale.LOGARITHMIC && value < 0.01 ? Format.power(value) : Format.plain(value)))
                .toList();
    }

    /** Ticks of the x-axis: every value that occurs, or every second, fifth and so on where these are many. */
    List<Tick> xTicks() {
        var xs = series.stream()
                .flatMap(one -> one.dots.stream())
                .map(Dot::x)
                .distinct()
                .sorted()
                .toList();
        double first = xs.isEmpty() ? 0 : xs.get(0), last = xs.isEmpty() ? 1 : xs.get(xs.size() - 1);
        var axis = horizontal();
        var wanted = xs.size() <= X_TICKS && xs.size() > 1
                ? xs
                : Axis.round(first, last).stream()
                        .filter(x -> x >= first && x <= last && x == Math.rint(x))
                        .toList();
        return axis.ticks(wanted, xText);
    }

    /** The parts of a series that have no gap, as the data of an SVG path. */
    String path(Series one) {
        Axis across = horizontal(), up = vertical();
        var path = new StringBuilder();
        boolean gap = true;
        for (var dot : one.dots) {
            if (shown(dot.y)) {
                path.append(gap ? 'M' : 'L')
                        .append(pixel(across.at(dot.x)))
                        .append(' ')
                        .append(pixel(up.at(place(scale, dot.y))));
            }
            gap = !shown(dot.y);
        }
        return path.toString();
    }

    /** The dots of a series that have a value on the axis. */
    private List<Dot> shownDots(Series one) {
        return one.dots.stream().filter(dot -> shown(dot.y)).toList();
    }

    /** The dots of a series that are drawn: of a line those that no neighbor joins. */
    List<Dot> drawnDots(Series one) {
        return IntStream.range(0, one.dots.size())
                .filter(i -> shown(one.dots.get(i).y) && (one.dotted() || !shownAt(one, i - 1) && !shownAt(one, i + 1)))
                .mapToObj(one.dots::get)
                .toList();
    }

    private boolean shownAt(Series one, int i) {
        return i >= 0 && i < one.dots.size() && shown(one.dots.get(i).y);
    }

    String x(double value) {
        return pixel(horizontal().at(value));
    }

    String y(double value) {
        return pixel(vertical().at(place(scale, value)));
    }

    /** Tooltip of a dot. */
    String description(Series one, Dot dot) {
        return "%s, %s %s: %s".formatted(one.name, across, xText.apply(dot.x), Format.plain(dot.y));
    }

    /** The names of the series at their ends, apart from each other. */
    List<Label> labels() {
        var axis = vertical();
        var labels = new ArrayList<Label>();
        double last = Double.NEGATIVE_INFINITY;
        for (var one : series.stream()
                .filter(s -> !shownDots(s).isEmpty())
                .sorted(Comparator.comparingDouble(s -> axis.at(place(scale, end(s)))))
                .toList()) {
            last = Math.max(axis.at(place(scale, end(one))) + 4, last + LINE);
            labels.add(new Label(last, one.color, shortened(one.name)));
        }
        return labels;
    }

    private double end(Series one) {
        var shown = shownDots(one);
        return shown.get(shown.size() - 1).y;
    }

    private static String shortened(String name) {
        return name.length() <= NAME ? name : name.substring(0, NAME - 1) + "…";
    }

    /** Pixel of each value of the x-axis, for the page's script. */
    String places() {
        return series.stream()
                .flatMap(one -> one.dots.stream())
                .map(Dot::x)
                .distinct()
                .sorted()
                .map(this::x)
                .collect(Collectors.joining(" "));
    }

    /** Words that list the names and last values of the series. */
    String summary() {
        return words
                + series.stream()
                        .filter(one -> !shownDots(one).isEmpty())
                        .limit(LineChart.COLORS)
                        .map(one -> "%s ends at %s".formatted(one.name, Format.plain(end(one))))
                        .collect(Collectors.joining("; ", " ", "."));
    }
}
