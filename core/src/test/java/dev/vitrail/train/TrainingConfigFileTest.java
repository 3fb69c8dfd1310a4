package dev.vitrail.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vitrail.VitrailException;
import java.nio.file.Path;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrainingConfigFileTest {
    @TempDir
    @SuppressWarnings("NullAway.Init") // set by JUnit
    Path folder;

    @Test
    void everyOptionSurvives() {
        var file = folder.resolve("config.yaml");
        var plain = TrainingConfig.of("vit_tiny_patch16_224", "photos", 20);
        var other = plain.with(o -> {
            o.model = "true";
            o.data = "007";
            o.imageSize = OptionalInt.of(96);
            o.epochs = 7;
            o.batchSize = 3;
            o.seed = Long.MIN_VALUE;
            o.optimizer = TrainingConfig.OptimizerKind.SGD;
            o.learningRate = 1.0 / 3;
            o.weightDecay = 1e-300;
            o.beta1 = 0.8;
            o.beta2 = 0.95;
            o.eps = 1e-6;
            o.momentum = 0.7;
            o.nesterov = false;
            o.warmupEpochs = 2;
            o.warmupLearningRate = 1e-7;
            o.lowestLearningRate = 1e-9;
            o.scheduleOnUpdates = false;
            o.layerDecay = 0.75;
            o.freezeBackbone = true;
            o.loss = TrainingConfig.LossKind.BINARY_CROSS_ENTROPY;
            o.labelSmoothing = 0.2;
            o.clipNorm = OptionalDouble.empty();
            o.dropPath = 0.3;
            o.emaDecay = OptionalDouble.of(0.99);
            o.emaWarmup = false;
        });
        for (var config : new TrainingConfig[] {plain, other}) {
            TrainingConfigFile.write(file, config);
            assertThat(TrainingConfigFile.read(file)).isEqualTo(config);
        }
    }

    @Test
    void namesWhatIsWrong() {
        var start = TrainingConfig.of("m", "d", 10);
        assertThatThrownBy(() -> TrainingConfigFile.with(start, "learning_rat: 1", "my.yaml"))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("my.yaml has an unknown option 'learning_rat'; the nearest are learning_rate");
        assertThatThrownBy(() -> TrainingConfigFile.with(start, "epochs: many", "my.yaml"))
                .hasMessageContaining("'epochs' must be a whole number, found \"many\"");
        assertThatThrownBy(() -> TrainingConfigFile.with(start, "optimizer: lion", "my.yaml"))
                .hasMessageContaining("'optimizer' must be one of adamw, sgd");
        assertThatThrownBy(() -> TrainingConfigFile.with(start, "warmup_epochs: 10", "my.yaml"))
                .hasMessageContaining("10.0 epochs of warm-up leave nothing of 10 epochs");
        assertThatThrownBy(() -> TrainingConfigFile.with(start, "a: [", "my.yaml"))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("my.yaml is no YAML");
        assertThat(TrainingConfigFile.with(start, "clip_norm: null\nseed: 5", "x")
                        .clipNorm())
                .isEmpty();
    }

    @Test
    void refusesNumbersThatCannotWork() {
        var start = TrainingConfig.of("m", "d", 10);
        assertThatThrownBy(() -> start.with(o -> o.batchSize = 0)).hasMessageContaining("batch size");
        assertThatThrownBy(() -> start.with(o -> o.beta2 = 1)).hasMessageContaining("AdamW needs betas in [0, 1)");
        assertThatThrownBy(() -> start.with(o -> o.momentum = 0)).hasMessageContaining("Nesterov");
        assertThatThrownBy(() -> start.with(o -> o.emaDecay = OptionalDouble.of(1)))
                .hasMessageContaining("an average's decay");
    }
}
