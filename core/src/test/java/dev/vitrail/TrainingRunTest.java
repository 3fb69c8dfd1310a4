package dev.vitrail;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vitrail.data.Split;
import dev.vitrail.data.StainedGlass;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.train.RunFolder;
import dev.vitrail.train.TrainingConfig;
import dev.vitrail.train.TrainingConfigFile;
import dev.vitrail.train.TrainingData;
import dev.vitrail.train.TrainingOptions;
import dev.vitrail.train.TrainingStep;
import java.nio.file.Path;
import java.util.Optional;
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
        assertThatThrownBy(() -> TrainingRun.begin(config, new RunFolder(run), TrainingRun.Options.DEFAULT)
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
        var options = TrainingRun.Options.DEFAULT.withoutDoctor();
        try (var run = TrainingRun.begin(config, folders, options)) {
            int images = run.sets().train().size();
            assertThat(images).isLessThan(config.get(TrainingOptions.BATCH_SIZE));
            assertThat(run.config().get(TrainingOptions.BATCH_SIZE)).isEqualTo(images - images % 2);
            assertThat(run.run().finished()).isTrue();
            assertThat(TrainingConfigFile.read(folders.config())).isEqualTo(run.config());
        }
    }
}
