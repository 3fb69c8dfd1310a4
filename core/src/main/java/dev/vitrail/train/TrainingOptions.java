package dev.vitrail.train;

import static dev.vitrail.train.TrainingOption.cache;
import static dev.vitrail.train.TrainingOption.channels;
import static dev.vitrail.train.TrainingOption.choice;
import static dev.vitrail.train.TrainingOption.flag;
import static dev.vitrail.train.TrainingOption.number;
import static dev.vitrail.train.TrainingOption.seed;
import static dev.vitrail.train.TrainingOption.sides;
import static dev.vitrail.train.TrainingOption.size;
import static dev.vitrail.train.TrainingOption.text;
import static dev.vitrail.train.TrainingOption.whole;

import dev.vitrail.data.CacheLimit;
import dev.vitrail.images.ImageDecoder;
import dev.vitrail.images.ImageSize;
import dev.vitrail.images.Interpolation;
import dev.vitrail.images.RandomErasing;
import dev.vitrail.images.SixteenBit;
import dev.vitrail.nn.WeightInit;
import java.util.List;
import java.util.Optional;

/**
 * The options of a training run, each declared once: its name in {@code config.yaml}, in recipes and after {@code --set}; the value
 * it has where nobody says; what it decides.
 */
public final class TrainingOptions {
    // spotless:off
    // What is trained, and on what.
    public static final TrainingOption<String> MODEL = text("model", "", "what it starts from: a name of the catalogue, or weights to go on from");
    public static final TrainingOption<Optional<String>> ARCHITECTURE = text("arch", "", "architecture of a bare weights file, by its name in the catalogue").orNone();
    public static final TrainingOption<String> DATA = text("data", "", "what it learns from: a folder or file, or the name of the built-in set");
    public static final TrainingOption<Optional<String>> LABELS = text("labels", "", "CSV file of file names and labels, for a flat folder").orNone();
    public static final TrainingOption<Boolean> EXIF = flag("exif", false, "whether images are turned as their EXIF data say");
    public static final TrainingOption<Integer> MAX_PIXELS = whole("max_pixels", ImageDecoder.Options.DEFAULT_MAX_PIXELS, "width times height that an image file may claim to have; a larger one is not decoded").that(v -> v > 0, "1 or more");
    public static final TrainingOption<SixteenBit> SIXTEEN_BIT = choice("sixteen_bit", SixteenBit.CLIP, "what becomes of grey levels beyond a byte: those above 255 are white, as in Pillow (clip), or the type's range (scale) or the picture's own (range) becomes 0 to 255");
    public static final TrainingOption<Double> HOLD_OUT = number("hold_out", 0.1, "share of the images set aside for validation where the data has no part for it").that(v -> v > 0 && v < 1, "in (0, 1)");
    public static final TrainingOption<Double> TRAIN_SHARE = number("train_share", 1, "share of the training images of each class that is trained on, drawn by the seed; those of validation are not touched").that(v -> v > 0 && v <= 1, "in (0, 1]");
    public static final TrainingOption<Optional<ImageSize>> IMAGE_SIZE = size("image_size", "side of the input, pixels, or its height and width; none: the model's own");
    public static final TrainingOption<Optional<List<Double>>> MEAN = channels("mean", "mean of each channel of the images, on the scale 0 to 1; none: the model's own").that(v -> v.isEmpty() || v.get().stream().allMatch(Double::isFinite), "finite");
    public static final TrainingOption<Optional<List<Double>>> STD = channels("std", "standard deviation of each channel, on the same scale; none: the model's own").that(v -> v.isEmpty() || v.get().stream().allMatch(s -> Double.isFinite(s) && s > 0), "positive");
    public static final TrainingOption<Optional<Double>> CROP_PCT = number("crop_pct", 1, "side of the centre crop of validation images over the side of the resized image; none: the model's own").that(v -> v > 0, "positive").orNone();
    public static final TrainingOption<Optional<Interpolation>> EVAL_INTERPOLATION = choice("eval_interpolation", Interpolation.BICUBIC, "how validation images are resized; none: the model's own").orNone();
    public static final TrainingOption<Integer> EPOCHS = whole("epochs", 5, "passes over the data").that(v -> v > 0, "1 or more");
    public static final TrainingOption<Optional<Integer>> EPOCH_IMAGES = whole("epoch_images", 1, "images in an epoch, whatever the size of the training set: passes over it follow each other, and the next epoch goes on where this one ends; none: one pass").that(v -> v > 0, "1 or more").orNone();
    public static final TrainingOption<Integer> BATCH_SIZE = whole("batch_size", 64, "images in a step").that(v -> v > 0, "1 or more");
    public static final TrainingOption<Integer> ACCUMULATION = whole("accumulation", 1, "batches whose gradients make one step").that(v -> v > 0, "1 or more");
    public static final TrainingOption<Long> SEED = seed("seed", 0, "where all chance begins");
    public static final TrainingOption<Double> SAVE_MINUTES = number("save_minutes", 10, "minutes after which the state is saved even in the middle of an epoch; the result does not depend on it").that(v -> v > 0, "positive");
    public static final TrainingOption<CacheLimit> IMAGE_CACHE = cache("image_cache", CacheLimit.AUTO, "memory of the Java heap for decoded images, so that files are not decoded in every epoch: at most so many MiB and half of the heap, or automatically a third of it; the result does not depend on it");
    public static final TrainingOption<Optional<Integer>> KEEP_EVERY = whole("keep_every", 0, "epochs after which a model is kept for good, beside the last and the best").that(v -> v > 0, "1 or more").orNone();
    public static final TrainingOption<WeightInit> FIRST_WEIGHTS = choice("first_weights", WeightInit.ORIGINAL, "how the weights of a model from scratch start: as its original's, or scaled by the channels of each layer, which narrow models need");
    public static final TrainingOption<Boolean> NEEDS_WEIGHTS = flag("needs_weights", false, "whether these options are for a model that is trained already: the doctor then refuses random weights");
    public static final TrainingOption<Boolean> FREEZE_BACKBONE = flag("freeze_backbone", false, "train the classifier alone");

    // How the weights change.
    public static final TrainingOption<Optimizers.Kind> OPTIMIZER = choice("optimizer", Optimizers.Kind.ADAMW, "who changes the weights");
    public static final TrainingOption<Double> LEARNING_RATE = number("learning_rate", 1e-3, "learning rate at the top of the schedule, for reference_batch images in a step where it is scaled").that(v -> v > 0, "positive");
    public static final TrainingOption<Optional<LearningRateScaling>> LEARNING_RATE_SCALING = choice("learning_rate_scaling", LearningRateScaling.LINEAR, "how it follows the images in a step; none: it is as it stands").orNone();
    public static final TrainingOption<Integer> REFERENCE_BATCH = whole("reference_batch", 512, "images in a step that a scaled learning rate is for").that(v -> v > 0, "1 or more");
    public static final TrainingOption<Double> WEIGHT_DECAY = number("weight_decay", 0.05, "share of a weight that a step at learning rate 1 takes away").that(v -> v >= 0, "0 or more");
    public static final TrainingOption<Double> LAYER_DECAY = number("layer_decay", 1, "learning rate of a layer over that of the layer above it").that(v -> v > 0 && v <= 1, "in (0, 1]");
    public static final TrainingOption<Optional<Double>> BETA1 = number("beta1", 0.9, "weight of the past in the mean of the gradients; none: the optimiser's own").that(v -> v >= 0 && v < 1, "in [0, 1)").orNone();
    public static final TrainingOption<Optional<Double>> BETA2 = number("beta2", 0.999, "weight of the past in the mean of their squares; none: the optimiser's own").that(v -> v >= 0 && v < 1, "in [0, 1)").orNone();
    public static final TrainingOption<Optional<Double>> EPS = number("eps", 1e-8, "what is added to a divisor; none: the optimiser's own").that(v -> v >= 0, "0 or more").orNone();
    public static final TrainingOption<Double> MOMENTUM = number("momentum", 0.9, "of gradient descent").that(v -> v >= 0 && v < 1, "in [0, 1)");
    public static final TrainingOption<Boolean> NESTEROV = flag("nesterov", true, "whether gradient descent looks ahead (Nesterov, 1983)");
    public static final TrainingOption<Optional<Double>> CLIP_NORM = number("clip_norm", 1, "longest that the gradient of all parameters together may be").that(v -> v > 0, "positive").unlessNone();
    public static final TrainingOption<Optional<Double>> CLIP_VALUE = number("clip_value", 1, "largest that a number of the gradient may be").that(v -> v > 0, "positive").orNone();
    public static final TrainingOption<Optional<Double>> CLIP_ADAPTIVE = number("clip_adaptive", 0.01, "longest that the gradient of a unit may be, as a share of the length of its weights").that(v -> v > 0, "positive").orNone();
    public static final TrainingOption<TrainingStep.Precision> PRECISION = choice("precision", TrainingStep.Precision.F32, "what products are computed in; weights and gradients remain f32 (bf16 on CPU and GPU, f16 on GPU)");
    public static final TrainingOption<Boolean> GRADIENT_CHECKPOINTING = flag("gradient_checkpointing", false, "whether the backward pass computes blocks again instead of keeping what they gave: less memory, about a third more time");
    public static final TrainingOption<Optional<Double>> EMA_DECAY = number("ema_decay", 0.9999, "weight of the past in the running mean of the weights; none: no mean").that(v -> v > 0 && v < 1, "in (0, 1)").orNone();
    public static final TrainingOption<Boolean> EMA_WARMUP = flag("ema_warmup", true, "whether that weight grows from 0");

    public static final TrainingOption<Trainer.OnNan> ON_NAN = choice("on_nan", Trainer.OnNan.STOP, "what to do when the loss or a gradient is no finite number");

    // The learning rate over time.
    public static final TrainingOption<Schedules.Kind> SCHEDULE = choice("schedule", Schedules.Kind.COSINE, "how the learning rate falls");
    public static final TrainingOption<Double> WARMUP_EPOCHS = number("warmup_epochs", 0, "epochs, or a part of one, until the learning rate is at its top").that(v -> v >= 0, "0 or more");
    public static final TrainingOption<Double> WARMUP_LEARNING_RATE = number("warmup_learning_rate", 1e-6, "learning rate of the first step").that(v -> v >= 0, "0 or more");
    public static final TrainingOption<Boolean> WARMUP_PREFIX = flag("warmup_prefix", false, "whether the fall begins at its top when the warm-up ends; else the warm-up covers its beginning; both end with the run");
    public static final TrainingOption<Double> LOWEST_LEARNING_RATE = number("lowest_learning_rate", 1e-6, "learning rate of the last step").that(v -> v >= 0, "0 or more");
    public static final TrainingOption<Double> COOLDOWN_EPOCHS = number("cooldown_epochs", 0, "last epochs, all at the lowest learning rate").that(v -> v >= 0, "0 or more");
    public static final TrainingOption<Double> DECAY_EPOCHS = number("decay_epochs", 30, "epochs between two falls of the step schedule").that(v -> v > 0, "positive");
    public static final TrainingOption<Double> DECAY_RATE = number("decay_rate", 0.1, "factor of a fall of the step and plateau schedules").that(v -> v > 0 && v < 1, "in (0, 1)");
    public static final TrainingOption<Integer> PATIENCE_EPOCHS = whole("patience_epochs", 10, "epochs without a better accuracy that the plateau schedule bears").that(v -> v >= 0, "0 or more");
    public static final TrainingOption<Boolean> SCHEDULE_ON_UPDATES = flag("schedule_on_updates", true, "whether the learning rate changes with every step; else with every epoch");

    // What is made small, and what keeps the model from learning by heart.
    public static final TrainingOption<Objective> OBJECTIVE = choice("objective", Objective.CLASSIFY, "what is learned: the labels, or without them the colours of patches that are hidden (ViT, DeiT and hybrids)");
    public static final TrainingOption<TrainingLoss.Kind> LOSS = choice("loss", TrainingLoss.Kind.CROSS_ENTROPY, "what is made small");
    public static final TrainingOption<Double> LABEL_SMOOTHING = number("label_smoothing", 0.1, "share of a label spread evenly over all classes").that(v -> v >= 0 && v < 1, "in [0, 1)");
    public static final TrainingOption<Optional<Double>> TARGET_THRESHOLD = number("target_threshold", 0.2, "of the binary loss: probabilities above it count as yes, others as no").that(v -> v >= 0 && v < 1, "in [0, 1)").orNone();
    public static final TrainingOption<Boolean> SUM_OVER_CLASSES = flag("sum_over_classes", false, "whether the binary loss of an image is the sum over classes; else their mean");
    public static final TrainingOption<TrainingLoss.Weighting> CLASS_WEIGHTS = choice("class_weights", TrainingLoss.Weighting.EQUAL, "how classes count in the cross entropy: alike, by the inverse of their frequency, or of their effective number");
    public static final TrainingOption<Optional<String>> TEACHER = text("teacher", "", "a trained model to learn from besides the labels").orNone();
    public static final TrainingOption<Losses.Distillation> DISTILLATION = choice("distillation", Losses.Distillation.HARD, "what is learned from it: its class, or its probabilities");
    public static final TrainingOption<Double> DISTILLATION_ALPHA = number("distillation_alpha", 0.5, "the teacher's share of the loss").that(v -> v >= 0 && v <= 1, "in [0, 1]");
    public static final TrainingOption<Double> DISTILLATION_TEMPERATURE = number("distillation_temperature", 1, "divides the logits of both where probabilities are learned").that(v -> v > 0, "positive");
    public static final TrainingOption<Optional<Double>> DROP_PATH = number("drop_path", 0.1, "rate of stochastic depth; none: the model's own, which is 0 for most").that(v -> v >= 0 && v < 1, "in [0, 1)").orNone();

    // The views of an image that are trained on.
    public static final TrainingOption<Augmentation.Crop> CROP = choice("crop", Augmentation.Crop.RESIZED, "which random part of an image is seen");
    public static final TrainingOption<Double> SMALLEST_CROP = number("smallest_crop", 0.08, "share of an image's area that a resized crop keeps at least").that(v -> v > 0 && v <= 1, "in (0, 1]");
    public static final TrainingOption<Integer> SHIFT = whole("shift", 4, "pixels that a shifted image moves at most").that(v -> v >= 0, "0 or more");
    public static final TrainingOption<Double> LARGEST_CROP = number("largest_crop", 1, "share that it keeps at most").that(v -> v > 0 && v <= 1, "in (0, 1]");
    public static final TrainingOption<Optional<Augmentation.Filter>> INTERPOLATION = choice("interpolation", Augmentation.Filter.RANDOM, "how resized and simple crops are resampled, and what an automatic augmentation shifts, shears and rotates (timm's train_interpolation); random: bilinear or bicubic, drawn for each; none: as the model's validation").orNone();
    public static final TrainingOption<Double> FLIP = number("flip", 0.5, "probability of mirroring left and right").that(v -> v >= 0 && v <= 1, "in [0, 1]");
    public static final TrainingOption<Double> VERTICAL_FLIP = number("vertical_flip", 0, "probability of mirroring top and bottom").that(v -> v >= 0 && v <= 1, "in [0, 1]");
    public static final TrainingOption<Optional<String>> AUTO_AUGMENT = text("auto_augment", "", "an automatic augmentation as timm writes it: rand-m9-mstd0.5-inc1, original, augmix-m5-w4-d2, 3a").that(Augmentation::known, "one of timm's notations").orNone();
    public static final TrainingOption<Double> COLOR_JITTER = number("color_jitter", 0, "strength of changes of brightness, contrast and saturation; beside an automatic augmentation only 3a keeps it").that(v -> v >= 0, "0 or more");
    public static final TrainingOption<Double> GREY = number("grey", 0, "probability of an image without colour").that(v -> v >= 0 && v <= 1, "in [0, 1]");
    public static final TrainingOption<Double> BLUR = number("blur", 0, "probability of a Gaussian blur").that(v -> v >= 0 && v <= 1, "in [0, 1]");
    public static final TrainingOption<Double> ERASING = number("erasing", 0, "probability of erasing a rectangle").that(v -> v >= 0 && v <= 1, "in [0, 1]");
    public static final TrainingOption<RandomErasing.Mode> ERASING_MODE = choice("erasing_mode", RandomErasing.Mode.PIXEL, "what takes its place: the mean colour, one random colour, or noise");
    public static final TrainingOption<Integer> ERASING_COUNT = whole("erasing_count", 1, "rectangles at most").that(v -> v > 0, "1 or more");

    // How images are mixed, and how often each is seen.
    public static final TrainingOption<Double> MIXUP = number("mixup", 0, "α of the Beta distribution by which one image is laid over another").that(v -> v >= 0, "0 or more");
    public static final TrainingOption<Double> CUTMIX = number("cutmix", 0, "α of the Beta distribution of the rectangle of one image put into another").that(v -> v >= 0, "0 or more");
    public static final TrainingOption<Optional<Mixing.Sides>> CUTMIX_MINMAX = sides("cutmix_minmax", "smallest and largest side of that rectangle as parts of the image's, drawn evenly; CutMix is on where they are given, and its α is not used; none: sides follow from α");
    public static final TrainingOption<Double> MIX_PROBABILITY = number("mix_probability", 1, "probability that images are mixed at all").that(v -> v >= 0 && v <= 1, "in [0, 1]");
    public static final TrainingOption<Double> MIX_SWITCH_PROBABILITY = number("mix_switch_probability", 0.5, "probability of CutMix where mixup is on too").that(v -> v >= 0 && v <= 1, "in [0, 1]");
    public static final TrainingOption<Mixing.Mode> MIX_MODE = choice("mix_mode", Mixing.Mode.BATCH, "what is mixed alike: the batch, a pair, or nothing");
    public static final TrainingOption<Optional<Integer>> MIX_OFF_EPOCH = whole("mix_off_epoch", 0, "the epoch, from 0, that mixes no more; none: all mix").that(v -> v >= 0, "0 or more").orNone();
    public static final TrainingOption<Integer> REPEATS = whole("repeats", 1, "views of an image in one epoch, of as many fewer images (repeated augmentation)").that(v -> v > 0, "1 or more");
    public static final TrainingOption<Boolean> BALANCED = flag("balanced", false, "whether rare classes are shown as often as frequent ones");
    // spotless:on

    /** Options that belong together, under a title that {@code config.yaml} shows. */
    public record Section(String title, List<TrainingOption<?>> options) {
        private Section(String title, TrainingOption<?>... options) {
            this(title, List.of(options));
        }
    }

    /** All options, in the order in which files have them. */
    // spotless:off
    public static final List<Section> SECTIONS = List.of(
            new Section("What is trained, and on what",
                    MODEL, ARCHITECTURE, DATA, LABELS, EXIF, MAX_PIXELS, SIXTEEN_BIT, HOLD_OUT, TRAIN_SHARE, IMAGE_SIZE, MEAN, STD, CROP_PCT,
                    EVAL_INTERPOLATION, EPOCHS, EPOCH_IMAGES, BATCH_SIZE, ACCUMULATION, SEED, FIRST_WEIGHTS, NEEDS_WEIGHTS, FREEZE_BACKBONE, SAVE_MINUTES, KEEP_EVERY,
                    IMAGE_CACHE),
            new Section("How the weights change",
                    OPTIMIZER, LEARNING_RATE, LEARNING_RATE_SCALING, REFERENCE_BATCH, WEIGHT_DECAY, LAYER_DECAY, BETA1, BETA2, EPS,
                    MOMENTUM, NESTEROV, CLIP_NORM, CLIP_VALUE, CLIP_ADAPTIVE, PRECISION, GRADIENT_CHECKPOINTING, EMA_DECAY,
                    EMA_WARMUP, ON_NAN),
            new Section("The learning rate over time",
                    SCHEDULE, WARMUP_EPOCHS, WARMUP_LEARNING_RATE, WARMUP_PREFIX, LOWEST_LEARNING_RATE, COOLDOWN_EPOCHS, DECAY_EPOCHS,
                    DECAY_RATE, PATIENCE_EPOCHS, SCHEDULE_ON_UPDATES),
            new Section("What is made small, and what keeps the model from learning by heart",
                    OBJECTIVE, LOSS, LABEL_SMOOTHING, TARGET_THRESHOLD, SUM_OVER_CLASSES, CLASS_WEIGHTS, TEACHER, DISTILLATION,
                    DISTILLATION_ALPHA, DISTILLATION_TEMPERATURE, DROP_PATH),
            new Section("The views of an image that are trained on",
                    CROP, SMALLEST_CROP, LARGEST_CROP, SHIFT, INTERPOLATION, FLIP, VERTICAL_FLIP, AUTO_AUGMENT, COLOR_JITTER, GREY,
                    BLUR, ERASING, ERASING_MODE, ERASING_COUNT),
            new Section("How images are mixed, and how often each is seen",
                    MIXUP, CUTMIX, CUTMIX_MINMAX, MIX_PROBABILITY, MIX_SWITCH_PROBABILITY, MIX_MODE, MIX_OFF_EPOCH, REPEATS, BALANCED));
    // spotless:on

    /** All options. */
    public static final List<TrainingOption<?>> ALL =
            SECTIONS.stream().flatMap(section -> section.options().stream()).toList();

    private TrainingOptions() {}
}
