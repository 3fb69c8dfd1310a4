package dev.vitrail.train;

import static dev.vitrail.train.TrainingOptions.AUTO_AUGMENT;
import static dev.vitrail.train.TrainingOptions.BLUR;
import static dev.vitrail.train.TrainingOptions.CLASS_BALANCED_SAMPLING;
import static dev.vitrail.train.TrainingOptions.COLOR_JITTER;
import static dev.vitrail.train.TrainingOptions.CROP;
import static dev.vitrail.train.TrainingOptions.CROP_SCALE;
import static dev.vitrail.train.TrainingOptions.CUTMIX;
import static dev.vitrail.train.TrainingOptions.CUTMIX_MINMAX;
import static dev.vitrail.train.TrainingOptions.FLIP;
import static dev.vitrail.train.TrainingOptions.GREY;
import static dev.vitrail.train.TrainingOptions.INTERPOLATION;
import static dev.vitrail.train.TrainingOptions.LABEL_SMOOTHING;
import static dev.vitrail.train.TrainingOptions.MIXUP;
import static dev.vitrail.train.TrainingOptions.MIX_MODE;
import static dev.vitrail.train.TrainingOptions.MIX_OFF_EPOCH;
import static dev.vitrail.train.TrainingOptions.MIX_PROBABILITY;
import static dev.vitrail.train.TrainingOptions.MIX_SWITCH_PROBABILITY;
import static dev.vitrail.train.TrainingOptions.PAD;
import static dev.vitrail.train.TrainingOptions.RANDOM_ERASING;
import static dev.vitrail.train.TrainingOptions.RANDOM_ERASING_COUNT;
import static dev.vitrail.train.TrainingOptions.RANDOM_ERASING_MODE;
import static dev.vitrail.train.TrainingOptions.REPEATED_AUGMENTATION;
import static dev.vitrail.train.TrainingOptions.SAMPLES_PER_EPOCH;
import static dev.vitrail.train.TrainingOptions.SEED;
import static dev.vitrail.train.TrainingOptions.VERTICAL_FLIP;

import dev.vitrail.data.Dataset;
import dev.vitrail.data.Sampler;
import dev.vitrail.images.Interpolation;
import dev.vitrail.images.Preprocessing;
import dev.vitrail.images.augment.AffineSettings;
import dev.vitrail.images.augment.AugmentationSpec;
import dev.vitrail.images.augment.ColorJitter;
import dev.vitrail.images.augment.ImageTransform;
import dev.vitrail.images.augment.PadAndCrop;
import dev.vitrail.images.augment.RandomBlur;
import dev.vitrail.images.augment.RandomErasing;
import dev.vitrail.images.augment.RandomFlip;
import dev.vitrail.images.augment.RandomGrey;
import dev.vitrail.images.augment.RandomResizedCrop;
import dev.vitrail.images.augment.SimpleRandomCrop;
import dev.vitrail.images.augment.TrainingTransform;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * Augmentation by a run's options: random views, mixing, and how often each image is shown.
 */
public final class Augmentation {
    /** The random parts of an image to choose from. */
    public enum Crop {
        /** A part of random size and shape, resized: for photos. */
        RESIZED,
        /** The whole, shifted by some pixels: for small images. */
        PAD,
        /** The shorter side resized, then a square shifted by four pixels: DeiT-III's. */
        SIMPLE
    }

    /** Interpolation of training images. */
    public enum Filter {
        /** Bilinear or bicubic, drawn anew each time. */
        RANDOM(RandomResizedCrop.RANDOM_INTERPOLATION),
        NEAREST(List.of(Interpolation.NEAREST)),
        BILINEAR(List.of(Interpolation.BILINEAR)),
        BICUBIC(List.of(Interpolation.BICUBIC));

        private final List<Interpolation> interpolations;

        Filter(List<Interpolation> interpolations) {
            this.interpolations = interpolations;
        }
    }

    private Augmentation() {}

    /**
     * Transform from a decoded image to a model's input, in timm's order.
     *
     * @param input the size and statistics of that input
     * @throws dev.vitrail.errors.VitrailException if the options do not fit images of that size
     */
    public static TrainingTransform of(TrainingConfig config, Preprocessing input) {
        config.get(CUTMIX_MINMAX).ifPresent(sides -> sides.requireRoomIn(input.height(), input.width()));
        var steps = new ArrayList<ImageTransform>();
        var interpolations =
                config.get(INTERPOLATION).map(filter -> filter.interpolations).orElse(List.of(input.interpolation()));
        crop(config, input, interpolations, steps);
        if (config.get(FLIP) > 0 || config.get(VERTICAL_FLIP) > 0) {
            steps.add(new RandomFlip(config.get(FLIP), config.get(VERTICAL_FLIP)));
        }
        var spec = config.get(AUTO_AUGMENT).map(AugmentationSpec::new);
        spec.ifPresent(
                automatic -> steps.add(automatic.transform(AffineSettings.of(input.normalization(), interpolations))));
        if (config.get(COLOR_JITTER) > 0
                && spec.map(AugmentationSpec::keepsColorJitter).orElse(true)) {
            steps.add(ColorJitter.of(config.get(COLOR_JITTER)));
        }
        if (config.get(GREY) > 0) {
            steps.add(new RandomGrey(config.get(GREY)));
        }
        if (config.get(BLUR) > 0) {
            steps.add(new RandomBlur(config.get(BLUR)));
        }
        var transform = TrainingTransform.of(input, steps);
        return config.get(RANDOM_ERASING) > 0
                ? transform.withErasing(RandomErasing.of(
                        config.get(RANDOM_ERASING), config.get(RANDOM_ERASING_MODE), config.get(RANDOM_ERASING_COUNT)))
                : transform;
    }

    private static void crop(
            TrainingConfig config,
            Preprocessing input,
            List<Interpolation> interpolations,
            List<ImageTransform> steps) {
        switch (config.get(CROP)) {
            case RESIZED ->
                steps.add(new RandomResizedCrop(
                        input.height(),
                        input.width(),
                        config.get(CROP_SCALE),
                        RandomResizedCrop.DEFAULT_RATIO,
                        interpolations));
            case PAD -> {
                // Before it is shifted, an image of another size is brought to the input's, just as validation does
                // it.
                steps.add((image, random) -> input.apply(image));
                if (config.get(PAD) > 0) {
                    steps.add(new PadAndCrop(input.height(), input.width(), config.get(PAD), PadAndCrop.Border.ZERO));
                }
            }
            case SIMPLE -> steps.add(new SimpleRandomCrop(input.height(), input.width(), interpolations));
        }
    }

    /** Returns whether timm's notation is understood. */
    static boolean known(String spec) {
        return !new AugmentationSpec(spec).text().isEmpty();
    }

    /** The mixing of batches; empty for none. */
    static Optional<Mixing> mixing(TrainingConfig config) {
        var off = config.get(MIX_OFF_EPOCH);
        return config.mixes()
                ? Optional.of(new Mixing(
                        config.get(MIXUP),
                        config.get(CUTMIX),
                        config.get(CUTMIX_MINMAX),
                        config.get(MIX_PROBABILITY),
                        config.get(MIX_SWITCH_PROBABILITY),
                        config.get(MIX_MODE),
                        config.get(LABEL_SMOOTHING),
                        off.isPresent() ? OptionalInt.of(off.get()) : OptionalInt.empty()))
                : Optional.empty();
    }

    /** The order of the images in each epoch. */
    public static Sampler sampler(TrainingConfig config, Dataset set) {
        var sampler = config.get(CLASS_BALANCED_SAMPLING)
                ? Sampler.balanced(set.labels(), config.get(SEED))
                : Sampler.shuffled(set.size(), config.get(SEED));
        var pass =
                config.get(REPEATED_AUGMENTATION) > 1 ? sampler.repeated(config.get(REPEATED_AUGMENTATION)) : sampler;
        return config.get(SAMPLES_PER_EPOCH).map(pass::cutInto).orElse(pass);
    }
}
