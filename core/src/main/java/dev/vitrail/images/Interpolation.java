package dev.vitrail.images;

import dev.vitrail.errors.Names;
import dev.vitrail.errors.VitrailException;
import java.util.Arrays;
import java.util.Locale;

/**
 * Resampling filter: the six filters of Pillow, under the names that timm's configurations use.
 *
 * <p>When an image shrinks, all but {@link #NEAREST} are stretched by the scale, so that every source pixel counts.
 */
public enum Interpolation {
    /** The pixel under the centre of the output pixel. */
    NEAREST(0),
    /** The mean of the pixels below the output pixel. */
    BOX(0.5),
    /** A triangle. */
    BILINEAR(1),
    /** A Hamming-windowed sinc of one lobe. */
    HAMMING(1),
    /** Keys' cubic convolution with a = −0.5. */
    BICUBIC(2),
    /** A sinc of three lobes, windowed by a sinc. */
    LANCZOS(3);

    // Pillow writes these two in single precision; the difference reaches the twenty-second bit.
    private static final float HAMMING_MEAN = 0.54f;
    private static final float HAMMING_SWING = 0.46f;

    private final double support;

    Interpolation(double support) {
        this.support = support;
    }

    /** The filter that a configuration calls {@code name}: {@code bilinear}, {@code bicubic}, {@code lanczos}, … */
    public static Interpolation parse(String name) {
        for (var candidate : values()) {
            if (candidate.key().equalsIgnoreCase(name.strip())) {
                return candidate;
            }
        }
        var known = Arrays.stream(values()).map(Interpolation::key).toList();
        throw VitrailException.of(
                "No interpolation is called \"%s\"; did you mean %s? There are %s.",
                name, Names.nearest(name, known, 1).get(0), String.join(", ", known));
    }

    /** The name in timm's configurations, in lower case. */
    public String key() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** Support of the filter to each side, in source pixels at scale 1. */
    double support() {
        return support;
    }

    /**
     * The filter's value at {@code x} source pixels from its centre, in the very order of operations that Pillow uses.
     */
    double weight(double x) {
        return switch (this) {
            case NEAREST -> throw new IllegalStateException("nearest takes one pixel and weighs none");
            case BOX -> x > -0.5 && x <= 0.5 ? 1 : 0;
            case BILINEAR -> Math.max(1 - Math.abs(x), 0);
            case HAMMING -> hamming(Math.abs(x));
            case BICUBIC -> cubic(Math.abs(x));
            case LANCZOS -> -3 <= x && x < 3 ? sinc(x) * sinc(x / 3) : 0;
        };
    }

    private static double hamming(double x) {
        if (x == 0 || x >= 1) {
            return x == 0 ? 1 : 0;
        }
        return sinc(x) * (HAMMING_MEAN + HAMMING_SWING * Math.cos(x * Math.PI));
    }

    private static double cubic(double x) {
        double a = -0.5;
        if (x < 1) {
            return ((a + 2) * x - (a + 3)) * x * x + 1;
        }
        return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
    }

    private static double sinc(double x) {
        double angle = x * Math.PI;
        return x == 0 ? 1 : Math.sin(angle) / angle;
    }
}
