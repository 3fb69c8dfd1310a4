package dev.vitrail.eval;

import dev.vitrail.errors.VitrailException;
import java.util.Comparator;
import java.util.PriorityQueue;
import java.util.stream.DoubleStream;

/** Counts what becomes an {@link Evaluation}. Sums are 64-bit floats: exact to more digits than anybody prints. */
final class MetricAccumulator {
    private static final Comparator<Mistake> SUREST_LAST = Comparator.comparingDouble(Mistake::probability)
            .thenComparing(Comparator.comparingInt(Mistake::index).reversed());

    private final int classes;
    private long images;
    private long correct1;
    private long correct5;
    private double nll;
    private final ConfusionMatrix.Count confusion;
    private final Calibration.Count calibration = new Calibration.Count();
    private final PriorityQueue<Mistake> worst = new PriorityQueue<>(SUREST_LAST);

    MetricAccumulator(int classes) {
        this.classes = classes;
        confusion = new ConfusionMatrix.Count(classes);
    }

    /** Images with a label so far. */
    long images() {
        return images;
    }

    /**
     * Counts images.
     *
     * @param logits {@code [N · K]}, row by row
     * @param labels {@code [N]}, below zero where there is none
     * @param indices {@code [N]}, places in the data set
     * @param count N; the arrays may be longer
     */
    void add(float[] logits, int[] labels, int[] indices, int count) {
        for (int i = 0; i < count; i++) {
            int label = labels[i];
            if (label < 0) {
                continue;
            }
            VitrailException.require(
                    label < classes,
                    "an image has the label %d, but the model tells %d classes apart (0 to %d): use the data that it"
                            + " was trained for, or fine-tune it",
                    label,
                    classes,
                    classes - 1);
            add(logits, i * classes, label, indices[i]);
        }
    }

    private void add(float[] logits, int from, int label, int index) {
        float own = logits[from + label];
        double largest = Double.NEGATIVE_INFINITY;
        int highest = 0;
        int rank = 0;
        for (int k = 0; k < classes; k++) {
            float other = logits[from + k];
            if (other > largest) {
                largest = other;
                highest = k;
            }
            // Of equal scores the first counts as the higher; a score that is no number is never right.
            if (k != label && !(other < own || (other == own && k > label))) {
                rank++;
            }
        }
        double sum = 0;
        for (int k = 0; k < classes; k++) {
            sum += Math.exp(logits[from + k] - largest);
        }
        images++;
        correct1 += rank < 1 ? 1 : 0;
        correct5 += rank < 5 ? 1 : 0;
        nll += Math.log(sum) + largest - own;
        double sure = Double.isFinite(sum) ? 1 / sum : 0;
        confusion.add(label, highest);
        calibration.add(sure, rank < 1);
        if (highest != label) {
            keep(new Mistake(index, label, highest, sure, sure * Math.exp(own - largest)));
        }
    }

    private void keep(Mistake mistake) {
        worst.add(mistake);
        if (worst.size() > Evaluation.MISTAKES) {
            worst.remove();
        }
    }

    /** All that was counted, as numbers that {@link #add(double[])} takes. */
    double[] counted() {
        var numbers =
                DoubleStream.builder().add(images).add(correct1).add(correct5).add(nll);
        confusion.tell(numbers);
        calibration.tell(numbers);
        worst.forEach(mistake -> numbers.add(mistake.index())
                .add(mistake.truth())
                .add(mistake.prediction())
                .add(mistake.probability())
                .add(mistake.truthProbability()));
        return numbers.build().toArray();
    }

    /** Adds what another has {@linkplain #counted counted}. */
    void add(double[] counted) {
        var numbers = DoubleStream.of(counted).iterator();
        images += numbers.next().longValue();
        correct1 += numbers.next().longValue();
        correct5 += numbers.next().longValue();
        nll += numbers.next();
        confusion.add(numbers);
        calibration.add(numbers);
        while (numbers.hasNext()) {
            keep(new Mistake(
                    numbers.next().intValue(),
                    numbers.next().intValue(),
                    numbers.next().intValue(),
                    numbers.next(),
                    numbers.next()));
        }
    }

    /** Counts of all processes. */
    MetricAccumulator together(Evaluation.Together how) {
        if (how == Evaluation.Together.ALONE) {
            return this;
        }
        var all = new MetricAccumulator(classes);
        how.gather(counted()).forEach(all::add);
        return all;
    }

    Evaluation evaluation(double seconds) {
        return new Evaluation(
                images,
                correct1,
                correct5,
                images == 0 ? 0 : nll / images,
                seconds,
                confusion.matrix(),
                calibration.calibration(),
                worst.stream().sorted(SUREST_LAST.reversed()).toList());
    }
}
