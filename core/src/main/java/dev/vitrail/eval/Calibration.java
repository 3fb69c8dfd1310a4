package dev.vitrail.eval;

import java.util.Iterator;
import java.util.List;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;

/**
 * Calibration of a model: images sorted into bins by the probability of the predicted class (Guo
 * et al., On Calibration of Modern Neural Networks, 2017, section 2).
 *
 * @param bins of equal width from 0 to 1, in order; a bin holds its upper end
 */
public record Calibration(List<Bin> bins) {
    /** Number of bins, as in the paper. */
    public static final int BINS = 15;

    /**
     * Images of about one confidence.
     *
     * @param images how many
     * @param confidence mean probability of the predicted class, 0 to 1; 0 if there are no images
     * @param accuracy share that was classified rightly, 0 to 1; 0 if there are no images
     */
    public record Bin(long images, double confidence, double accuracy) {
        double gap() {
            return Math.abs(accuracy - confidence);
        }
    }

    public Calibration {
        bins = List.copyOf(bins);
    }

    /**
     * Expected calibration error, 0 to 1: the gap between confidence and accuracy, mean over all images (equation 3).
     */
    public double expectedError() {
        long images = bins.stream().mapToLong(Bin::images).sum();
        return images == 0
                ? 0
                : bins.stream().mapToDouble(bin -> bin.images * bin.gap()).sum() / images;
    }

    /**
     * Mean probability of the predicted class over all images, 0 to 1: above the accuracy, the model is too
     * sure of itself.
     */
    public double confidence() {
        long images = bins.stream().mapToLong(Bin::images).sum();
        return images == 0
                ? 0
                : bins.stream().mapToDouble(bin -> bin.images * bin.confidence).sum() / images;
    }

    /** Counts while images pass by. */
    static final class Count {
        private final long[] images = new long[BINS];
        private final long[] correct = new long[BINS];
        private final double[] confidence = new double[BINS];

        void add(double probability, boolean right) {
            int bin = Math.min(BINS - 1, Math.max(0, (int) Math.ceil(probability * BINS) - 1));
            images[bin]++;
            correct[bin] += right ? 1 : 0;
            confidence[bin] += probability;
        }

        /** Gives three numbers of each bin. */
        void tell(DoubleStream.Builder numbers) {
            for (int i = 0; i < BINS; i++) {
                numbers.add(images[i]).add(correct[i]).add(confidence[i]);
            }
        }

        /** Adds what another has {@linkplain #tell told}. */
        void add(Iterator<Double> numbers) {
            for (int i = 0; i < BINS; i++) {
                images[i] += numbers.next().longValue();
                correct[i] += numbers.next().longValue();
                confidence[i] += numbers.next();
            }
        }

        Calibration calibration() {
            return new Calibration(IntStream.range(0, BINS)
                    .mapToObj(i -> images[i] == 0
                            ? new Bin(0, 0, 0)
                            : new Bin(images[i], confidence[i] / images[i], (double) correct[i] / images[i]))
                    .toList());
        }
    }
}
