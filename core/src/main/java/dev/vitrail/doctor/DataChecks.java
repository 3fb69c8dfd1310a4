package dev.vitrail.doctor;

import static dev.vitrail.train.TrainingOptions.CLASS_BALANCED_SAMPLING;
import static dev.vitrail.train.TrainingOptions.CLASS_WEIGHTS;
import static dev.vitrail.train.TrainingOptions.FREEZE_BACKBONE;
import static dev.vitrail.train.TrainingOptions.LOSS;

import dev.vitrail.data.ClassWeights;
import dev.vitrail.data.Dataset;
import dev.vitrail.data.ImageLevels;
import dev.vitrail.data.Overlap;
import dev.vitrail.data.StainedGlass;
import dev.vitrail.data.TrainAndValidation;
import dev.vitrail.train.DataThresholds;
import dev.vitrail.train.LossType;
import dev.vitrail.train.TrainingConfig;
import dev.vitrail.train.TrainingLoss;
import dev.vitrail.train.TrainingPlan;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** Checks that there are enough training images, and that validation images are not among them. */
final class DataChecks {
    /** Images to train on above which copies are not looked for: the sizes of so many files take seconds to ask for. */
    static final int MOST_IMAGES = 100_000;
    /** Validation images that are looked for among those. */
    static final int LOOKED_FOR = 1000;
    /** Share of copies from which on the accuracy means nothing. */
    private static final double MOST_COPIES = 0.1;
    /** Validation images below which one of them is worth more than two points. */
    private static final int FEW_TO_JUDGE_BY = 50;

    private static final int NAMED = 3;

    private DataChecks() {}

    static List<Diagnosis> of(TrainingPlan plan) {
        var config = plan.config();
        var sets = plan.data();
        var findings = new ArrayList<Diagnosis>();
        classes(config, sets.train(), findings);
        amounts(config, plan.model().pretrained(), sets, findings);
        levels(sets.train(), findings);
        copies(sets, findings);
        return findings;
    }

    private static void classes(TrainingConfig config, Dataset train, List<Diagnosis> findings) {
        var names = train.classes();
        int[] counts = Arrays.copyOf(ClassWeights.counts(train.labels()), names.size());
        var none = named(names, counts, 0);
        var one = named(names, counts, 1);
        if (!none.isEmpty()) {
            findings.add(Diagnosis.warn(
                    "add images of them, or leave the classes out",
                    "there are no images to train on of %s, so they will never be found",
                    some(none)));
        }
        if (!one.isEmpty()) {
            findings.add(Diagnosis.warn(
                    "add images: two are the least that a class can be told by",
                    "there is one image to train on of %s",
                    some(one)));
        }
        int least = Arrays.stream(counts).filter(count -> count > 0).min().orElse(0);
        int most = Arrays.stream(counts).max().orElse(0);
        boolean even =
                !config.get(CLASS_BALANCED_SAMPLING) && config.get(CLASS_WEIGHTS) == TrainingLoss.Weighting.EQUAL;
        if (even && most >= DataThresholds.IMBALANCED * least && least > 0) {
            findings.add(Diagnosis.warn(
                    config.get(LOSS) == LossType.CROSS_ENTROPY
                            ? "weigh them (--set class_weights=effective_number), or sample them equally often (--set"
                                    + " class_balanced_sampling=true)"
                            : "sample them equally often (--set class_balanced_sampling=true)",
                    "the largest class has %,d images and the smallest %,d, so the model will learn to name the large"
                            + " ones",
                    most,
                    least));
        }
    }

    private static List<String> named(List<String> names, int[] counts, int count) {
        return IntStream.range(0, counts.length)
                .filter(c -> counts[c] == count)
                .mapToObj(names::get)
                .toList();
    }

    private static String some(List<String> names) {
        var shown = names.stream().limit(NAMED).map(name -> "'" + name + "'").collect(Collectors.joining(", "));
        return names.size() <= NAMED ? shown : "%s and %,d more".formatted(shown, names.size() - NAMED);
    }

    private static void amounts(
            TrainingConfig config, boolean pretrained, TrainAndValidation sets, List<Diagnosis> findings) {
        int images = sets.train().size();
        if (!pretrained && images < DataThresholds.FEW_FROM_SCRATCH) {
            findings.add(Diagnosis.warn(
                    "start from published weights, such as --model vit_tiny_patch16_224.augreg_in21k_ft_in1k",
                    "%,d images are few for a model that starts from random weights: it will overfit",
                    images));
        }
        if (pretrained && !config.get(FREEZE_BACKBONE) && images < DataThresholds.FEW_TO_FINE_TUNE) {
            findings.add(Diagnosis.warn(
                    "train the classifier alone (--freeze, or --recipe classifier-only)",
                    "all layers are to be fine-tuned on %,d images, fewer than the %d below which they overfit",
                    images,
                    DataThresholds.FEW_TO_FINE_TUNE));
        }
        int judged = sets.validation().size();
        if (judged < FEW_TO_JUDGE_BY) {
            findings.add(Diagnosis.warn(
                    "raise val_fraction, or add validation images",
                    "accuracy is measured on %,d images, so that one of them is worth %.1f points",
                    judged,
                    100.0 / judged));
        }
    }

    private static void levels(Dataset train, List<Diagnosis> findings) {
        var levels = ImageLevels.of(train);
        if (levels.saysNothing()) {
            findings.add(Diagnosis.refuse(
                    levels.cut() > 0
                            ? "scale their levels with --sixteen-bit range (or scale), or to eight bits"
                            : "look at the files, which may have been spoilt by a conversion",
                    levels.cut() > 0
                            ? "all of %d images that were looked at are of one level alone, as their sixteen bits were"
                                    + " cut to white"
                            : "all of %d images that were looked at are of one and the same colour alone",
                    levels.looked()));
        } else if (levels.cut() > 0) {
            findings.add(Diagnosis.warn(
                    "scale their levels with --sixteen-bit scale (or range), or to eight bits",
                    "%d of %d images that were looked at have sixteen bits, and what is above level 255 was cut to"
                            + " white",
                    levels.cut(),
                    levels.looked()));
        } else if (2 * levels.flat() > levels.looked()) {
            findings.add(Diagnosis.warn(
                    "look at the files, which may have been spoilt by a conversion",
                    "%d of %d images that were looked at are of one colour alone",
                    levels.flat(),
                    levels.looked()));
        }
    }

    private static void copies(TrainAndValidation sets, List<Diagnosis> findings) {
        int images = sets.train().size();
        if (sets.train() instanceof StainedGlass) {
            return; // each image is painted from its own random numbers
        }
        if (images > MOST_IMAGES) {
            findings.add(Diagnosis.note(
                    "make sure of it yourself",
                    "with more than %,d images, no validation image was looked for among those to train on",
                    MOST_IMAGES));
            return;
        }
        var overlap = Overlap.between(sets.train(), sets.validation(), LOOKED_FOR);
        if (overlap.pairs().isEmpty()) {
            return;
        }
        var first = overlap.pairs().get(0);
        var sentence =
                "%,d of %,d validation images that were looked for are also among those to train on, such as %s, the"
                        + " same as %s";
        Object[] values = {
            overlap.pairs().size(),
            overlap.looked(),
            sets.validation().name(first.second()),
            sets.train().name(first.first())
        };
        var advice = "remove them from one of the two, or the accuracy will be too good to be true";
        findings.add(
                overlap.pairs().size() >= MOST_COPIES * overlap.looked()
                        ? Diagnosis.refuse(advice, sentence, values)
                        : Diagnosis.warn(advice, sentence, values));
    }
}
