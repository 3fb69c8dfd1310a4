package dev.vitrail.data;

import static dev.vitrail.errors.VitrailException.require;

import java.util.Arrays;

/**
 * Weights of classes in a loss, which balance large and small classes. A class without images has
 * the weight 0.
 */
public final class ClassWeights {
    private ClassWeights() {}

    /** Images of each class, up to the largest class that occurs; negative labels are no class. */
    public static int[] counts(int[] labels) {
        int classes = Arrays.stream(labels).max().orElse(-1) + 1;
        int[] counts = new int[Math.max(classes, 0)];
        for (int label : labels) {
            if (label >= 0) {
                counts[label]++;
            }
        }
        return counts;
    }

    /**
     * {@code N / (K · n)} for a class of n images among N in K classes (King and Zeng, 2001, "Logistic regression in
     * rare events data"): all classes count the same, and the mean over images is 1.
     */
    public static float[] inverseFrequency(int[] counts) {
        double images = total(counts);
        long classes = Arrays.stream(counts).filter(count -> count > 0).count();
        var weights = new float[counts.length];
        for (int c = 0; c < weights.length; c++) {
            weights[c] = counts[c] == 0 ? 0 : (float) (images / (classes * (double) counts[c]));
        }
        return weights;
    }

    /**
     * Weights in inverse proportion to the effective number of a class's images, {@code (1 − βⁿ) / (1 − β)} (Cui et
     * al., 2019, arXiv:1901.05555, section 3), scaled to sum to the number of classes.
     *
     * @param beta 0 for equal weights; towards 1, weights approach those of the inverse frequency
     */
    public static float[] effectiveNumber(int[] counts, double beta) {
        require(beta >= 0 && beta < 1, "β lies in [0, 1), usually 0.99 to 0.9999, found %s", beta);
        require(total(counts) > 0, "class weights need images of at least one class, found none");
        var shares = new double[counts.length];
        double sum = 0;
        int classes = 0;
        for (int c = 0; c < shares.length; c++) {
            if (counts[c] > 0) {
                shares[c] = (1 - beta) / (1 - Math.pow(beta, counts[c]));
                sum += shares[c];
                classes++;
            }
        }
        var weights = new float[counts.length];
        for (int c = 0; c < weights.length; c++) {
            weights[c] = (float) (shares[c] * classes / sum);
        }
        return weights;
    }

    private static long total(int[] counts) {
        return Arrays.stream(counts).asLongStream().sum();
    }
}
