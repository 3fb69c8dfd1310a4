package dev.vitrail.train;

import static dev.vitrail.train.DataThresholds.FEW_TO_FINE_TUNE;
import static dev.vitrail.train.DataThresholds.IMBALANCED;
import static dev.vitrail.train.DataThresholds.SMALL_SIDE;
import static dev.vitrail.train.TrainingOptions.IMAGE_SIZE;
import static dev.vitrail.train.TrainingOptions.LOSS;
import static dev.vitrail.train.TrainingOptions.MODEL;

import dev.vitrail.data.ClassWeights;
import dev.vitrail.data.Dataset;
import dev.vitrail.data.StainedGlass;
import dev.vitrail.data.TypicalSize;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.models.Variant;
import dev.vitrail.models.zoo.Catalog;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Proposes a recipe, and what to change in it, from the data and the model's start, and says why: how many images there
 * are, how large they are, how evenly they are spread over the classes, and whether the model has been trained already.
 */
public final class RecipeAdvisor {
    /** Small images from which on the recipes for small data pay; they are made for some tens of thousands. */
    private static final int ENOUGH_SMALL = 10_000;
    /** Photos from which on the papers' own recipes pay; they are made for 1.28 million. */
    private static final int ENOUGH_PHOTOS = 500_000;
    /** Steps that a quick look makes on the built-in set, which are enough there. */
    private static final int STEPS = 1050;
    /** Images in a step of a quick look. */
    private static final int QUICK_BATCH = 32;

    private static final int QUICK_EPOCHS = 4;
    private static final int MOST_EPOCHS = 100;

    /** The paper's recipe for a model, by how its name begins; the first that fits. */
    private static final List<Map.Entry<String, String>> PAPERS = List.of(
            Map.entry("deit3", "deit3"),
            Map.entry("deit", "deit"),
            Map.entry("compact_vit", "deit"),
            Map.entry("t2t", "t2t"),
            Map.entry("cait", "cait"),
            Map.entry("swin", "swin"),
            Map.entry("convnext", "convnext"),
            Map.entry("", "vit-augreg"));

    /** A small model for small images and one for photos, where nobody names a model. */
    private static final String SMALL_MODEL = "compact_vit_mini_32", PHOTO_MODEL = "vit_tiny_patch16_224";

    /**
     * A proposal.
     *
     * @param recipe its name
     * @param changes to its options, as YAML; may be empty
     * @param reasons why, a sentence each
     */
    public record Advice(String recipe, String changes, List<String> reasons) {
        /** A configuration with the recipe's options and the changes; the model is the one that was asked for. */
        public TrainingConfig apply(TrainingConfig start) {
            var config = Recipe.get(recipe).apply(start).with(MODEL, start.get(MODEL));
            return changes.isEmpty() ? config : TrainingConfigFile.with(config, changes, "recipe auto");
        }
    }

    private RecipeAdvisor() {}

    /** The model to train from random weights where nobody names one: by the size of the images. */
    public static String model(Dataset train) {
        return isSmall(train) ? SMALL_MODEL : PHOTO_MODEL;
    }

    private static boolean isSmall(Dataset train) {
        return TypicalSize.of(train).side().orElse(SMALL_SIDE + 1) <= SMALL_SIDE;
    }

    /**
     * The recipe for a model and data.
     *
     * @param config whose model and image size are those asked for
     * @param trained whether the model starts from trained weights
     */
    public static Advice advise(TrainingConfig config, boolean trained, Dataset train) {
        var reasons = new ArrayList<String>();
        var changes = new ArrayList<String>();
        var recipe = trained ? fineTuning(train, reasons) : fromScratch(config, train, reasons, changes);
        skew(Recipe.get(recipe).apply(config), train, reasons, changes);
        return new Advice(recipe, String.join("\n", changes), List.copyOf(reasons));
    }

    private static String fineTuning(Dataset train, List<String> reasons) {
        boolean few = train.size() < FEW_TO_FINE_TUNE;
        say(
                reasons,
                few
                        ? "the model is trained already, and %,d images are fewer than the %d below which all layers"
                                + " would overfit"
                        : "the model is trained already, and %,d images, at least %d, are enough for all of its layers",
                train.size(),
                FEW_TO_FINE_TUNE);
        return few ? "classifier-only" : "fine-tune";
    }

    private static String fromScratch(
            TrainingConfig config, Dataset train, List<String> reasons, List<String> changes) {
        var model = config.get(MODEL);
        int side = TypicalSize.of(train).side().orElse(0);
        var input = Catalog.get(model).config();
        if (input.imageHeight() > SMALL_SIDE) {
            return fromPhotos(model, train, reasons);
        }
        fitSize(config, Catalog.get(model), side, reasons, changes);
        if (train.size() < ENOUGH_SMALL || train instanceof StainedGlass) {
            int epochs = Math.min(MOST_EPOCHS, Math.max(QUICK_EPOCHS, ceilDiv(STEPS * QUICK_BATCH, train.size())));
            say(reasons, "the model starts from random weights on %,d small images (%d pixels)", train.size(), side);
            if (epochs > QUICK_EPOCHS) {
                changes.add("epochs: " + epochs);
                say(reasons, "few images need more epochs for as many steps: %d", epochs);
            }
            return "quick-look";
        }
        say(
                reasons,
                "the model starts from random weights, and %,d small images (%d pixels), at least %,d, are enough for a"
                        + " longer run with augmentation",
                train.size(),
                side,
                ENOUGH_SMALL);
        return paper(model) + "-small-data";
    }

    private static String fromPhotos(String model, Dataset train, List<String> reasons) {
        if (train.size() >= ENOUGH_PHOTOS) {
            say(
                    reasons,
                    "the model starts from random weights, and %,d images, at least %,d, are enough for the"
                            + " paper's own recipe",
                    train.size(),
                    ENOUGH_PHOTOS);
            return paper(model);
        }
        say(
                reasons,
                "the model starts from random weights, and %,d photos are too few for the heavy augmentation"
                        + " of the papers",
                train.size());
        return "photos";
    }

    private static String paper(String model) {
        return PAPERS.stream()
                .filter(paper -> model.startsWith(paper.getKey()))
                .findFirst()
                .orElseThrow()
                .getValue();
    }

    /**
     * Images smaller than the input need not be enlarged where the model takes them as they are: fewer patches, less
     * to compute.
     */
    private static void fitSize(
            TrainingConfig config, Variant variant, int side, List<String> reasons, List<String> changes) {
        var input = variant.config();
        if (config.get(IMAGE_SIZE).isEmpty()
                && side >= input.imageHeight() / 2
                && side < input.imageHeight()
                && fits(variant, side)) {
            changes.add("image_size: " + side);
            say(
                    reasons,
                    "the images are seen as they are, %d pixels, not enlarged to the model's %d",
                    side,
                    input.imageHeight());
        }
    }

    /**
     * Returns whether a model sees images of that side whole: its patches divide them, and what its later stages merge.
     */
    private static boolean fits(Variant variant, int side) {
        try (var model = variant.config().withImage(side, side).create()) {
            var last = model.featureInfo().get(model.featureInfo().size() - 1);
            return model.config().adjusted().isEmpty()
                    && side % last.strideHeight() == 0
                    && side % last.strideWidth() == 0;
        } catch (VitrailException e) {
            return false; // the patch does not divide it
        }
    }

    /** Class weights belong to the cross entropy; by the binary loss, rare classes are shown more often instead. */
    private static void skew(TrainingConfig config, Dataset train, List<String> reasons, List<String> changes) {
        int[] counts = Arrays.stream(ClassWeights.counts(train.labels()))
                .filter(count -> count > 0)
                .toArray();
        int least = Arrays.stream(counts).min().orElse(0),
                most = Arrays.stream(counts).max().orElse(0);
        if (most >= IMBALANCED * least) {
            boolean weighed = config.get(LOSS) == LossType.CROSS_ENTROPY;
            changes.add(weighed ? "class_weights: effective_number" : "class_balanced_sampling: true");
            say(
                    reasons,
                    weighed
                            ? "classes are weighed, as the largest has %,d images and the smallest %,d"
                            : "classes are shown equally often, as the largest has %,d images and the smallest %,d",
                    most,
                    least);
        }
    }

    private static int ceilDiv(int a, int b) {
        return -Math.floorDiv(-a, b);
    }

    private static void say(List<String> reasons, String sentence, Object... values) {
        reasons.add(String.format(Locale.ROOT, sentence, values));
    }
}
