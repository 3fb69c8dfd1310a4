package dev.vitrail;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vitrail.data.Split;
import dev.vitrail.data.StainedGlass;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.eval.Evaluation;
import dev.vitrail.train.EpochSummary;
import dev.vitrail.train.RunFolder;
import dev.vitrail.train.TrainingConfig;
import dev.vitrail.train.TrainingConfigFile;
import dev.vitrail.train.TrainingData;
import dev.vitrail.train.TrainingListener;
import dev.vitrail.train.TrainingOptions;
import dev.vitrail.train.TrainingRequest;
import dev.vitrail.train.TrainingStep;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a run refuses before anything of it is written, and what it makes of its options. */
class TrainingRunTest {
    private static final TrainingConfig CONFIG = TrainingConfig.of("resnet_mini_32", TrainingData.BUILT_IN, 4);

    @TempDir
    @SuppressWarnings("NullAway.Init") // set by JUnit
    Path folder;

    private void refused(TrainingConfig config, String... words) {
        var run = folder.resolve("run");
        assertThatThrownBy(() -> TrainingRun.begin(config, new RunFolder(run), RunOptions.DEFAULT)
                        .close())
                .isInstanceOf(VitrailException.class)
                .hasMessageContainingAll(words);
        assertThat(run).doesNotExist();
    }

    @Test
    void halfPrecisionOfSmallRangeOnTheCpu() {
        refused(
                CONFIG.with(TrainingOptions.PRECISION, TrainingStep.Precision.F16),
                "precision f16 needs a GPU",
                "bf16 or f32");
    }

    @Test
    void aTeacherOfOtherClasses() {
        refused(
                CONFIG.with(TrainingOptions.TEACHER, Optional.of("vit_mini_patch4_gap_32")),
                "the teacher vit_mini_patch4_gap_32 tells 10 classes apart and the data has 12");
    }

    /** A batch of all the images would be odd, and no image mixed. */
    @Test
    void aSetSmallerThanABatchIsMixedAllTheSame() {
        var data = folder.resolve("data");
        new StainedGlass(Split.TRAIN, 36, 1, StainedGlass.Difficulty.STANDARD).write(data, 36);
        var config = TrainingConfig.of("vit_mini_patch4_gap_32", data.toString(), 2)
                .with(TrainingOptions.VAL_FRACTION, 0.25)
                .with(TrainingOptions.MIXUP, 0.8);
        var folders = new RunFolder(folder.resolve("run"));
        var options = RunOptions.DEFAULT.withoutDoctor();
        try (var run = TrainingRun.begin(config, folders, options)) {
            int images = run.sets().train().size();
            assertThat(images).isLessThan(config.get(TrainingOptions.BATCH_SIZE));
            assertThat(run.config().get(TrainingOptions.BATCH_SIZE)).isEqualTo(images - images % 2);
            assertThat(run.run().finished()).isTrue();
            assertThat(TrainingConfigFile.read(folders.config())).isEqualTo(run.config());
        }
    }

    /** The end comes after the first epoch's best model is written, and before the epoch's state. */
    @Test
    void aRunThatEndsWhileItsFirstEpochIsWrittenGoesOn() {
        var data = folder.resolve("data");
        new StainedGlass(Split.TRAIN, 24, 1, StainedGlass.Difficulty.STANDARD).write(data, 24);
        var request = new TrainingRequest(
                "quick-look",
                TrainingConfigFile.overrides(
                        "model: vit_mini_patch4_32\ndata: %s\nepochs: 2\nbatch_size: 8\n".formatted(data), "the test"));
        var options = RunOptions.DEFAULT.withoutDoctor();
        var whole = new RunFolder(folder.resolve("whole"));
        TrainingJob.begin(request, OptionalInt.empty(), whole, options, reason -> {})
                .run((stage, run) -> run.run());

        var ended = new RunFolder(folder.resolve("ended"));
        var job = TrainingJob.begin(request, OptionalInt.empty(), ended, options, reason -> {});
        assertThatThrownBy(() -> job.run((stage, run) -> {
                    run.trainer().listener(new TrainingListener() {
                        @Override
                        public void epochEnded(EpochSummary epoch, Evaluation found, boolean best) {
                            throw new Error("the end");
                        }
                    });
                    return run.run();
                }))
                .hasMessage("the end");
        assertThat(ended.best()).isDirectory();

        var resumed = TrainingJob.resume(
                        new TrainingRequest(TrainingRequest.AUTO, TrainingConfigFile.overrides("{}", "the test")),
                        OptionalInt.empty(),
                        ended,
                        options)
                .run((stage, run) -> run.run());
        assertThat(resumed.finished()).isTrue();
        for (var file : List.of("summary.csv", "last/model.safetensors", "best/model.safetensors", "config.yaml")) {
            assertThat(ended.path().resolve(file))
                    .as(file)
                    .hasSameBinaryContentAs(whole.path().resolve(file));
        }
    }
}
