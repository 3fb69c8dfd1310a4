package dev.vitrail.report;

import dev.vitrail.eval.Calibration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Accuracy by confidence, and below it how many images each bin has, as {@code reliability.jte} draws it.
 * Places in pixels.
 */
record ReliabilityChart(Calibration calibration) {
    static final int WIDTH = 520, HEIGHT = 298;
    /** Edges of the plot, and the floor of the counts below it. */
    static final int LEFT = 58, RIGHT = WIDTH - 24, TOP = 10, BOTTOM = 210, FLOOR = 272;

    /** Height of the tallest count. */
    private static final int COUNTS = FLOOR - BOTTOM - 14;

    /** A tick with equal values on both axes. */
    record Tick(double x, double y, String label) {}

    record Bar(double x, double y, double width, double height, String color, double opacity) {}

    record Bin(String description, List<Bar> bars) {
        Bin {
            bars = List.copyOf(bars);
        }
    }

    List<Tick> ticks() {
        return IntStream.rangeClosed(0, 4)
                .mapToObj(i ->
                        new Tick(LEFT + (RIGHT - LEFT) * i / 4.0, BOTTOM - (BOTTOM - TOP) * i / 4.0, 25 * i + " %"))
                .toList();
    }

    /** The bins that have images. */
    List<Bin> bins() {
        var all = calibration.bins();
        double step = (double) (RIGHT - LEFT) / Math.max(1, all.size());
        long most = all.stream().mapToLong(Calibration.Bin::images).max().orElse(1);
        var bins = new ArrayList<Bin>();
        for (int i = 0; i < all.size(); i++) {
            if (all.get(i).images() > 0) {
                bins.add(bin(all.get(i), LEFT + i * step + 1.5, step - 3, most));
            }
        }
        return bins;
    }

    private static Bin bin(Calibration.Bin bin, double x, double width, long most) {
        double scale = BOTTOM - TOP;
        double both = scale * Math.min(bin.accuracy(), bin.confidence());
        double higher = scale * Math.max(bin.accuracy(), bin.confidence());
        boolean tooSure = bin.confidence() > bin.accuracy();
        double count = COUNTS * (double) bin.images() / most;
        return new Bin(
                Format.format(
                        "%d images, %.1f %% sure, %.1f %% right",
                        bin.images(), 100 * bin.confidence(), 100 * bin.accuracy()),
                List.of(
                        new Bar(x, BOTTOM - both, width, both, "var(--c0)", 1),
                        new Bar(
                                x,
                                BOTTOM - higher,
                                width,
                                higher - both,
                                tooSure ? "var(--c1)" : "var(--c0)",
                                tooSure ? 0.55 : 0.4),
                        new Bar(x, FLOOR - count, width, count, "var(--soft)", 0.5)));
    }
}
