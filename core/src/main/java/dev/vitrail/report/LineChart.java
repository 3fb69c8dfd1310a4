package dev.vitrail.report;

import java.util.List;
import java.util.Locale;
import java.util.function.DoubleFunction;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Curves over epochs, as SVG that stands in a page and takes its colours.
 *
 * @param title what the curves show
 * @param curves drawn in the order of the page's colours
 * @param text how a value is written
 */
record LineChart(String title, List<Curve> curves, DoubleFunction<String> text) {
    private static final int WIDTH = 520, HEIGHT = 270;
    private static final int LEFT = 58, RIGHT = 14, TOP = 10, BOTTOM = 28;
    private static final int TICKS = 5;
    /** Colours of the page's style, c0 and so on. */
    static final int COLORS = 8;
    /** Epochs up to which every one of them has a dot. */
    private static final int DOTTED = 40;

    /**
     * A curve.
     *
     * @param values one for each epoch from the first; what is no finite number leaves a gap
     */
    record Curve(String name, List<Double> values) {
        Curve {
            values = List.copyOf(values);
        }
    }

    LineChart {
        curves = List.copyOf(curves);
    }

    /** A figure with a legend; the numbers behind it are in {@code data-} attributes, for the page's script. */
    String svg() {
        var ticks = ticks();
        double low = ticks.get(0), high = ticks.get(ticks.size() - 1);
        int epochs = epochs();
        var out = new StringBuilder();
        out.append("<figure class=chart><figcaption><b>%s</b><span class=legend>".formatted(Html.escape(title)));
        for (int i = 0; curves.size() > 1 && i < curves.size(); i++) {
            out.append("<span><i class=c%d></i>%s</span>".formatted(color(i), Html.escape(curves.get(i).name)));
        }
        out.append("</span></figcaption>\n");
        out.append("<svg viewBox=\"0 0 %d %d\" role=img aria-label=\"%s\" data-x=\"%s\" data-epochs=%d>\n"
                .formatted(
                        WIDTH,
                        HEIGHT,
                        Html.escape(title + " over epochs"),
                        IntStream.rangeClosed(1, epochs)
                                .mapToObj(epoch -> pixel(x(epoch, epochs)))
                                .collect(Collectors.joining(" ")),
                        epochs));
        for (double tick : ticks) {
            double y = y(tick, low, high);
            out.append("<line class=grid x1=%d x2=%d y1=%s y2=%3$s />".formatted(LEFT, WIDTH - RIGHT, pixel(y)));
            out.append("<text class=tick text-anchor=end x=%d y=%s>%s</text>\n"
                    .formatted(LEFT - 8, pixel(y + 4), text.apply(tick)));
        }
        for (int epoch : epochTicks(epochs)) {
            out.append("<text class=tick text-anchor=middle x=%s y=%d>%d</text>\n"
                    .formatted(pixel(x(epoch, epochs)), HEIGHT - 8, epoch));
        }
        out.append("<line class=cursor y1=%d y2=%d x1=0 x2=0 />\n".formatted(TOP, HEIGHT - BOTTOM));
        for (int i = 0; i < curves.size(); i++) {
            draw(out, curves.get(i), i, epochs, low, high);
        }
        return out.append("</svg></figure>\n").toString();
    }

    private void draw(StringBuilder out, Curve curve, int number, int epochs, double low, double high) {
        var line = new StringBuilder();
        var dots = new StringBuilder();
        boolean drawing = false;
        for (int i = 0; i < curve.values.size(); i++) {
            double value = curve.values.get(i);
            if (!Double.isFinite(value)) {
                drawing = false;
                continue;
            }
            var x = pixel(x(i + 1, epochs));
            var y = pixel(y(value, low, high));
            line.append(drawing ? "L" : "M").append(x).append(' ').append(y);
            drawing = true;
            if (epochs <= DOTTED) {
                dots.append("<circle cx=%s cy=%s r=2.6 />".formatted(x, y));
            }
        }
        var values = curve.values.stream()
                .map(value -> Double.isFinite(value) ? text.apply(value) : "–")
                .collect(Collectors.joining("|"));
        out.append("<g class=\"curve c%d\" data-name=\"%s\" data-values=\"%s\"><path d=\"%s\" />%s</g>\n"
                .formatted(color(number), Html.escape(curve.name), Html.escape(values), line, dots));
    }

    static int color(int number) {
        return number % COLORS;
    }

    private int epochs() {
        return curves.stream().mapToInt(curve -> curve.values.size()).max().orElse(0);
    }

    private static double x(int epoch, int epochs) {
        double width = WIDTH - LEFT - RIGHT;
        return epochs < 2 ? LEFT + width / 2 : LEFT + width * (epoch - 1) / (epochs - 1);
    }

    private static double y(double value, double low, double high) {
        return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * (value - low) / (high - low);
    }

    private static String pixel(double at) {
        return String.format(Locale.ROOT, "%.1f", at);
    }

    /** Round values, 1, 2 or 5 times a power of ten apart, that span all curves. */
    private List<Double> ticks() {
        var all = curves.stream()
                .flatMap(curve -> curve.values.stream())
                .mapToDouble(Double::doubleValue)
                .filter(Double::isFinite)
                .summaryStatistics();
        return all.getCount() == 0 ? ticks(0, 1) : ticks(all.getMin(), all.getMax());
    }

    /** Round values, 1, 2 or 5 times a power of ten apart, of which the first and the last enclose two others. */
    static List<Double> ticks(double least, double most) {
        double range = most > least ? most - least : Math.max(Math.abs(most), 1e-9);
        double power = Math.pow(10, Math.floor(Math.log10(range / TICKS)));
        double rest = range / TICKS / power;
        double apart = power * (rest <= 1 ? 1 : rest <= 2 ? 2 : rest <= 5 ? 5 : 10);
        long first = (long) Math.floor(least / apart + 1e-9);
        long last = Math.max(first + 1, (long) Math.ceil(most / apart - 1e-9));
        return IntStream.rangeClosed(0, (int) (last - first))
                .mapToObj(i -> (first + i) * apart)
                .toList();
    }

    private static List<Integer> epochTicks(int epochs) {
        int apart = 1;
        for (int i = 0; epochs / apart > 10; i++) {
            apart = (int) ((i % 3 == 0 ? 2 : i % 3 == 1 ? 5 : 10) * Math.pow(10, i / 3));
        }
        int step = apart;
        return IntStream.rangeClosed(1, epochs)
                .filter(epoch -> step == 1 || epoch % step == 0)
                .boxed()
                .toList();
    }
}
