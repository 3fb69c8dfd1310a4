package dev.vitrail.train;

import static dev.vitrail.train.TrainingOption.cache;
import static dev.vitrail.train.TrainingOption.channels;
import static dev.vitrail.train.TrainingOption.choice;
import static dev.vitrail.train.TrainingOption.flag;
import static dev.vitrail.train.TrainingOption.number;
import static dev.vitrail.train.TrainingOption.range;
import static dev.vitrail.train.TrainingOption.seed;
import static dev.vitrail.train.TrainingOption.sides;
import static dev.vitrail.train.TrainingOption.size;
import static dev.vitrail.train.TrainingOption.text;
import static dev.vitrail.train.TrainingOption.whole;

import dev.vitrail.data.CacheLimit;
import dev.vitrail.images.ImageSize;
import dev.vitrail.images.Interpolation;
import dev.vitrail.images.augment.RandomErasing;
import dev.vitrail.images.augment.RandomResizedCrop;
import dev.vitrail.images.decode.DecodeOptions;
import dev.vitrail.images.decode.SixteenBit;
import dev.vitrail.nn.WeightInit;
import java.util.List;
import java.util.Optional;

/**
 * The options of a training run, each declared once: its name in {@code config.yaml}, in recipes and after {@code
 * --set}, its default and its description.
 */
public final class TrainingOptions {
    // spotless:off
    // Model and data.
    public static final TrainingOption<String> MODEL =
            text("model", "", "model to train: a name of the catalogue, or weights to fine-tune");
    public static final TrainingOption<Optional<String>> ARCHITECTURE =
            text("arch", "", "architecture of weights without config.json: a name of the catalogue").orNone();
    public static final TrainingOption<String> DATA =
            text("data", "", "training data: a folder, a file, or the name of the built-in set");
    public static final TrainingOption<Optional<String>> LABELS =
            text("labels", "", "CSV file of file names and labels, for a flat folder").orNone();
    public static final TrainingOption<Boolean> EXIF = flag("exif", false, "apply the EXIF orientation of images");
    public static final TrainingOption<Integer> MAX_PIXELS =
            whole("max_pixels", DecodeOptions.DEFAULT_MAX_PIXELS,
                    "largest number of pixels of an image file that is decoded")
                    .that(v -> v > 0, "1 or more");
    public static final TrainingOption<SixteenBit> SIXTEEN_BIT =
            choice("sixteen_bit", SixteenBit.CLIP,
                    "grey beyond 8 bits: clip (as Pillow), scale the type's range, or the image's");
    public static final TrainingOption<Double> VAL_FRACTION =
            number("val_fraction", 0.1, "fraction held out for validation if the data has no validation split")
                    .that(v -> v > 0 && v < 1, "in (0, 1)");
    public static final TrainingOption<Double> TRAIN_FRACTION =
            number("train_fraction", 1, "fraction of each class's training images to train on, drawn by the seed")
                    .that(v -> v > 0 && v <= 1, "in (0, 1]");
    public static final TrainingOption<Optional<ImageSize>> IMAGE_SIZE =
            size("image_size", "input size in pixels, or height and width; none: the model's own");
    public static final TrainingOption<Optional<List<Double>>> MEAN =
            channels("mean", "mean of each channel for normalization, from 0 to 1; none: the model's own")
                    .that(v -> v.isEmpty() || v.get().stream().allMatch(Double::isFinite), "finite");
    public static final TrainingOption<Optional<List<Double>>> STD =
            channels("std", "std of each channel for normalization, likewise; none: the model's own")
                    .that(v -> v.isEmpty() || v.get().stream().allMatch(s -> Double.isFinite(s) && s > 0), "positive");
    public static final TrainingOption<Optional<Double>> CROP_PCT =
            number("crop_pct", 1, "center crop of validation images over the resized image; none: the model's own")
                    .that(v -> v > 0, "positive").orNone();
    public static final TrainingOption<Optional<Interpolation>> EVAL_INTERPOLATION =
            choice("eval_interpolation", Interpolation.BICUBIC,
                    "interpolation of validation images; none: the model's own")
                    .orNone();
    public static final TrainingOption<Integer> EPOCHS =
            whole("epochs", 5, "number of epochs").that(v -> v > 0, "1 or more");
    public static final TrainingOption<Optional<Integer>> SAMPLES_PER_EPOCH =
            whole("samples_per_epoch", 1, "samples per epoch, whatever the size of the training set; none: all of them")
                    .that(v -> v > 0, "1 or more").orNone();
    public static final TrainingOption<Integer> BATCH_SIZE =
            whole("batch_size", 64, "images per batch, of all processes together").that(v -> v > 0, "1 or more");
    public static final TrainingOption<Integer> GRADIENT_ACCUMULATION =
            whole("gradient_accumulation", 1, "batches per optimizer step").that(v -> v > 0, "1 or more");
    public static final TrainingOption<Long> SEED = seed("seed", 0, "random seed");
    public static final TrainingOption<Double> SAVE_MINUTES =
            number("save_minutes", 10, "minutes between saves of the training state within an epoch")
                    .that(v -> v > 0, "positive");
    public static final TrainingOption<CacheLimit> IMAGE_CACHE =
            cache("image_cache", CacheLimit.AUTO,
                    "Java heap for decoded images: MiB (at most half of it) or auto (a third)");
    public static final TrainingOption<Optional<Integer>> CHECKPOINT_EVERY =
            whole("checkpoint_every", 0, "epochs between checkpoints besides the last and best; none: no others")
                    .that(v -> v > 0, "1 or more").orNone();
    public static final TrainingOption<WeightInit> WEIGHT_INIT =
            choice("weight_init", WeightInit.ORIGINAL,
                    "weight initialization: the original's, or scaled by width (narrow models)");
    public static final TrainingOption<Boolean> REQUIRES_PRETRAINED =
            flag("requires_pretrained", false, "the doctor refuses these options for randomly initialized models");
    public static final TrainingOption<Boolean> FREEZE_BACKBONE =
            flag("freeze_backbone", false, "train only the classifier");

    // Optimizer.
    public static final TrainingOption<OptimizerType> OPTIMIZER = choice("optimizer", OptimizerType.ADAMW, "optimizer");
    public static final TrainingOption<Double> LEARNING_RATE =
            number("learning_rate", 1e-3, "peak learning rate, for reference_batch images a step if it is scaled")
                    .that(v -> v > 0, "positive");
    public static final TrainingOption<Optional<LearningRateScaling>> LEARNING_RATE_SCALING =
            choice("learning_rate_scaling", LearningRateScaling.LINEAR,
                    "scaling of the learning rate with the images per step; none: no scaling")
                    .orNone();
    public static final TrainingOption<Integer> REFERENCE_BATCH =
            whole("reference_batch", 512, "images per step that a scaled learning rate is given for")
                    .that(v -> v > 0, "1 or more");
    public static final TrainingOption<Double> WEIGHT_DECAY =
            number("weight_decay", 0.05, "weight decay coefficient (decoupled)").that(v -> v >= 0, "0 or more");
    public static final TrainingOption<Double> LAYER_DECAY =
            number("layer_decay", 1, "layer-wise learning rate decay factor").that(v -> v > 0 && v <= 1, "in (0, 1]");
    public static final TrainingOption<Optional<Double>> BETA1 =
            number("beta1", 0.9, "decay rate of the first moment (Adam's beta1); none: the optimizer's default")
                    .that(v -> v >= 0 && v < 1, "in [0, 1)").orNone();
    public static final TrainingOption<Optional<Double>> BETA2 =
            number("beta2", 0.999, "decay rate of the second moment (Adam's beta2); none: the optimizer's default")
                    .that(v -> v >= 0 && v < 1, "in [0, 1)").orNone();
    public static final TrainingOption<Optional<Double>> EPS =
            number("eps", 1e-8, "epsilon of the optimizer; none: the optimizer's default")
                    .that(v -> v >= 0, "0 or more").orNone();
    public static final TrainingOption<Double> MOMENTUM =
            number("momentum", 0.9, "SGD momentum").that(v -> v >= 0 && v < 1, "in [0, 1)");
    public static final TrainingOption<Boolean> NESTEROV = flag("nesterov", true, "use Nesterov momentum with SGD");
    public static final TrainingOption<Optional<Double>> GRAD_CLIP_NORM =
            number("grad_clip_norm", 1, "clip gradients to this global norm; none: no clipping by norm")
                    .that(v -> v > 0, "positive").unlessNone();
    public static final TrainingOption<Optional<Double>> GRAD_CLIP_VALUE =
            number("grad_clip_value", 1, "clip gradients to this absolute value; none: no clipping by value")
                    .that(v -> v > 0, "positive").orNone();
    public static final TrainingOption<Optional<Double>> GRAD_CLIP_ADAPTIVE =
            number("grad_clip_adaptive", 0.01, "adaptive gradient clipping factor; none: no adaptive clipping")
                    .that(v -> v > 0, "positive").orNone();
    public static final TrainingOption<TrainingStep.Precision> PRECISION =
            choice("precision", TrainingStep.Precision.F32,
                    "mixed precision: products in bf16 (CPU, GPU) or f16 (GPU); weights stay f32");
    public static final TrainingOption<Boolean> GRADIENT_CHECKPOINTING =
            flag("gradient_checkpointing", false,
                    "recompute blocks in the backward pass: less memory, about a third more time");
    public static final TrainingOption<Boolean> SYNC_BATCH_NORM =
            flag("sync_batch_norm", false, "batch normalization over the images of all processes, not of each alone");
    public static final TrainingOption<Optional<Double>> EMA_DECAY =
            number("ema_decay", 0.9999, "decay of the exponential moving average (EMA) of the weights; none: no EMA")
                    .that(v -> v > 0 && v < 1, "in (0, 1)").orNone();
    public static final TrainingOption<Boolean> EMA_WARMUP =
            flag("ema_warmup", true, "increase the EMA decay from 0 at the start");

    public static final TrainingOption<Trainer.OnNan> ON_NAN =
            choice("on_nan", Trainer.OnNan.STOP, "action on a non-finite loss or gradient: stop, or skip the step");

    // Learning rate schedule.
    public static final TrainingOption<ScheduleType> SCHEDULE =
            choice("schedule", ScheduleType.COSINE, "learning rate schedule");
    public static final TrainingOption<Double> WARMUP_EPOCHS =
            number("warmup_epochs", 0, "epochs of linear warm-up").that(v -> v >= 0, "0 or more");
    public static final TrainingOption<Double> WARMUP_LEARNING_RATE =
            number("warmup_learning_rate", 1e-6, "learning rate at the start of the warm-up")
                    .that(v -> v >= 0, "0 or more");
    public static final TrainingOption<Boolean> WARMUP_PREFIX =
            flag("warmup_prefix", false,
                    "start the decay after the warm-up instead of at step 0 (timm's warmup_prefix)");
    public static final TrainingOption<Double> MIN_LEARNING_RATE =
            number("min_learning_rate", 1e-6, "learning rate at the end of the schedule")
                    .that(v -> v >= 0, "0 or more");
    public static final TrainingOption<Double> COOLDOWN_EPOCHS =
            number("cooldown_epochs", 0, "epochs at min_learning_rate at the end").that(v -> v >= 0, "0 or more");
    public static final TrainingOption<Double> DECAY_EPOCHS =
            number("decay_epochs", 30, "epochs between two decays of the step schedule").that(v -> v > 0, "positive");
    public static final TrainingOption<Double> DECAY_RATE =
            number("decay_rate", 0.1, "decay factor of the step and plateau schedules")
                    .that(v -> v > 0 && v < 1, "in (0, 1)");
    public static final TrainingOption<Integer> PATIENCE_EPOCHS =
            whole("patience_epochs", 10, "epochs without improvement before the plateau schedule decays")
                    .that(v -> v >= 0, "0 or more");
    public static final TrainingOption<Boolean> SCHEDULE_ON_UPDATES =
            flag("schedule_on_updates", true, "update the learning rate every step instead of every epoch");

    // Loss and regularization.
    public static final TrainingOption<Objective> OBJECTIVE =
            choice("objective", Objective.CLASSIFY,
                    "objective: classification, or masked patch prediction without labels");
    public static final TrainingOption<LossType> LOSS = choice("loss", LossType.CROSS_ENTROPY, "loss function");
    public static final TrainingOption<Double> LABEL_SMOOTHING =
            number("label_smoothing", 0.1, "label smoothing").that(v -> v >= 0 && v < 1, "in [0, 1)");
    public static final TrainingOption<Optional<Double>> TARGET_THRESHOLD =
            number("target_threshold", 0.2,
                    "binary cross entropy: targets above it become 1, others 0; none: soft targets")
                    .that(v -> v >= 0 && v < 1, "in [0, 1)").orNone();
    public static final TrainingOption<Boolean> SUM_OVER_CLASSES =
            flag("sum_over_classes", false, "binary cross entropy: sum over classes instead of the mean");
    public static final TrainingOption<TrainingLoss.Weighting> CLASS_WEIGHTS =
            choice("class_weights", TrainingLoss.Weighting.EQUAL,
                    "class weights of the loss: equal, inverse frequency, or effective number");
    public static final TrainingOption<Optional<String>> TEACHER =
            text("teacher", "", "teacher model for distillation; none: no distillation").orNone();
    public static final TrainingOption<Losses.Distillation> DISTILLATION =
            choice("distillation", Losses.Distillation.HARD,
                    "distillation target: the teacher's class (hard) or its probabilities (soft)");
    public static final TrainingOption<Double> DISTILLATION_ALPHA =
            number("distillation_alpha", 0.5, "weight of the distillation loss")
                    .that(v -> v >= 0 && v <= 1, "in [0, 1]");
    public static final TrainingOption<Double> DISTILLATION_TEMPERATURE =
            number("distillation_temperature", 1, "softmax temperature of soft distillation")
                    .that(v -> v > 0, "positive");
    public static final TrainingOption<Optional<Double>> DROP_PATH =
            number("drop_path", 0.1, "drop path rate (stochastic depth); none: the model's own")
                    .that(v -> v >= 0 && v < 1, "in [0, 1)").orNone();

    // Augmentation.
    public static final TrainingOption<Augmentation.Crop> CROP =
            choice("crop", Augmentation.Crop.RESIZED,
                    "random crop: resized (RandomResizedCrop), pad, or simple (DeiT-III)");
    public static final TrainingOption<RandomResizedCrop.Range> CROP_SCALE =
            range("crop_scale", RandomResizedCrop.DEFAULT_SCALE,
                    "minimum and maximum area of a resized crop, as fractions of the image's");
    public static final TrainingOption<Integer> PAD =
            whole("pad", 4, "padding in pixels of crop: pad").that(v -> v >= 0, "0 or more");
    public static final TrainingOption<Optional<Augmentation.Filter>> INTERPOLATION =
            choice("interpolation", Augmentation.Filter.RANDOM,
                    "interpolation of training images (random: bilinear or bicubic); none: as validation")
                    .orNone();
    public static final TrainingOption<Double> FLIP =
            number("flip", 0.5, "probability of a horizontal flip").that(v -> v >= 0 && v <= 1, "in [0, 1]");
    public static final TrainingOption<Double> VERTICAL_FLIP =
            number("vertical_flip", 0, "probability of a vertical flip").that(v -> v >= 0 && v <= 1, "in [0, 1]");
    public static final TrainingOption<Optional<String>> AUTO_AUGMENT =
            text("auto_augment", "", "AutoAugment policy in timm's notation, e.g. rand-m9-mstd0.5-inc1")
                    .that(Augmentation::known, "one of timm's notations").orNone();
    public static final TrainingOption<Double> COLOR_JITTER =
            number("color_jitter", 0, "color jitter factor; ignored with AutoAugment policies other than 3a")
                    .that(v -> v >= 0, "0 or more");
    public static final TrainingOption<Double> GREY =
            number("grey", 0, "probability of conversion to greyscale").that(v -> v >= 0 && v <= 1, "in [0, 1]");
    public static final TrainingOption<Double> BLUR =
            number("blur", 0, "probability of a Gaussian blur").that(v -> v >= 0 && v <= 1, "in [0, 1]");
    public static final TrainingOption<Double> RANDOM_ERASING =
            number("random_erasing", 0, "probability of random erasing").that(v -> v >= 0 && v <= 1, "in [0, 1]");
    public static final TrainingOption<RandomErasing.Mode> RANDOM_ERASING_MODE =
            choice("random_erasing_mode", RandomErasing.Mode.PIXEL,
                    "fill of erased areas: the mean color, one random color, or noise");
    public static final TrainingOption<Integer> RANDOM_ERASING_COUNT =
            whole("random_erasing_count", 1, "maximum number of erased areas").that(v -> v > 0, "1 or more");

    // Mixing and sampling.
    public static final TrainingOption<Double> MIXUP =
            number("mixup", 0, "mixup alpha; 0: off").that(v -> v >= 0, "0 or more");
    public static final TrainingOption<Double> CUTMIX =
            number("cutmix", 0, "CutMix alpha; 0: off").that(v -> v >= 0, "0 or more");
    public static final TrainingOption<Optional<Mixing.Sides>> CUTMIX_MINMAX =
            sides("cutmix_minmax", "minimum and maximum side of CutMix areas over the image's; none: by alpha");
    public static final TrainingOption<Double> MIX_PROBABILITY =
            number("mix_probability", 1, "probability of mixup or CutMix").that(v -> v >= 0 && v <= 1, "in [0, 1]");
    public static final TrainingOption<Double> MIX_SWITCH_PROBABILITY =
            number("mix_switch_probability", 0.5, "probability of CutMix when both mixup and CutMix are on")
                    .that(v -> v >= 0 && v <= 1, "in [0, 1]");
    public static final TrainingOption<Mixing.Mode> MIX_MODE =
            choice("mix_mode", Mixing.Mode.BATCH, "unit of mixing: batch, pair or element");
    public static final TrainingOption<Optional<Integer>> MIX_OFF_EPOCH =
            whole("mix_off_epoch", 0, "epoch from which mixup and CutMix are off; none: never")
                    .that(v -> v >= 0, "0 or more").orNone();
    public static final TrainingOption<Integer> REPEATED_AUGMENTATION =
            whole("repeated_augmentation", 1, "views of each image per epoch, of proportionally fewer images")
                    .that(v -> v > 0, "1 or more");
    public static final TrainingOption<Boolean> CLASS_BALANCED_SAMPLING =
            flag("class_balanced_sampling", false, "sample all classes equally often");
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
            new Section("Model and data",
                    MODEL, ARCHITECTURE, DATA, LABELS, EXIF, MAX_PIXELS, SIXTEEN_BIT, VAL_FRACTION,
                    TRAIN_FRACTION, IMAGE_SIZE, MEAN, STD, CROP_PCT,
                    EVAL_INTERPOLATION, EPOCHS, SAMPLES_PER_EPOCH, BATCH_SIZE,
                    GRADIENT_ACCUMULATION, SEED, WEIGHT_INIT, REQUIRES_PRETRAINED, FREEZE_BACKBONE,
                    SAVE_MINUTES, CHECKPOINT_EVERY,
                    IMAGE_CACHE),
            new Section("Optimizer",
                    OPTIMIZER, LEARNING_RATE, LEARNING_RATE_SCALING, REFERENCE_BATCH, WEIGHT_DECAY,
                    LAYER_DECAY, BETA1, BETA2, EPS,
                    MOMENTUM, NESTEROV, GRAD_CLIP_NORM, GRAD_CLIP_VALUE, GRAD_CLIP_ADAPTIVE,
                    PRECISION, GRADIENT_CHECKPOINTING, SYNC_BATCH_NORM, EMA_DECAY,
                    EMA_WARMUP, ON_NAN),
            new Section("Learning rate schedule",
                    SCHEDULE, WARMUP_EPOCHS, WARMUP_LEARNING_RATE, WARMUP_PREFIX, MIN_LEARNING_RATE,
                    COOLDOWN_EPOCHS, DECAY_EPOCHS,
                    DECAY_RATE, PATIENCE_EPOCHS, SCHEDULE_ON_UPDATES),
            new Section("Loss and regularization",
                    OBJECTIVE, LOSS, LABEL_SMOOTHING, TARGET_THRESHOLD, SUM_OVER_CLASSES,
                    CLASS_WEIGHTS, TEACHER, DISTILLATION,
                    DISTILLATION_ALPHA, DISTILLATION_TEMPERATURE, DROP_PATH),
            new Section("Augmentation",
                    CROP, CROP_SCALE, PAD, INTERPOLATION, FLIP, VERTICAL_FLIP, AUTO_AUGMENT, COLOR_JITTER, GREY,
                    BLUR, RANDOM_ERASING, RANDOM_ERASING_MODE, RANDOM_ERASING_COUNT),
            new Section("Mixing and sampling",
                    MIXUP, CUTMIX, CUTMIX_MINMAX, MIX_PROBABILITY, MIX_SWITCH_PROBABILITY, MIX_MODE,
                    MIX_OFF_EPOCH, REPEATED_AUGMENTATION, CLASS_BALANCED_SAMPLING));
    // spotless:on

    /** All options. */
    public static final List<TrainingOption<?>> ALL =
            SECTIONS.stream().flatMap(section -> section.options().stream()).toList();

    private TrainingOptions() {}
}
