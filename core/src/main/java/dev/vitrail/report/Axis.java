package dev.vitrail.report;

import java.util.List;
import java.util.function.DoubleFunction;
import java.util.stream.IntStream;

/**
 * An axis of a chart: the value {@code low} lies at the pixel {@code start}, {@code high} at {@code end}.
 *
 * @param start may be greater than {@code end}, as for an axis that goes up
 */
record Axis(double low, double high, double start, double end) {
    /** Steps between ticks that are aimed at. */
    private static final int STEPS = 5;

    /** A mark of an axis, at a pixel. */
    record Tick(double at, String label) {}

    /** An axis from the first to the last of these ticks. */
    static Axis over(List<Double> ticks, double start, double end) {
        return new Axis(ticks.get(0), ticks.get(ticks.size() - 1), start, end);
    }

    /** The pixel of a value; the middle if the axis has no length. */
    double at(double value) {
        return start + (end - start) * (high > low ? (value - low) / (high - low) : 0.5);
    }

    List<Tick> ticks(List<Double> values, DoubleFunction<String> text) {
        return values.stream()
                .map(value -> new Tick(at(value), text.apply(value)))
                .toList();
    }

    /** Round values, 1, 2 or 5 times a power of ten apart, of which the first and the last enclose two others. */
    static List<Double> round(double least, double most) {
        double range = most > least ? most - least : Math.max(Math.abs(most), 1e-9);
        double power = Math.pow(10, Math.floor(Math.log10(range / STEPS)));
        double rest = range / STEPS / power;
        double apart = power * (rest <= 1 ? 1 : rest <= 2 ? 2 : rest <= 5 ? 5 : 10);
        long first = (long) Math.floor(least / apart + 1e-9);
        long last = Math.max(first + 1, (long) Math.ceil(most / apart - 1e-9));
        return IntStream.rangeClosed(0, (int) (last - first))
                .mapToObj(i -> (first + i) * apart)
                .toList();
    }
}
