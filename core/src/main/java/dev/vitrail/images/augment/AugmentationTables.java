package dev.vitrail.images.augment;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Operations that the named augmentations draw from. The tables are the papers' and timm's ({@code auto_augment.py}),
 * under timm's names.
 *
 * <p>A line of a policy is what one draw applies: for each operation its name, probability and level.
 */
final class AugmentationTables {
    /** The policy found on ImageNet (Cubuk et al., 2019, arXiv:1805.09501, appendix, table 9). */
    private static final String ORIGINAL =
            """
            PosterizeOriginal 0.4 8, Rotate 0.6 9
            Solarize 0.6 5, AutoContrast 0.6 5
            Equalize 0.8 8, Equalize 0.6 3
            PosterizeOriginal 0.6 7, PosterizeOriginal 0.6 6
            Equalize 0.4 7, Solarize 0.2 4
            Equalize 0.4 4, Rotate 0.8 8
            Solarize 0.6 3, Equalize 0.6 7
            PosterizeOriginal 0.8 5, Equalize 1.0 2
            Rotate 0.2 3, Solarize 0.6 8
            Equalize 0.6 8, PosterizeOriginal 0.4 6
            Rotate 0.8 8, Color 0.4 0
            Rotate 0.4 9, Equalize 0.6 2
            Equalize 0.0 7, Equalize 0.8 8
            Invert 0.6 4, Equalize 1.0 8
            Color 0.6 4, Contrast 1.0 8
            Rotate 0.8 8, Color 1.0 2
            Color 0.8 8, Solarize 0.8 7
            Sharpness 0.4 7, Invert 0.6 8
            ShearX 0.6 5, Equalize 1.0 9
            Color 0.4 0, Equalize 0.6 3
            Equalize 0.4 7, Solarize 0.2 4
            Solarize 0.6 5, AutoContrast 0.6 5
            Invert 0.6 4, Equalize 1.0 8
            Color 0.6 4, Contrast 1.0 8
            Equalize 0.8 8, Equalize 0.6 3
            """;

    /** The policy of TensorFlow's EfficientNet. */
    private static final String V0 =
            """
            Equalize 0.8 1, ShearY 0.8 4
            Color 0.4 9, Equalize 0.6 3
            Color 0.4 1, Rotate 0.6 8
            Solarize 0.8 3, Equalize 0.4 7
            Solarize 0.4 2, Solarize 0.6 2
            Color 0.2 0, Equalize 0.8 8
            Equalize 0.4 8, SolarizeAdd 0.8 3
            ShearX 0.2 9, Rotate 0.6 8
            Color 0.6 1, Equalize 1.0 2
            Invert 0.4 9, Rotate 0.6 0
            Equalize 1.0 9, ShearY 0.6 3
            Color 0.4 7, Equalize 0.6 0
            Posterize 0.4 6, AutoContrast 0.4 7
            Solarize 0.6 8, Color 0.6 9
            Solarize 0.2 4, Rotate 0.8 9
            Rotate 1.0 7, TranslateYRel 0.8 9
            ShearX 0.0 0, Solarize 0.8 4
            ShearY 0.8 0, Color 0.6 4
            Color 1.0 0, Rotate 0.6 2
            Equalize 0.8 4, Equalize 0.0 8
            Equalize 1.0 4, AutoContrast 0.6 2
            ShearY 0.4 7, SolarizeAdd 0.6 7
            Posterize 0.8 2, Solarize 0.6 10
            Solarize 0.6 8, Equalize 0.6 1
            Color 0.8 6, Rotate 0.4 5
            """;

    /** 3-Augment (Touvron et al., 2022, "DeiT III", arXiv:2204.07118, section 3.2): one of three. */
    private static final String THREE =
            """
            Solarize 1.0 5
            Desaturate 1.0 10
            GaussianBlurRand 1.0 10
            """;

    /** AutoAugment's policies. In those that end in r, more bits are lost the higher the level. */
    static final Map<String, List<List<Entry>>> POLICIES = Map.of(
            "original", lines(ORIGINAL),
            "originalr", lines(ORIGINAL.replace("PosterizeOriginal", "PosterizeIncreasing")),
            "v0", lines(V0),
            "v0r", lines(V0.replace("Posterize", "PosterizeIncreasing")),
            "3a", lines(THREE));

    /** RandAugment's operations (Cubuk et al., 2020, arXiv:1909.13719, section 3, with timm's additions). */
    static final List<String> RAND = List.of(
            "AutoContrast",
            "Equalize",
            "Invert",
            "Rotate",
            "Posterize",
            "Solarize",
            "SolarizeAdd",
            "Color",
            "Contrast",
            "Brightness",
            "Sharpness",
            "ShearX",
            "ShearY",
            "TranslateXRel",
            "TranslateYRel");

    /** RandAugment's operations, each stronger at a higher level. */
    static final List<String> RAND_INCREASING = List.of(
            "AutoContrast",
            "Equalize",
            "Invert",
            "Rotate",
            "PosterizeIncreasing",
            "SolarizeIncreasing",
            "SolarizeAdd",
            "ColorIncreasing",
            "ContrastIncreasing",
            "BrightnessIncreasing",
            "SharpnessIncreasing",
            "ShearX",
            "ShearY",
            "TranslateXRel",
            "TranslateYRel");

    /** Former weights {@code w0} of {@link #RAND} and {@link #RAND_INCREASING}, place by place. */
    static final List<Double> RAND_WEIGHTS_0 =
            List.of(0.025, 0.0, 0.0, 0.3, 0.0, 0.005, 0.005, 0.025, 0.005, 0.005, 0.025, 0.2, 0.2, 0.1, 0.1);

    /** Sets of operations that {@code t} chooses, with the weight of each. */
    static final Map<String, Map<String, Double>> RAND_SETS = Map.of(
            "weights",
            weights(
                    """
                    Rotate 3, ShearX 2, ShearY 2, TranslateXRel 1, TranslateYRel 1, ColorIncreasing 0.25,
                    SharpnessIncreasing 0.25, AutoContrast 0.25, SolarizeIncreasing 0.05, SolarizeAdd 0.05,
                    ContrastIncreasing 0.05, BrightnessIncreasing 0.05, Equalize 0.05, PosterizeIncreasing 0.05, Invert 0.05
                    """),
            "3aw",
            weights(
                    """
                    SolarizeIncreasing 6, Desaturate 6, GaussianBlur 6, Rotate 3, ShearX 2, ShearY 2, PosterizeIncreasing 1,
                    AutoContrast 1, ColorIncreasing 1, SharpnessIncreasing 1, ContrastIncreasing 1, BrightnessIncreasing 1,
                    Equalize 1, Invert 1
                    """));

    /** The operations of {@code t3a}, all alike. */
    static final List<String> RAND_3A = List.of("SolarizeIncreasing", "Desaturate", "GaussianBlur");

    /**
     * AugMix's operations (Hendrycks et al., 2020, arXiv:1912.02781, with the four of colour and sharpness
     * that timm adds).
     */
    static final List<String> AUGMIX = List.of(
            "AutoContrast",
            "ColorIncreasing",
            "ContrastIncreasing",
            "BrightnessIncreasing",
            "SharpnessIncreasing",
            "Equalize",
            "Rotate",
            "PosterizeIncreasing",
            "SolarizeIncreasing",
            "ShearX",
            "ShearY",
            "TranslateXRel",
            "TranslateYRel");

    private AugmentationTables() {}

    /** An operation of a policy. */
    record Entry(AugmentOperation operation, double probability, double magnitude) {}

    private static List<List<Entry>> lines(String text) {
        return text.lines()
                .map(line -> Arrays.stream(line.split(", "))
                        .map(AugmentationTables::entry)
                        .toList())
                .toList();
    }

    private static Entry entry(String text) {
        var words = text.split(" ");
        return new Entry(AugmentOperation.of(words[0]), Double.parseDouble(words[1]), Double.parseDouble(words[2]));
    }

    private static Map<String, Double> weights(String text) {
        var weights = new LinkedHashMap<String, Double>();
        for (var item : text.strip().split(",\\s+")) {
            var words = item.split(" ");
            weights.put(words[0], Double.parseDouble(words[1]));
        }
        return weights;
    }
}
