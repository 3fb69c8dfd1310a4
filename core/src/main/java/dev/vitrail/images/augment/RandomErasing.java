package dev.vitrail.images.augment;

import static dev.vitrail.errors.VitrailException.require;

import java.util.Arrays;
import java.util.random.RandomGenerator;

/**
 * Erases rectangles by chance (Zhong et al., 2020, arXiv:1708.04896), in timm's variant: after normalisation, so that 0
 * is the mean colour.
 *
 * @param probability that anything is erased
 * @param smallestArea of all rectangles of an image together, as a part of its area
 * @param largestArea likewise
 * @param smallestAspect height over width of the flattest rectangle; the tallest is its reciprocal, and shapes
 *     between are log-uniform
 * @param mode what they are filled with
 * @param count rectangles at most; how many is drawn from 1 to it
 */
public record RandomErasing(
        double probability, double smallestArea, double largestArea, double smallestAspect, Mode mode, int count) {
    private static final double SMALLEST_AREA = 0.02;
    private static final double LARGEST_AREA = 1.0 / 3;
    private static final double SMALLEST_ASPECT = 0.3;
    private static final int TRIES = 10;

    /** Fill of an erased rectangle; timm's names in lower case. */
    public enum Mode {
        /** 0, the mean colour. */
        CONST,
        /** One colour for each rectangle, standard normal in each channel. */
        RAND,
        /** Standard normal noise in each channel of each pixel. */
        PIXEL
    }

    public RandomErasing {
        require(
                probability >= 0 && probability <= 1,
                "The probability of erasing lies between 0 and 1, found %s.",
                probability);
        require(
                smallestArea >= 0 && smallestArea <= largestArea && largestArea <= 1,
                "Erased areas need 0 ≤ smallest ≤ largest ≤ 1, found %s to %s.",
                smallestArea,
                largestArea);
        require(
                smallestAspect > 0 && smallestAspect <= 1,
                "The flattest erased rectangle has an aspect above 0 and at most 1, found %s.",
                smallestAspect);
        require(count >= 1, "At least one rectangle is erased, found a count of %d.", count);
    }

    /** timm's areas, 2 % to a third, and shapes, 0.3 to 1/0.3. */
    public static RandomErasing of(double probability, Mode mode, int count) {
        return new RandomErasing(probability, SMALLEST_AREA, LARGEST_AREA, SMALLEST_ASPECT, mode, count);
    }

    /**
     * Erases in place.
     *
     * @param values normalised {@code [channels, height, width]}, from {@code offset} on
     */
    public void apply(float[] values, int offset, int channels, int height, int width, RandomGenerator random) {
        if (random.nextDouble() >= probability) {
            return;
        }
        int rectangles = count > 1 ? 1 + random.nextInt(count) : 1;
        double logAspect = Math.log(smallestAspect);
        for (int i = 0; i < rectangles; i++) {
            for (int attempt = 0; attempt < TRIES; attempt++) {
                double part = smallestArea + (largestArea - smallestArea) * random.nextDouble();
                double area = part * height * width / rectangles;
                double aspect = Math.exp(logAspect - 2 * logAspect * random.nextDouble());
                int tall = (int) Math.rint(Math.sqrt(area * aspect));
                int wide = (int) Math.rint(Math.sqrt(area / aspect));
                if (tall < height && wide < width) {
                    int top = random.nextInt(height - tall + 1);
                    int left = random.nextInt(width - wide + 1);
                    int first = offset + top * width + left;
                    for (int channel = 0; channel < channels; channel++) {
                        erase(values, first + channel * height * width, tall, wide, width, random);
                    }
                    break;
                }
            }
        }
    }

    private void erase(float[] values, int first, int tall, int wide, int stride, RandomGenerator random) {
        float color = mode == Mode.RAND ? (float) random.nextGaussian() : 0;
        for (int y = 0; y < tall; y++) {
            int from = first + y * stride;
            if (mode == Mode.PIXEL) {
                Distributions.gaussian(values, from, from + wide, random);
            } else {
                Arrays.fill(values, from, from + wide, color);
            }
        }
    }
}
