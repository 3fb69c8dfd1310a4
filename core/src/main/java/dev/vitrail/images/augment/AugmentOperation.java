package dev.vitrail.images.augment;

import dev.vitrail.images.RgbImage;
import java.util.Arrays;
import java.util.random.RandomGenerator;

/**
 * The operations that RandAugment and its kin draw from, each with its meaning of a level from 0 to 10: timm's
 * {@code auto_augment.py}, which has them from TensorFlow's TPU models.
 *
 * <p>"Increasing" ones change an image the more the higher the level is; of the others some change it least at a level
 * in the middle, and some the less the higher it is.
 */
enum AugmentOperation {
    AUTO_CONTRAST("AutoContrast", Level.NONE, (image, argument, motion, random) -> Pointwise.autoContrast(image)),
    EQUALIZE("Equalize", Level.NONE, (image, argument, motion, random) -> Pointwise.equalize(image)),
    INVERT("Invert", Level.NONE, (image, argument, motion, random) -> Pointwise.invert(image)),
    ROTATE("Rotate", (part, sign, motion) -> sign * part * 30, AugmentOperation::rotate),
    POSTERIZE("Posterize", (part, sign, motion) -> bits(part), AugmentOperation::posterize),
    POSTERIZE_INCREASING("PosterizeIncreasing", (part, sign, motion) -> 4 - bits(part), AugmentOperation::posterize),
    POSTERIZE_ORIGINAL("PosterizeOriginal", (part, sign, motion) -> bits(part) + 4, AugmentOperation::posterize),
    SOLARIZE("Solarize", (part, sign, motion) -> threshold(part), AugmentOperation::solarize),
    SOLARIZE_INCREASING(
            "SolarizeIncreasing", (part, sign, motion) -> 256 - threshold(part), AugmentOperation::solarize),
    SOLARIZE_ADD(
            "SolarizeAdd",
            (part, sign, motion) -> Math.min(128, (int) (part * 110)),
            (image, argument, motion, random) -> Pointwise.solarizeAdd(image, (int) argument)),
    COLOR("Color", Level.FACTOR, AugmentOperation::color),
    COLOR_INCREASING("ColorIncreasing", Level.FACTOR_INCREASING, AugmentOperation::color),
    CONTRAST("Contrast", Level.FACTOR, AugmentOperation::contrast),
    CONTRAST_INCREASING("ContrastIncreasing", Level.FACTOR_INCREASING, AugmentOperation::contrast),
    BRIGHTNESS("Brightness", Level.FACTOR, AugmentOperation::brightness),
    BRIGHTNESS_INCREASING("BrightnessIncreasing", Level.FACTOR_INCREASING, AugmentOperation::brightness),
    SHARPNESS("Sharpness", Level.FACTOR, AugmentOperation::sharpness),
    SHARPNESS_INCREASING("SharpnessIncreasing", Level.FACTOR_INCREASING, AugmentOperation::sharpness),
    SHEAR_X(
            "ShearX",
            Level.SHEAR,
            (image, argument, motion, random) -> motion.move(image, Affine.shearX(argument), random)),
    SHEAR_Y(
            "ShearY",
            Level.SHEAR,
            (image, argument, motion, random) -> motion.move(image, Affine.shearY(argument), random)),
    TRANSLATE_X(
            "TranslateXRel",
            Level.SHIFT,
            (image, argument, motion, random) ->
                    motion.move(image, Affine.translateX(argument * image.width()), random)),
    TRANSLATE_Y(
            "TranslateYRel",
            Level.SHIFT,
            (image, argument, motion, random) ->
                    motion.move(image, Affine.translateY(argument * image.height()), random)),
    DESATURATE(
            "Desaturate",
            (part, sign, motion) -> Math.min(0.5 + 0.5 * part, 1),
            (image, argument, motion, random) -> Enhance.color(image, 1 - argument)),
    BLUR(
            "GaussianBlur",
            (part, sign, motion) -> Math.min(0.1 + (2.0 - 0.1) * part, 2),
            (image, argument, motion, random) -> GaussianBlur.apply(image, argument)),
    RANDOM_BLUR(
            "GaussianBlurRand",
            (part, sign, motion) -> Math.min(part, 1),
            (image, argument, motion, random) ->
                    GaussianBlur.apply(image, 0.1 + (2.0 * argument - 0.1) * random.nextDouble()));

    /** The level at which most operations are at their strongest. */
    static final double FULL_LEVEL = 10;

    /** Conversion of a level to an operation's argument. */
    @FunctionalInterface
    private interface Level {
        /** No argument at all. */
        Level NONE = (part, sign, motion) -> 0;

        /** A factor of {@link Enhance}: 0.1 to 1.9, where 1 in the middle changes nothing. */
        Level FACTOR = (part, sign, motion) -> part * 1.8 + 0.1;

        /** A factor of {@link Enhance} that moves away from 1, to either side, as the level rises: at least 0.1. */
        Level FACTOR_INCREASING = (part, sign, motion) -> Math.max(0.1, 1.0 + sign * (part * 0.9));

        /** Pixels across per pixel down, or the other way round. */
        Level SHEAR = (part, sign, motion) -> sign * (part * 0.3);

        /** A part of the image's side. */
        Level SHIFT = (part, sign, motion) -> sign * (part * motion.reach());

        /**
         * @param part the level divided by 10
         * @param sign 1, or −1 for the other way
         */
        double argument(double part, int sign, AffineSettings motion);
    }

    @FunctionalInterface
    private interface Operation {
        RgbImage apply(RgbImage image, double argument, AffineSettings motion, RandomGenerator random);
    }

    private final String key;
    private final Level level;
    private final Operation operation;

    AugmentOperation(String key, Level level, Operation operation) {
        this.key = key;
        this.level = level;
        this.operation = operation;
    }

    /** timm's name. */
    String key() {
        return key;
    }

    /** The operation that timm calls {@code key}. */
    static AugmentOperation of(String key) {
        return Arrays.stream(values())
                .filter(candidate -> candidate.key.equals(key))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("no operation is called " + key));
    }

    /** The operation's argument at a level; {@code sign} is −1 for the other direction, where there are two. */
    double argument(double magnitude, int sign, AffineSettings motion) {
        return level.argument(magnitude / FULL_LEVEL, sign, motion);
    }

    /**
     * The image, changed; chance decides the direction where there are two, and the interpolation where
     * there are several.
     */
    RgbImage apply(RgbImage image, double magnitude, AffineSettings motion, RandomGenerator random) {
        int sign = random.nextBoolean() ? 1 : -1;
        return with(image, argument(magnitude, sign, motion), motion, random);
    }

    /** The image, changed by an argument that is known. */
    RgbImage with(RgbImage image, double argument, AffineSettings motion, RandomGenerator random) {
        return operation.apply(image, argument, motion, random);
    }

    private static int bits(double part) {
        return (int) (part * 4);
    }

    private static int threshold(double part) {
        return Math.min(256, (int) (part * 256));
    }

    private static RgbImage rotate(RgbImage image, double argument, AffineSettings motion, RandomGenerator random) {
        return motion.move(image, Affine.rotation(argument, image.width(), image.height()), random);
    }

    private static RgbImage posterize(RgbImage image, double argument, AffineSettings motion, RandomGenerator random) {
        return Pointwise.posterize(image, (int) argument);
    }

    private static RgbImage solarize(RgbImage image, double argument, AffineSettings motion, RandomGenerator random) {
        return Pointwise.solarize(image, (int) argument);
    }

    private static RgbImage color(RgbImage image, double argument, AffineSettings motion, RandomGenerator random) {
        return Enhance.color(image, argument);
    }

    private static RgbImage contrast(RgbImage image, double argument, AffineSettings motion, RandomGenerator random) {
        return Enhance.contrast(image, argument);
    }

    private static RgbImage brightness(RgbImage image, double argument, AffineSettings motion, RandomGenerator random) {
        return Enhance.brightness(image, argument);
    }

    private static RgbImage sharpness(RgbImage image, double argument, AffineSettings motion, RandomGenerator random) {
        return Enhance.sharpness(image, argument);
    }
}
