package dev.vitrail.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.vitrail.data.CacheLimit;
import dev.vitrail.data.ImageCache;
import dev.vitrail.data.Sampler;
import dev.vitrail.data.TrainAndValidation;
import dev.vitrail.engine.Device;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.RandomState;
import dev.vitrail.engine.Tensor;
import dev.vitrail.engine.Threads;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.images.Interpolation;
import dev.vitrail.images.Normalization;
import dev.vitrail.images.Preprocessing;
import dev.vitrail.images.RgbImage;
import dev.vitrail.loading.LoadedModel;
import dev.vitrail.models.Head;
import dev.vitrail.models.Model;
import dev.vitrail.models.layers.Dropouts;
import dev.vitrail.models.vit.ViTConfig;
import dev.vitrail.models.vit.VisionTransformer;
import dev.vitrail.models.zoo.Catalog;
import dev.vitrail.nn.Pool;
import dev.vitrail.weights.FolderConfig;
import dev.vitrail.weights.ModelFolder;
import dev.vitrail.weights.PretrainedConfig;
import dev.vitrail.weights.Safetensors;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrainerTest {
    /** Operations this small are fastest on one thread, above all where tests run beside each other. */
    @BeforeAll
    static void oneThread() {
        Threads.set(1);
    }

    @AfterAll
    static void allThreads() {
        Threads.set(Runtime.getRuntime().availableProcessors());
    }

    private static final Patterns IMAGES = new Patterns(16, 40, 4);
    private static final int BATCH = 8, STEPS = 5;
    private static final TrainingConfig CONFIG = TrainingConfig.of("tiny", "patterns", 3)
            .with(TrainingOptions.BATCH_SIZE, BATCH)
            .with(TrainingOptions.DROP_PATH, Optional.of(0.1))
            .with(TrainingOptions.LEARNING_RATE, 3e-3)
            .with(TrainingOptions.EMA_DECAY, Optional.of(0.9));

    @TempDir
    @SuppressWarnings("NullAway.Init") // set by JUnit
    Path folder;

    private static VisionTransformer tiny() {
        var model = new VisionTransformer(ViTConfig.of(16, 4, 24, 2, 3)
                .withHead(new Head(4, Pool.TOKEN, 0))
                .withDropouts(new Dropouts(0, 0.1, 0, 0.1)));
        model.initialise(CONFIG.get(TrainingOptions.SEED), Device.CPU);
        return model;
    }

    private static final FolderConfig DESCRIPTION = FolderConfig.of("tiny", 4, PretrainedConfig.empty());

    private interface Start {
        Trainer with(TrainingPlan plan, TrainingLoss loss, TrainingLoaders loaders, RunFolder folder);
    }

    /** The run of a model on patterns of as many classes. */
    private static TrainingPlan plan(TrainingConfig config, Model model, Patterns images) {
        var loaded = new LoadedModel(
                "tiny",
                Catalog.get("vit_mini_patch4_gap_32"),
                model,
                Preprocessing.of(16, 1, Interpolation.BICUBIC, Normalization.INCEPTION),
                List.of(),
                false,
                List.of());
        return TrainingPlan.resolve(config, new TrainAndValidation(images, images), loaded);
    }

    private static TrainingResult begin(RunFolder run, TrainingConfig config, Consumer<Trainer> prepare) {
        return begin(run, config, new Patterns.Scaled(16), prepare);
    }

    private static TrainingResult begin(
            RunFolder run, TrainingConfig config, Patterns.Scaled transform, Consumer<Trainer> prepare) {
        return run(Trainer::begin, run, config, transform, prepare);
    }

    private static TrainingResult resume(RunFolder run, TrainingConfig config) {
        return resume(run, config, new Patterns.Scaled(16));
    }

    private static TrainingResult resume(RunFolder run, TrainingConfig config, Patterns.Scaled transform) {
        return run(Trainer::resume, run, config, transform, trainer -> {});
    }

    /** Spoils the images of that kind. */
    private static Patterns.Scaled poison(Predicate<RgbImage> spoilt) {
        return poison(spoilt, Float.NaN);
    }

    private static Patterns.Scaled poison(Predicate<RgbImage> spoilt, float value) {
        return new Patterns.Scaled(16) {
            @Override
            public void apply(RgbImage image, RandomGenerator random, FloatBuffer pixels) {
                super.apply(image, random, pixels);
                if (spoilt.test(image)) {
                    pixels.put(pixels.position() - 1, value);
                }
            }
        };
    }

    private static TrainingResult run(
            Start start, RunFolder run, TrainingConfig config, Patterns.Scaled transform, Consumer<Trainer> prepare) {
        try (var model = tiny();
                var loaders = new TrainingLoaders(
                        new ImageCache(CacheLimit.OFF), IMAGES.training(BATCH, transform), IMAGES.evaluation(16));
                var trainer = start.with(plan(config, model, IMAGES), TrainingLoss.ofLabels(config), loaders, run)) {
            prepare.accept(trainer);
            return trainer.run();
        }
    }

    private static Consumer<Trainer> stoppingAfter(int update) {
        return trainer -> trainer.listener(new TrainingListener() {
            @Override
            public void stepped(Step step) {
                if (step.update() == update) {
                    trainer.requestStop();
                }
            }
        });
    }

    /** Every tensor of the state that a run goes on from, and of its models, by file and name. */
    private static Map<String, List<Byte>> tensors(RunFolder run) {
        var all = new HashMap<String, List<Byte>>();
        for (var file : List.of(
                run.state(), run.last().resolve("model.safetensors"), run.best().resolve("model.safetensors"))) {
            Safetensors.read(file).forEach(tensor -> {
                var bytes = new ArrayList<Byte>();
                var buffer = tensor.bytes();
                while (buffer.hasRemaining()) {
                    bytes.add(buffer.get());
                }
                all.put(run.path().relativize(file) + " " + tensor.name(), bytes);
            });
        }
        return all;
    }

    @Test
    void aRunLearnsAndLeavesWhatItsFolderPromises() throws IOException {
        var run = new RunFolder(folder.resolve("run"));
        var steps = new ArrayList<TrainingListener.Step>();
        var config = CONFIG.with(TrainingOptions.EPOCHS, 8);
        var result = begin(
                run,
                config,
                trainer -> trainer.listener(new TrainingListener() {
                    @Override
                    public void stepped(Step step) {
                        steps.add(step);
                    }
                }));
        assertThat(result.finished()).isTrue();
        assertThat(result.epochs()).hasSize(8);
        assertThat(result.bestTop1()).isGreaterThan(0.9);
        assertThat(result.epochs().get(7).trainLoss())
                .isLessThan(result.epochs().get(0).trainLoss());
        assertThat(steps).hasSize(8 * STEPS);
        assertThat(steps.get(STEPS)).satisfies(step -> {
            assertThat(step.epoch()).isEqualTo(2);
            assertThat(step.step()).isEqualTo(1);
            assertThat(step.update()).isEqualTo(STEPS + 1);
            assertThat(step.learningRate())
                    .isEqualTo(Schedules.of(config, config.peakLearningRate(), STEPS)
                            .rate(STEPS));
            assertThat(step.imagesPerSecond()).isPositive();
            assertThat(step.left()).isPositive();
        });
        assertThat(TrainingConfigFile.read(run.config())).isEqualTo(config);
        assertThat(run.rows()).extracting(EpochSummary::epoch).containsExactly(1, 2, 3, 4, 5, 6, 7, 8);
        try (var model = tiny()) {
            for (var kept : List.of(run.last(), run.best())) {
                var read = ModelFolder.read(kept);
                assertThat(read.config().architecture()).isEqualTo("vit_mini_patch4_gap_32");
                assertThat(read.weights().names())
                        .containsExactlyInAnyOrderElementsOf(model.parameters().keySet());
            }
        }
        try (var files = Files.walk(run.path())) {
            assertThat(files.filter(Files::isRegularFile)
                            .map(file -> run.path().relativize(file).toString()))
                    .containsExactlyInAnyOrder(
                            "config.yaml",
                            "summary.csv",
                            "timing.csv",
                            "last/config.json",
                            "last/model.safetensors",
                            "last/resume.safetensors",
                            "best/config.json",
                            "best/model.safetensors");
        }
    }

    @Test
    void theSameSeedGivesTheSameBytesEvenIfTheRunIsInterrupted() throws IOException {
        var whole = new RunFolder(folder.resolve("whole"));
        var again = new RunFolder(folder.resolve("again"));
        var parted = new RunFolder(folder.resolve("parted"));
        begin(whole, CONFIG, trainer -> {});
        begin(again, CONFIG, trainer -> {});
        assertThat(tensors(again)).isEqualTo(tensors(whole));

        var stopped = begin(parted, CONFIG, stoppingAfter(STEPS + 2)); // in the middle of the second epoch
        assertThat(stopped.finished()).isFalse();
        assertThat(stopped.epochs()).hasSize(1);
        var resumed = resume(parted, CONFIG);
        assertThat(resumed.finished()).isTrue();
        assertThat(resumed.epochs()).hasSize(3);
        assertThat(tensors(parted)).isEqualTo(tensors(whole));
        assertThat(parted.summary()).hasSameBinaryContentAs(whole.summary());
    }

    @Test
    void aStopAtTheEndOfAnEpochLosesNothing() throws IOException {
        var whole = new RunFolder(folder.resolve("whole"));
        var parted = new RunFolder(folder.resolve("parted"));
        begin(whole, CONFIG, trainer -> {});
        begin(parted, CONFIG, stoppingAfter(STEPS));
        resume(parted, CONFIG);
        assertThat(tensors(parted)).isEqualTo(tensors(whole));
        assertThat(parted.summary()).hasSameBinaryContentAs(whole.summary());
    }

    /** Another process trains; it is killed while it works, whatever it is writing, and this one goes on. */
    @Test
    void aKilledRunGoesOnFromItsLastEpoch() throws Exception {
        var whole = new RunFolder(folder.resolve("whole"));
        var killed = new RunFolder(folder.resolve("killed"));
        var config = CONFIG.with(TrainingOptions.EPOCHS, 12);
        begin(whole, config, trainer -> {});
        var process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Dvitrail.products=" + System.getProperty("vitrail.products", "auto"),
                        "-cp",
                        System.getProperty("java.class.path"),
                        TrainerTest.class.getName(),
                        killed.path().toString())
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve("log").toFile())
                .start();
        try {
            while (process.isAlive() && !(Files.exists(killed.state()) && Files.exists(killed.summary()))) {
                Thread.sleep(1);
            }
        } finally {
            process.destroyForcibly().waitFor();
        }
        assertThat(killed.canResume())
                .as(Files.readString(folder.resolve("log")))
                .isTrue();
        assertThat(resume(killed, config).epochs()).hasSize(12);
        assertThat(tensors(killed)).isEqualTo(tensors(whole));
        assertThat(killed.summary()).hasSameBinaryContentAs(whole.summary());
    }

    /** Trains into the folder that the argument names, on one thread, as the test does. */
    public static void main(String[] arguments) {
        oneThread();
        begin(new RunFolder(Path.of(arguments[0])), CONFIG.with(TrainingOptions.EPOCHS, 12), trainer -> {});
    }

    @Test
    void aLossThatIsNoNumberStopsTheRunAndSparesWhatWasSaved() {
        var run = new RunFolder(folder.resolve("run"));
        begin(run, CONFIG, stoppingAfter(STEPS));
        var before = tensors(run);
        assertThatThrownBy(() -> resume(run, CONFIG, poison(image -> true)))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining(
                        "the loss became NaN in epoch 2, step 1 of 5, first in the output of patch_embed");
        var failed = FailedStep.read(run.failedStep(2, 1));
        assertThat(failed.description().architecture()).isEqualTo("vit_mini_patch4_gap_32");
        try (var model = tiny()) {
            var again = failed.replay(model, Optional.empty());
            assertThat(again.loss()).isNaN();
            assertThat(again.firstBad())
                    .hasValueSatisfying(place -> assertThat(place).startsWith("the output of patch_embed"));
        }
        assertThat(tensors(run)).isEqualTo(before);
        assertThat(resume(run, CONFIG).finished()).isTrue();
    }

    /** The image that the first epoch shows first. */
    private static Predicate<RgbImage> first() {
        var first = IMAGES.image(Sampler.shuffled(40, 3).order(0)[0]);
        return image -> Arrays.equals(image.pixels(), first.pixels());
    }

    /**
     * A pixel that overflows in the gradient alone, as the weight that it meets is zero, in the first of two batches.
     */
    @Test
    void ofAStepOfSeveralBatchesTheOneThatWentWrongIsKept() {
        var run = new RunFolder(folder.resolve("run"));
        assertThatThrownBy(() -> run(
                        (plan, loss, loaders, to) -> {
                            try (var off = Gradients.off()) {
                                var parameters = plan.model().model().parameters();
                                Fixture.of(parameters, "patch_embed.proj.weight")
                                        .value()
                                        .fillInPlace(0);
                                Fixture.of(parameters, "head.weight").value().timesInPlace(1e12);
                            }
                            return Trainer.begin(plan, loss, loaders, to);
                        },
                        run,
                        CONFIG.with(TrainingOptions.GRADIENT_ACCUMULATION, 2),
                        poison(first(), 3e38f),
                        trainer -> {}))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("gradient's norm")
                .hasMessageContaining("first in the gradient of patch_embed.proj.weight");
        var failed = FailedStep.read(run.failedStep(1, 1));
        try (var model = tiny()) {
            Frame.run(() -> failed.weights().forEach(saved -> Fixture.of(model.parameters(), saved.name())
                    .assign(Tensor.of(saved.bytes(), saved.dtype(), saved.shape()))));
            assertThat(failed.replay(model, Optional.empty()).firstBad())
                    .hasValueSatisfying(place -> assertThat(place).startsWith("the gradient of patch_embed"));
        }
    }

    @Test
    void aStepIsReplayedWithItsOwnLoss() {
        var file = folder.resolve("failed.safetensors");
        var config = CONFIG.with(TrainingOptions.CLASS_WEIGHTS, TrainingLoss.Weighting.INVERSE_FREQUENCY);
        try (var model = tiny();
                var master = tiny();
                var frame = Frame.open()) {
            var teacher = Optional.of(new Teacher(master, Losses.Distillation.SOFT, 0.5, 3));
            var loss = new TrainingLoss(config, new int[] {1000, 100, 10, 1}, teacher);
            try (var step = new TrainingStep(config, model, loss)) {
                var images = Tensor.randn(4, 3, 16, 16);
                var inputs = new TrainingStep.Inputs(images, Tensor.of(new long[] {0, 1, 2, 3}, 4));
                FailedStep.write(file, config, DESCRIPTION, model, step, inputs, RandomState.save(Device.CPU));
                step.begin();
                double found = step.accumulate(inputs, 1).loss();
                // Watched attention is computed step by step, and so differs by a unit in the last place of F32.
                assertThat(FailedStep.read(file).replay(model, teacher).loss()).isCloseTo(found, within(found * 2e-7));
            }
        }
    }

    /**
     * The first of the two batches of the first step is spoilt, so that the step is left out before it has taken the
     * second.
     */
    @Test
    void aStepThatIsSkippedTakesItsBatchesAll() throws IOException {
        var config =
                CONFIG.with(TrainingOptions.GRADIENT_ACCUMULATION, 2).with(TrainingOptions.ON_NAN, Trainer.OnNan.SKIP);
        var poison = poison(first());
        var whole = new RunFolder(folder.resolve("whole"));
        var parted = new RunFolder(folder.resolve("parted"));
        var told = new ArrayList<Long>();
        begin(
                whole,
                config,
                poison,
                trainer -> trainer.listener(new TrainingListener() {
                    @Override
                    public void stepped(Step step) {
                        told.add(step.update());
                    }
                }));
        assertThat(told).hasSize(3 * 3 - 3).doesNotContain(1L);
        begin(parted, config, poison, stoppingAfter(2));
        assertThat(Safetensors.read(parted.state()).metadata()).containsEntry("skipped", "1");
        resume(parted, config, poison);
        assertThat(tensors(parted)).isEqualTo(tensors(whole));
        assertThat(parted.summary()).hasSameBinaryContentAs(whole.summary());
        assertThat(Safetensors.read(parted.state()).metadata()).containsEntry("skipped", "3");
    }

    @Test
    void aHundredSkippedStepsAreTheMostHoweverOftenTheRunIsResumed() {
        var run = new RunFolder(folder.resolve("run"));
        var config = CONFIG.with(TrainingOptions.EPOCHS, 3).with(TrainingOptions.ON_NAN, Trainer.OnNan.SKIP);
        begin(run, config, stoppingAfter(1));
        var state = Safetensors.read(run.state());
        var metadata = new HashMap<>(state.metadata());
        metadata.put("skipped", "98");
        Safetensors.write(run.state(), state, metadata);
        assertThatThrownBy(() -> resume(run, config, poison(image -> true)))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("the loss became NaN in epoch 1, step 4 of 5")
                .hasMessageContaining("after 100 steps that were skipped")
                .hasMessageContaining("vitrail replay " + run.failedStep(1, 4));
        assertThat(run.failedStep(1, 4)).exists();
        metadata.remove("skipped"); // as states were before they told it
        Safetensors.write(run.state(), state, metadata);
        assertThat(resume(run, config).finished()).isTrue();
    }

    @Test
    void aDamagedStateIsNotGoneOnFrom() throws IOException {
        var run = new RunFolder(folder.resolve("run"));
        begin(run, CONFIG, stoppingAfter(STEPS));
        for (var file : List.of(run.state(), run.last().resolve("model.safetensors"))) {
            var bytes = Files.readAllBytes(file);
            bytes[bytes.length / 2] ^= 1;
            Files.write(file, bytes);
        }
        assertThatThrownBy(() -> resume(run, CONFIG))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining(run.state() + " is damaged")
                .hasMessageContaining("use another model that the run has kept, such as best");
        assertThatThrownBy(() -> ModelFolder.read(run.last()).weights())
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("is damaged");
        assertThat(ModelFolder.read(run.best()).weights().size()).isPositive();
    }

    @Test
    void aWriteThatFailsSparesTheStateBeforeIt() throws IOException {
        var run = new RunFolder(folder.resolve("run"));
        begin(run, CONFIG, stoppingAfter(STEPS));
        Files.delete(run.summary());
        Files.createDirectory(run.summary()); // nothing can be written there now
        Files.writeString(run.summary().resolve("in the way"), "x");
        var state = Files.readAllBytes(run.state());
        assertThatThrownBy(() -> begin(new RunFolder(run.path()), CONFIG, trainer -> {}))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("holds a run already");
        assertThatThrownBy(() -> resume(run, CONFIG)).isInstanceOf(VitrailException.class);
        assertThat(Files.readAllBytes(run.state())).isEqualTo(state);
    }

    @Test
    void memoryThatRunsOutIsOneSentence() {
        var run = new RunFolder(folder.resolve("run"));
        assertThatThrownBy(() -> begin(
                        run,
                        CONFIG,
                        trainer -> trainer.listener(new TrainingListener() {
                            @Override
                            public void stepped(Step step) {
                                Frame.run(() -> Tensor.zeros(1L << 48)); // a pebibyte
                            }
                        })))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("with 8 images in a batch: lower the batch size, to 4 say")
                .hasMessageContaining("nothing was saved yet");
        assertThat(begin(run, CONFIG, trainer -> {}).finished()).isTrue();
    }

    @Test
    void aFrozenBackboneStaysAsItIs() {
        var run = new RunFolder(folder.resolve("run"));
        begin(run, CONFIG.with(TrainingOptions.FREEZE_BACKBONE, true), trainer -> {});
        var state = Safetensors.read(run.state());
        assertThat(state.names().stream().filter(name -> name.startsWith("optimizer/")))
                .allMatch(name -> name.startsWith("optimizer/head."))
                .hasSize(6);
        try (var model = tiny()) {
            model.parameters().forEach((name, parameter) -> {
                var trained = state.get("model/" + name).toFloats();
                if (name.startsWith("head.")) {
                    assertThat(trained).isNotEqualTo(parameter.value().toFloats());
                } else {
                    assertThat(trained).as(name).isEqualTo(parameter.value().toFloats());
                }
            });
        }
    }

    @Test
    void refusesWhatDoesNotFit() {
        var run = new RunFolder(folder.resolve("run"));
        assertThatThrownBy(() -> resume(run, CONFIG))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("holds no run to go on with");
        begin(run, CONFIG, stoppingAfter(1));
        assertThatThrownBy(() -> begin(run, CONFIG, trainer -> {}))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("holds a run already");
        assertThatThrownBy(() -> resume(run, CONFIG.with(TrainingOptions.OPTIMIZER, OptimizerType.SGD)))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("does not fit this run");
        var other = new Patterns(16, 40, 3);
        try (var model = tiny();
                var loaders = new TrainingLoaders(
                        new ImageCache(CacheLimit.OFF), IMAGES.training(BATCH), other.evaluation(16))) {
            model.resetClassifier(3);
            model.initialise(1, Device.CPU);
            var elsewhere = new RunFolder(folder.resolve("elsewhere"));
            try (var trainer =
                    Trainer.begin(plan(CONFIG, model, IMAGES), TrainingLoss.ofLabels(CONFIG), loaders, elsewhere)) {
                assertThatThrownBy(trainer::run)
                        .isInstanceOf(VitrailException.class)
                        .hasMessageContaining("has the label 3, but the model tells 3 classes apart");
            }
        }
    }
}
