package dev.vitrail.images.augment;

import dev.vitrail.images.RgbImage;
import java.util.List;
import java.util.OptionalInt;
import java.util.random.RandomGenerator;

/**
 * AugMix (Hendrycks et al., 2020, arXiv:1912.02781): several chains of operations on one image, mixed, and mixed
 * with the image.
 *
 * @param operations what the chains draw from
 * @param alpha of the Dirichlet distribution of the chains' weights, and of the Beta distribution of their share
 * @param width how many chains
 * @param depth operations in a chain; empty: one to three, by chance
 * @param blended timm's shortcut: the chains are laid over the image one after another, each rounded to levels
 */
record AugMix(List<RandomOperation> operations, double alpha, int width, OptionalInt depth, boolean blended)
        implements ImageTransform {
    @Override
    public RgbImage apply(RgbImage image, RandomGenerator random) {
        double[] drawn = Distributions.dirichlet(alpha, width, random);
        var weights = new float[width];
        for (int i = 0; i < width; i++) {
            weights[i] = (float) drawn[i];
        }
        float share = (float) Distributions.beta(alpha, random);
        var chains = new RgbImage[width];
        for (int i = 0; i < width; i++) {
            chains[i] = chain(image, random);
        }
        return blended ? blend(image, chains, weights, share) : mix(image, chains, weights, share);
    }

    private RgbImage chain(RgbImage image, RandomGenerator random) {
        int length = depth.isPresent() ? depth.getAsInt() : 1 + random.nextInt(3);
        var result = image;
        for (int i = 0; i < length; i++) {
            result = operations.get(random.nextInt(operations.size())).apply(result, random);
        }
        return result;
    }

    /** The paper's mixture, cut down to levels, and then blended with the image. */
    static RgbImage mix(RgbImage image, RgbImage[] chains, float[] weights, float share) {
        var sums = new float[image.pixels().length];
        for (int i = 0; i < chains.length; i++) {
            add(sums, chains[i].pixels(), weights[i]);
        }
        var pixels = new byte[sums.length];
        for (int i = 0; i < pixels.length; i++) {
            pixels[i] = (byte) Math.min((int) sums[i], 255);
        }
        return Enhance.blend(image, new RgbImage(image.width(), image.height(), pixels), share);
    }

    private static void add(float[] sums, byte[] levels, float weight) {
        for (int i = 0; i < sums.length; i++) {
            sums[i] += weight * (levels[i] & 0xff);
        }
    }

    /**
     * Chains over the image one after another, with the shares that would give each its weight but for the rounding.
     */
    static RgbImage blend(RgbImage image, RgbImage[] chains, float[] weights, float share) {
        var shares = new float[chains.length];
        float left = 1;
        for (int i = chains.length - 1; i >= 0; i--) {
            float part = weights[i] * share / left;
            left *= 1 - part;
            shares[i] = part;
        }
        var result = image;
        for (int i = 0; i < chains.length; i++) {
            result = Enhance.blend(result, chains[i], shares[i]);
        }
        return result;
    }
}
