package dev.vitrail.images.augment;

import dev.vitrail.images.RgbImage;
import java.util.List;
import java.util.Optional;
import java.util.random.RandomGenerator;

/**
 * RandAugment (Cubuk et al., 2020, arXiv:1909.13719): some operations drawn from a list, one after another.
 *
 * @param operations what is drawn from
 * @param layers how many are drawn
 * @param weights how likely each is, in the order of the operations; then none is drawn twice. Empty: all
 *     alike, and again
 */
record RandAugment(List<RandomOperation> operations, int layers, Optional<List<Double>> weights)
        implements ImageTransform {
    @Override
    public RgbImage apply(RgbImage image, RandomGenerator random) {
        var result = image;
        if (weights.isEmpty()) {
            for (int i = 0; i < layers; i++) {
                result = operations.get(random.nextInt(operations.size())).apply(result, random);
            }
            return result;
        }
        for (int index : draw(weights.get(), layers, random)) {
            result = operations.get(index).apply(result, random);
        }
        return result;
    }

    /** Indices without repetition, each as likely as its weight among those that are left. */
    static int[] draw(List<Double> weights, int count, RandomGenerator random) {
        double[] left = weights.stream().mapToDouble(Double::doubleValue).toArray();
        var drawn = new int[count];
        for (int i = 0; i < count; i++) {
            double sum = 0;
            for (double weight : left) {
                sum += weight;
            }
            double point = random.nextDouble() * sum;
            int index = -1;
            // The last one with a weight catches what rounding leaves of the sum.
            for (int j = 0; j < left.length && (index < 0 || point >= 0); j++) {
                if (left[j] > 0) {
                    index = j;
                    point -= left[j];
                }
            }
            drawn[i] = index;
            left[index] = 0;
        }
        return drawn;
    }
}
