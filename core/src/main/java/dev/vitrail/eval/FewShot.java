package dev.vitrail.eval;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.data.SampleRandom;
import dev.vitrail.data.Subset;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Gradients;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalDouble;
import java.util.stream.IntStream;

/**
 * Few-shot accuracy of a linear classifier on frozen features: ridge regression in closed form (Dosovitskiy et al.,
 * 2021, arXiv:2010.11929, section 4.1), no step of training.
 *
 * <p>A draw takes {@code shots} images of each class of the training set; accuracy is on the whole test set. The
 * penalty is chosen for each number of shots, among the powers of two from 2⁻¹⁰ to 2²⁰, on draws of its own: each is
 * judged on the training images that it did not take, so the test set decides nothing. The labels of those other
 * training images are used for this choice alone; the original instead carries one penalty over from another data set.
 */
public final class FewShot {
    /** Value of {@code shots} that takes every image of every class. */
    public static final int ALL = Integer.MAX_VALUE;

    /** Draws that choose the penalty. */
    private static final int CHOOSING_DRAWS = 5;

    /**
     * Number of a class's images of which one is left out of a draw that chooses, so that there is something to judge
     * it by.
     */
    private static final int LEFT_OUT = 5;

    /** Images whose scores are computed together. */
    private static final int CHUNK = 4096;

    private static final double[] PENALTIES = IntStream.rangeClosed(-10, 20)
            .mapToDouble(power -> Math.scalb(1.0, power))
            .toArray();

    private FewShot() {}

    /**
     * Result for a number of shots.
     *
     * @param shots images of each class, or {@link #ALL}
     * @param images in a draw; fewer than shots times classes where a class has not so many
     * @param penalty λ that was chosen
     * @param accuracies share of the test images that were classified rightly, 0 to 1, of each draw; a single one where
     *     every draw is the same, because it takes all images
     */
    public record Result(int shots, int images, double penalty, List<Double> accuracies) {
        public Result {
            accuracies = List.copyOf(accuracies);
        }

        /** Mean over the draws, 0 to 1. */
        public double mean() {
            return accuracies.stream()
                    .mapToDouble(Double::doubleValue)
                    .average()
                    .orElseThrow();
        }

        /**
         * Half the width of the 95 % confidence interval of the mean over draws, by Student's t distribution; none
         * for a single draw. It says how far the mean depends on which images were drawn, not how it would be on
         * other test images.
         */
        public OptionalDouble halfInterval() {
            int n = accuracies.size();
            if (n < 2) {
                return OptionalDouble.empty();
            }
            double mean = mean();
            double squares = accuracies.stream()
                    .mapToDouble(a -> (a - mean) * (a - mean))
                    .sum();
            return OptionalDouble.of(StudentT.quantile975(n - 1) * Math.sqrt(squares / (n - 1) / n));
        }
    }

    /**
     * Measures.
     *
     * @param train images to draw from
     * @param test images to be judged by
     * @param shots images of each class, or {@link #ALL}
     * @param draws how many times they are drawn
     * @param seed of the draws
     */
    public static Result of(Features train, Features test, int classes, int shots, int draws, long seed) {
        require(shots > 0 && draws > 0, "shots and draws must be 1 or more, found %d and %d", shots, draws);
        require(
                train.width() == test.width(),
                "features to learn from have %d channels, those to test %d: take both from one model",
                train.width(),
                test.width());
        var labels = train.labels();
        double penalty = penalty(train, classes, shots, seed);
        var everyTest = IntStream.range(0, test.size()).toArray();
        int draw = 0;
        int[] drawn;
        var accuracies = new ArrayList<Double>();
        do {
            drawn = Subset.drawn(labels, classes, count -> shots, SampleRandom.key(seed, draw));
            accuracies.add((double) correct(train, drawn, test, everyTest, classes, penalty)[0] / test.size());
            draw++;
        } while (draw < draws && drawn.length < labels.length);
        return new Result(shots, drawn.length, penalty, accuracies);
    }

    /** The penalty that is right most often on images that were not drawn; of equal ones the largest. */
    private static double penalty(Features train, int classes, int shots, long seed) {
        var labels = train.labels();
        var right = new double[PENALTIES.length];
        for (int draw = 0; draw < CHOOSING_DRAWS; draw++) {
            // The last key keeps these draws apart from those that are measured.
            var drawn = Subset.drawn(
                    labels,
                    classes,
                    count -> Math.max(1, Math.min(shots, count - Math.max(1, count / LEFT_OUT))),
                    SampleRandom.key(seed, draw, 0x63686f6f7365L));
            var others = IntStream.range(0, labels.length)
                    .filter(i -> Arrays.binarySearch(drawn, i) < 0)
                    .toArray();
            require(
                    others.length > 0,
                    "the penalty cannot be chosen, as every class has one training image only: add a second to one of"
                            + " them");
            var correct = correct(train, drawn, train, others, classes, PENALTIES);
            for (int i = 0; i < right.length; i++) {
                right[i] += (double) correct[i] / others.length;
            }
        }
        int best = 0;
        for (int i = 1; i < right.length; i++) {
            best = right[i] >= right[best] ? i : best;
        }
        return PENALTIES[best];
    }

    /** Number of correctly classified validation images, for each penalty. */
    private static long[] correct(
            Features train, int[] drawn, Features test, int[] judged, int classes, double... penalties) {
        var labels = test.labels(judged);
        var correct = new long[penalties.length];
        try (var frame = Frame.open();
                var off = Gradients.off()) {
            var classifier = new RidgeClassifier(train.rows(drawn), train.labels(drawn), classes);
            for (int start = 0; start < judged.length; start += CHUNK) {
                int from = start, to = Math.min(judged.length, start + CHUNK);
                Frame.run(() -> {
                    var scores = classifier.scores(test.rows(Arrays.copyOfRange(judged, from, to)), penalties);
                    for (int p = 0; p < penalties.length; p++) {
                        var found = scores[p].argmax(1).toLongs();
                        for (int i = 0; i < found.length; i++) {
                            correct[p] += found[i] == labels[from + i] ? 1 : 0;
                        }
                    }
                });
            }
        }
        return correct;
    }
}
