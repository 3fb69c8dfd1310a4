package dev.vitrail;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vitrail.data.Split;
import dev.vitrail.data.StainedGlass;
import dev.vitrail.engine.Threads;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.train.EpochSummary;
import dev.vitrail.train.Objective;
import dev.vitrail.train.RunFolder;
import dev.vitrail.train.TrainingConfig;
import dev.vitrail.train.TrainingListener;
import dev.vitrail.train.TrainingOptions;
import dev.vitrail.train.TrainingResult;
import dev.vitrail.weights.ModelFolder;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Learning without labels, then from a few. */
class PretrainingTest {
    @BeforeAll
    static void oneThread() {
        Threads.set(1);
    }

    @AfterAll
    static void allThreads() {
        Threads.set(Runtime.getRuntime().availableProcessors());
    }

    @TempDir
    @SuppressWarnings("NullAway.Init") // set by JUnit
    Path folder;

    private TrainingConfig config() {
        var data = folder.resolve("data");
        new StainedGlass(Split.TRAIN, 96, 1, StainedGlass.Difficulty.STANDARD).write(data, 96);
        return TrainingConfig.of("vit_mini_patch4_gap_32", data.toString(), 2)
                .with(TrainingOptions.BATCH_SIZE, 16)
                .with(TrainingOptions.VAL_FRACTION, 0.25);
    }

    private static TrainingResult run(TrainingRun run) {
        try (run) {
            return run.run();
        }
    }

    private static TrainingResult begin(TrainingConfig config, RunFolder to) {
        return run(TrainingRun.begin(config, to, RunOptions.DEFAULT));
    }

    @Test
    void whatIsLearnedWithoutLabelsIsAModelToFineTune() {
        var config = config();
        var first = new RunFolder(folder.resolve("pretraining"));
        var result = begin(config.with(TrainingOptions.TRAIN_FRACTION, 0.2).pretraining(3), first);
        assertThat(result.finished()).isTrue();
        assertThat(result.epochs().get(2).trainLoss())
                .isLessThan(result.epochs().get(0).trainLoss())
                .isLessThan(Math.log(512));
        assertThat(result.epochs()).extracting(EpochSummary::validationTop1).allMatch(top1 -> top1 > 0 && top1 < 1);

        var saved = ModelFolder.read(first.best());
        assertThat(saved.config().numClasses()).hasValue(0);
        assertThat(saved.weights().names())
                .noneMatch(name -> name.equals("mask_token") || name.startsWith("color_head"));
        try (var model = Vitrail.load(first.path().toString())) {
            var image = StainedGlass.of(Split.TEST).image(0);
            assertThat(model.embed(java.util.List.of(image)).get(0))
                    .hasSize(model.loaded().model().width());
            assertThatThrownBy(() -> model.classify(image, 1))
                    .isInstanceOf(VitrailException.class)
                    .hasMessageContaining("has no classifier");
        }

        var second = config.with(TrainingOptions.MODEL, first.path().toString());
        try (var run = TrainingRun.begin(second, new RunFolder(folder.resolve("tuned")), RunOptions.DEFAULT)) {
            assertThat(run.loaded().pretrained()).isTrue();
            assertThat(run.loaded().model().config().classes())
                    .isEqualTo(run.sets().train().classes().size());
            assertThat(run.run().finished()).isTrue();
        }
    }

    @Test
    void aRunThatIsStoppedHidesTheSamePatchesWhenItGoesOn() {
        var config = config().pretraining(2);
        var whole = new RunFolder(folder.resolve("whole"));
        begin(config, whole);
        var parted = new RunFolder(folder.resolve("parted"));
        try (var run = TrainingRun.begin(config, parted, RunOptions.DEFAULT)) {
            run.trainer().listener(new TrainingListener() {
                @Override
                public void stepped(Step step) {
                    if (step.update() == 6) {
                        run.trainer().requestStop();
                    }
                }
            });
            assertThat(run.run().finished()).isFalse();
        }
        assertThat(run(TrainingRun.resume(parted, RunOptions.DEFAULT)).finished())
                .isTrue();
        assertThat(parted.last().resolve("model.safetensors"))
                .hasSameBinaryContentAs(whole.last().resolve("model.safetensors"));
        assertThat(parted.summary()).hasSameBinaryContentAs(whole.summary());
    }

    @Test
    void refusesOptionsAndModelsThatCannot() {
        var masked = config().with(TrainingOptions.OBJECTIVE, Objective.MASKED_PATCHES);
        assertThatThrownBy(() -> begin(masked.with(TrainingOptions.MIXUP, 0.8), new RunFolder(folder.resolve("a"))))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("leave out mixup");
        assertThatThrownBy(() -> begin(
                        masked.with(TrainingOptions.MODEL, "convnext_mini_32"), new RunFolder(folder.resolve("b"))))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("convnext_mini_32 cannot learn by masked patches");
    }
}
