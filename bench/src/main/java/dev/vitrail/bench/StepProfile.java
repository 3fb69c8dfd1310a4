package dev.vitrail.bench;

import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Gradients;
import dev.vitrail.train.Losses;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** The parts of a training step of any model of the catalogue, and each one's share of its time. */
final class StepProfile {
    private static final int WARM_UP = 4;
    private static final int STEPS = 20;

    private final Map<String, List<Double>> parts = new LinkedHashMap<>();
    private long last;

    private StepProfile() {}

    public static void main(String[] arguments) {
        if (arguments.length != 2) {
            throw new IllegalArgumentException("expected the name of a model and the images in a batch, such as:"
                    + " step vit_mini_patch4_gap_32 32");
        }
        new StepProfile().measure(arguments[0], Integer.parseInt(arguments[1]));
    }

    private void measure(String name, int batch) {
        try (var step = new VitrailStep(name, batch)) {
            for (int i = -WARM_UP; i < STEPS; i++) {
                if (i == 0) {
                    parts.clear();
                }
                run(step);
            }
        }
        double sum = parts.values().stream().mapToDouble(Medians::of).sum();
        System.out.printf(
                Locale.ROOT, "%s, batch %d: %.1f ms a step, %.1f images/s%n", name, batch, sum, 1000 * batch / sum);
        parts.forEach((part, times) -> System.out.printf(
                Locale.ROOT, "%-28s %8.2f ms  %4.1f %%%n", part, Medians.of(times), 100 * Medians.of(times) / sum));
    }

    private void run(VitrailStep step) {
        last = System.nanoTime();
        try (var frame = Frame.open();
                var on = Gradients.on()) {
            var images = step.images();
            var labels = step.labels();
            ended("batch into libtorch");
            var loss = Losses.crossEntropy(step.model().apply(images), labels, 0);
            ended("forward and loss, recorded");
            loss.backward();
            ended("backward");
            step.step().clip();
            ended("gradient's norm, clipping");
            step.step().update(StepInput.LEARNING_RATE, 1);
            ended("AdamW");
        }
        ended("memory given back");
    }

    private void ended(String part) {
        long now = System.nanoTime();
        parts.computeIfAbsent(part, name -> new ArrayList<>()).add((now - last) / 1e6);
        last = now;
    }
}
