package dev.vitrail.report;

import static dev.vitrail.report.Format.pixel;

import dev.vitrail.report.Axis.Tick;
import java.util.ArrayList;
import java.util.List;
import java.util.function.DoubleFunction;
import java.util.stream.Collectors;

/**
 * Accuracies against another figure: the places of everything that {@code pointChart.jte} draws, in pixels. A series of
 * several points is a line; a single point has its name beside it.
 *
 * @param across label of the x-axis
 * @param logarithmic whether equal steps of the x-axis are equal factors, with a tick at each value that occurs
 * @param series drawn in the order of the page's colors
 * @param text how a value of the x-axis is written
 */
record PointChart(String title, String across, boolean logarithmic, List<Series> series, DoubleFunction<String> text) {
    static final int WIDTH = 520, HEIGHT = 300;
    /** Edges of the plot. */
    static final int LEFT = 50, RIGHT = WIDTH - 18, TOP = 12, BOTTOM = HEIGHT - 48;
    /** Width of a letter, height of a line of text, and least distance between labels of an axis. */
    private static final double LETTER = 6.3, LINE = 13, APART = 8;

    /** Half the size of a mark. */
    private static final double MARK = 4.5;

    /**
     * A point.
     *
     * @param y per cent
     * @param spread either way, per cent; 0 if unknown
     */
    record Point(double x, double y, double spread) {}

    record Series(String name, List<Point> points) {
        Series {
            points = List.copyOf(points);
        }
    }

    /** Text that begins at this place. */
    record Label(double x, double y, String text) {}

    /** A rectangle of the drawing. */
    private record Box(double x, double y, double width, double height) {
        double overlap(Box other) {
            double across = Math.min(x + width, other.x + other.width) - Math.max(x, other.x);
            double up = Math.min(y + height, other.y + other.height) - Math.max(y, other.y);
            return across > 0 && up > 0 ? across * up : 0;
        }
    }

    PointChart {
        series = List.copyOf(series);
    }

    /** Returns true if any series is a line. */
    boolean joined() {
        return series.stream().anyMatch(one -> one.points.size() > 1);
    }

    /** Ticks of the accuracies. */
    List<Tick> ticks() {
        return vertical().ticks(accuracies(), Format::plain);
    }

    /** Ticks of the x-axis, as many as have room beside each other; each at the middle of its label. */
    List<Tick> xTicks() {
        var ticks = new ArrayList<Tick>();
        double end = Double.NEGATIVE_INFINITY;
        for (double value : figures()) {
            var label = text.apply(value);
            double width = label.length() * LETTER;
            double from = Math.min(right(value) - width / 2, WIDTH - width);
            if (from - end >= APART) {
                ticks.add(new Tick(from + width / 2, label));
                end = from + width;
            }
        }
        return ticks;
    }

    /** The line of a series as the data of an SVG path. */
    String path(Series one) {
        return one.points.stream()
                .map(point -> pixel(right(point.x)) + " " + pixel(down(point.y)))
                .collect(Collectors.joining("L", "M", ""));
    }

    /** The spread of a point as the data of an SVG path. */
    String whisker(Point point) {
        return "M%s %sV%s"
                .formatted(
                        pixel(right(point.x)),
                        pixel(down(point.y - point.spread)),
                        pixel(down(point.y + point.spread)));
    }

    /**
     * A point of that series as the data of an SVG path: a circle, where the colors come round again a square,
     * then a diamond.
     */
    String mark(int number, Point point) {
        double x = right(point.x), y = down(point.y);
        return switch (number / LineChart.COLORS % 3) {
            case 0 ->
                "M%s %sa%3$s %3$s 0 1 0 %4$s 0a%3$s %3$s 0 1 0 -%4$s 0z"
                        .formatted(pixel(x - MARK), pixel(y), pixel(MARK), pixel(2 * MARK));
            case 1 -> "M%s %sh%3$sv%3$sh-%3$sz".formatted(pixel(x - MARK), pixel(y - MARK), pixel(2 * MARK));
            default ->
                "M%s %sl%3$s %3$sl-%3$s %3$sl-%3$s -%3$sz"
                        .formatted(pixel(x), pixel(y - 1.2 * MARK), pixel(1.2 * MARK));
        };
    }

    String description(Series one, Point point) {
        return "%s: %s %% at %s".formatted(one.name, Format.hundredths(point.y), text.apply(point.x));
    }

    /** Names beside their points, each where it hides least of marks and of names before it. */
    List<Label> names() {
        var taken = new ArrayList<Box>();
        for (var one : series) {
            for (var point : one.points) {
                double top = down(point.y + point.spread), bottom = down(point.y - point.spread);
                taken.add(new Box(right(point.x) - MARK, top - MARK, 2 * MARK, bottom - top + 2 * MARK));
            }
        }
        var names = new ArrayList<Label>();
        for (var one : series) {
            for (var point : one.points) {
                var box = place(one.name, right(point.x), down(point.y), taken);
                taken.add(box);
                names.add(new Label(box.x, box.y + LINE - 3, one.name));
            }
        }
        return names;
    }

    private static Box place(String name, double x, double y, List<Box> taken) {
        double width = name.length() * LETTER;
        double gap = MARK + 4;
        var inside = new Box(LEFT, TOP - 8, WIDTH - LEFT - 2, BOTTOM - TOP + 8);
        var best = new Box(x + gap, y - LINE / 2, width, LINE);
        double least = Double.POSITIVE_INFINITY;
        for (double up : new double[] {0, -1, 1, -2, 2, -3, 3}) {
            for (double left : new double[] {x + gap, x - gap - width, x - width / 2}) {
                var box = new Box(left, y - LINE / 2 + up * LINE, width, LINE);
                double outside = width * LINE - box.overlap(inside);
                double cost = 4 * outside
                        + taken.stream().mapToDouble(box::overlap).sum()
                        + Math.abs(up)
                        + (left > x ? 0 : 0.5);
                if (cost < least) {
                    least = cost;
                    best = box;
                }
            }
        }
        return best;
    }

    private List<Point> points() {
        return series.stream().flatMap(one -> one.points.stream()).toList();
    }

    /** Ticks of the y-axis, per cent. */
    private List<Double> accuracies() {
        return Axis.round(
                points().stream().mapToDouble(p -> p.y - p.spread).min().orElse(0),
                points().stream().mapToDouble(p -> p.y + p.spread).max().orElse(100));
    }

    /** Ticks of the x-axis. */
    private List<Double> figures() {
        var values = points().stream().map(Point::x).distinct().sorted().toList();
        if (values.isEmpty()) {
            return List.of(1.0, 2.0);
        }
        return logarithmic ? values : Axis.round(values.get(0), values.get(values.size() - 1));
    }

    private double right(double value) {
        var ticks = figures();
        if (!logarithmic) {
            return Axis.over(ticks, LEFT, RIGHT).at(value);
        }
        double low = Math.log(ticks.get(0)), high = Math.log(ticks.get(ticks.size() - 1));
        double room = high > low ? (high - low) / 20 : 1;
        return new Axis(low - room, high + room, LEFT, RIGHT).at(Math.log(value));
    }

    private Axis vertical() {
        return Axis.over(accuracies(), BOTTOM, TOP);
    }

    private double down(double value) {
        return vertical().at(value);
    }
}
