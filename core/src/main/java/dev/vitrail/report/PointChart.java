package dev.vitrail.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.DoubleFunction;
import java.util.stream.Collectors;

/**
 * Accuracies against another figure, as SVG that stands in a page and takes its colours. A series of several points is a line, one
 * of a single point has its name beside it.
 *
 * @param title what it shows
 * @param across what the x-axis has
 * @param logarithmic whether equal steps of the x-axis are equal factors, with a tick at each value that occurs
 * @param series drawn in the order of the page's colours
 * @param text how a value of the x-axis is written
 */
record PointChart(String title, String across, boolean logarithmic, List<Series> series, DoubleFunction<String> text) {
    private static final int WIDTH = 520, HEIGHT = 300;
    private static final int LEFT = 50, RIGHT = 18, TOP = 12, BOTTOM = 48;
    /** Pixels: of a letter across, of a line of text, and between the labels of an axis at least. */
    private static final double LETTER = 6.3, LINE = 13, APART = 8;

    private static final double MARK = 4.5;

    /**
     * @param y per cent
     * @param spread either way, per cent; 0 where it is not known
     */
    record Point(double x, double y, double spread) {}

    record Series(String name, List<Point> points) {
        Series {
            points = List.copyOf(points);
        }
    }

    PointChart {
        series = List.copyOf(series);
    }

    private record Range(double low, double high) {
        double share(double value) {
            return high > low ? (value - low) / (high - low) : 0.5;
        }
    }

    /** A rectangle of the drawing, pixels. */
    private record Box(double x, double y, double width, double height) {
        double overlap(Box other) {
            double across = Math.min(x + width, other.x + other.width) - Math.max(x, other.x);
            double up = Math.min(y + height, other.y + other.height) - Math.max(y, other.y);
            return across > 0 && up > 0 ? across * up : 0;
        }
    }

    String svg() {
        var all = series.stream().flatMap(one -> one.points.stream()).toList();
        var up = LineChart.ticks(
                all.stream().mapToDouble(p -> p.y - p.spread).min().orElse(0),
                all.stream().mapToDouble(p -> p.y + p.spread).max().orElse(100));
        var y = new Range(up.get(0), up.get(up.size() - 1));
        var across = xTicks(all);
        var x = logarithmic
                ? padded(Math.log(across.get(0)), Math.log(across.get(across.size() - 1)))
                : new Range(across.get(0), across.get(across.size() - 1));
        var out = new StringBuilder();
        out.append("<figure class=chart><figcaption><b>%s</b><span class=legend>".formatted(Html.escape(title)));
        for (int i = 0; i < series.size() && joined(); i++) {
            out.append(
                    "<span><i class=c%d></i>%s</span>".formatted(LineChart.color(i), Html.escape(series.get(i).name)));
        }
        out.append("</span></figcaption>\n<svg viewBox=\"0 0 %d %d\" role=img aria-label=\"%s\">\n"
                .formatted(WIDTH, HEIGHT, Html.escape(title)));
        for (double tick : up) {
            out.append("<line class=grid x1=%d x2=%d y1=%s y2=%3$s />"
                    .formatted(LEFT, WIDTH - RIGHT, pixel(down(y, tick))));
            out.append("<text class=tick text-anchor=end x=%d y=%s>%s</text>\n"
                    .formatted(LEFT - 8, pixel(down(y, tick) + 4), RunPage.plain(tick)));
        }
        double end = Double.NEGATIVE_INFINITY;
        for (double tick : across) {
            var label = text.apply(tick);
            double width = label.length() * LETTER;
            double from = Math.min(right(x, tick) - width / 2, WIDTH - width);
            if (from - end >= APART) {
                out.append("<text class=tick text-anchor=middle x=%s y=%d>%s</text>\n"
                        .formatted(pixel(from + width / 2), HEIGHT - BOTTOM + 18, Html.escape(label)));
                end = from + width;
            }
        }
        out.append("<text class=axis text-anchor=middle x=%d y=%d>%s</text>\n"
                .formatted((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, Html.escape(this.across)));
        for (int i = 0; i < series.size(); i++) {
            draw(out, i, x, y);
        }
        if (!joined()) {
            names(out, x, y);
        }
        return out.append("</svg></figure>\n").toString();
    }

    private boolean joined() {
        return series.stream().anyMatch(one -> one.points.size() > 1);
    }

    private List<Double> xTicks(List<Point> all) {
        var values = all.stream().map(Point::x).distinct().sorted().toList();
        if (values.isEmpty()) {
            return List.of(1.0, 2.0);
        }
        return logarithmic ? values : LineChart.ticks(values.get(0), values.get(values.size() - 1));
    }

    /** Room at both sides, a twentieth of the whole. */
    private static Range padded(double low, double high) {
        double room = high > low ? (high - low) / 20 : 1;
        return new Range(low - room, high + room);
    }

    private double right(Range x, double value) {
        return LEFT + (WIDTH - LEFT - RIGHT) * x.share(logarithmic ? Math.log(value) : value);
    }

    private static double down(Range y, double value) {
        return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * y.share(value);
    }

    private void draw(StringBuilder out, int number, Range x, Range y) {
        var one = series.get(number);
        out.append("<g class=\"curve c%d\">".formatted(LineChart.color(number)));
        if (one.points.size() > 1) {
            out.append(one.points.stream()
                    .map(point -> pixel(right(x, point.x)) + " " + pixel(down(y, point.y)))
                    .collect(Collectors.joining("L", "<path d=\"M", "\" />")));
        }
        for (var point : one.points) {
            double at = right(x, point.x), height = down(y, point.y);
            if (point.spread > 0) {
                out.append("<path class=whisker d=\"M%s %sV%s\" />"
                        .formatted(
                                pixel(at),
                                pixel(down(y, point.y - point.spread)),
                                pixel(down(y, point.y + point.spread))));
            }
            out.append("<path class=mark d=\"%s\"><title>%s: %s %% at %s</title></path>"
                    .formatted(
                            mark(number / LineChart.COLORS, at, height),
                            Html.escape(one.name),
                            RunPage.hundredths(point.y),
                            Html.escape(text.apply(point.x))));
        }
        out.append("</g>\n");
    }

    /** A circle; where the colours come round again a square, then a diamond. */
    private static String mark(int round, double x, double y) {
        return switch (round % 3) {
            case 0 ->
                "M%s %sa%3$s %3$s 0 1 0 %4$s 0a%3$s %3$s 0 1 0 -%4$s 0z"
                        .formatted(pixel(x - MARK), pixel(y), pixel(MARK), pixel(2 * MARK));
            case 1 -> "M%s %sh%3$sv%3$sh-%3$sz".formatted(pixel(x - MARK), pixel(y - MARK), pixel(2 * MARK));
            default ->
                "M%s %sl%3$s %3$sl-%3$s %3$sl-%3$s -%3$sz"
                        .formatted(pixel(x), pixel(y - 1.2 * MARK), pixel(1.2 * MARK));
        };
    }

    /** Names beside their points, each where it hides least of marks and of names before it. */
    private void names(StringBuilder out, Range x, Range y) {
        var taken = new ArrayList<Box>();
        for (var one : series) {
            for (var point : one.points) {
                double top = down(y, point.y + point.spread), bottom = down(y, point.y - point.spread);
                taken.add(new Box(right(x, point.x) - MARK, top - MARK, 2 * MARK, bottom - top + 2 * MARK));
            }
        }
        for (var one : series) {
            for (var point : one.points) {
                var box = place(one.name, right(x, point.x), down(y, point.y), taken);
                taken.add(box);
                out.append("<text class=label x=%s y=%s>%s</text>\n"
                        .formatted(pixel(box.x), pixel(box.y + LINE - 3), Html.escape(one.name)));
            }
        }
    }

    private static Box place(String name, double x, double y, List<Box> taken) {
        double width = name.length() * LETTER;
        double gap = MARK + 4;
        var inside = new Box(LEFT, TOP - 8, WIDTH - LEFT - 2, HEIGHT - BOTTOM - TOP + 8);
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

    private static String pixel(double at) {
        return String.format(Locale.ROOT, "%.1f", at);
    }
}
