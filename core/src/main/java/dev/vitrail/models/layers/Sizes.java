package dev.vitrail.models.layers;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.engine.Tensor;
import dev.vitrail.nn.GlobalPool;
import java.util.List;

/** Arithmetic of sizes, and sentences for those that cannot work. */
public final class Sizes {
    private Sizes() {}

    public static int ceilDiv(int a, int b) {
        return (a + b - 1) / b;
    }

    /** The multiple of {@code unit} nearest to {@code size}, at least one unit. */
    public static int nearestMultiple(int size, int unit) {
        return Math.max(1, Math.round((float) size / unit)) * unit;
    }

    /** The divisor of {@code whole} nearest to {@code wanted}. */
    public static int nearestDivisor(int whole, int wanted) {
        for (int distance = 0; ; distance++) {
            if (wanted - distance > 0 && whole % (wanted - distance) == 0) {
                return wanted - distance;
            }
            if (whole % (wanted + distance) == 0) {
                return wanted + distance;
            }
        }
    }

    /** The greatest number that divides both; of 0 and another, the other. */
    public static int commonDivisor(int a, int b) {
        return b == 0 ? a : commonDivisor(b, a % b);
    }

    /** The multiple of 8 nearest to a number of channels, at least 8, and never more than a tenth below it (MobileNet's rule). */
    public static int channels(double wanted) {
        int nearest = Math.max(8, (int) (wanted + 4) / 8 * 8);
        return nearest < 0.9 * wanted ? nearest + 8 : nearest;
    }

    public static void requireMultiple(String what, int size, String ofWhat, int unit) {
        require(size > 0 && unit > 0, "%s %d and %s %d must be positive", what, size, ofWhat, unit);
        require(
                size >= unit,
                "%s %d is less than the %s of %d pixels: take at least %4$d, or a smaller patch",
                what,
                size,
                ofWhat,
                unit);
        require(
                size % unit == 0,
                "%s %d is not a multiple of the %s of %d pixels: the nearest that are, are %d and %d",
                what,
                size,
                ofWhat,
                unit,
                size / unit * unit,
                (size / unit + 1) * unit);
    }

    public static void requireChannelsAndClasses(int channels, int classes) {
        require(
                channels > 0 && classes >= 0,
                "channels %d must be positive and classes %d not negative",
                channels,
                classes);
    }

    public static void requireImage(int height, int width) {
        require(
                height > 0 && width > 0,
                "an image of %d×%d pixels is empty: give positive sides, such as 224",
                height,
                width);
    }

    public static void requirePool(GlobalPool.Kind pool, int classes) {
        require(
                pool != GlobalPool.Kind.NONE || classes == 0,
                "a classifier of %d classes needs a pool: avg, max, avgmax or catavgmax",
                classes);
    }

    /** Of a residual network; widths beyond its stages are not used. */
    public static void requireStages(List<Integer> depths, List<Integer> widths) {
        require(
                !depths.isEmpty() && depths.size() <= widths.size(),
                "a residual network needs a width for each of its stages: found the depths %s and the widths %s",
                depths,
                widths);
    }

    public static void requireHeads(int width, int heads) {
        require(
                width % heads == 0,
                "width %d is not a multiple of heads %d: take width %d or %d heads",
                width,
                heads,
                nearestMultiple(width, heads),
                nearestDivisor(width, heads));
    }

    /** Throws unless these are images of that size, {@code [B, C, height, width]}. */
    public static void requireImages(Tensor images, int height, int width) {
        images.requireDims(4, "a batch of images");
        require(
                images.size(2) == height && images.size(3) == width,
                "images of %d×%d pixels were given to a model of %d×%d: resize them, or build the model for that size",
                images.size(2),
                images.size(3),
                height,
                width);
    }
}
