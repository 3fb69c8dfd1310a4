package dev.vitrail.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vitrail.data.TrainAndValidation;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.loading.LoadOptions;
import dev.vitrail.loading.LoadedModel;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** What a run is resolved to, and why. */
class TrainingPlanTest {
    private final List<String> reasons = new ArrayList<>();

    private TrainingConfig fitted(TrainingConfig config, int images) {
        reasons.clear();
        return TrainingPlan.fitted(config, images, reasons);
    }

    @Test
    void aPlanHoldsWhatTheTrainerUses() {
        var config = TrainingConfig.of("vit_mini_patch4_gap_32", "patterns", 3)
                .with(TrainingOptions.BATCH_SIZE, 8)
                .with(TrainingOptions.GRADIENT_ACCUMULATION, 2)
                .with(TrainingOptions.LEARNING_RATE, 1e-3)
                .with(TrainingOptions.LEARNING_RATE_SCALING, Optional.of(LearningRateScaling.LINEAR))
                .with(TrainingOptions.REFERENCE_BATCH, 32)
                .with(TrainingOptions.REPEATED_AUGMENTATION, 2);
        var images = new Patterns(32, 44, 4);
        try (var model = LoadedModel.load(config.get(TrainingOptions.MODEL), LoadOptions.DEFAULT)) {
            var plan = TrainingPlan.resolve(config, new TrainAndValidation(images, images), model);
            assertThat(plan.config()).isEqualTo(config);
            assertThat(plan.batchesPerEpoch()).isEqualTo(5);
            assertThat(plan.stepsPerEpoch()).isEqualTo(3);
            assertThat(plan.totalSteps()).isEqualTo(9);
            assertThat(plan.peakLearningRate()).isEqualTo(5e-4);
            assertThat(plan.schedule().rate(0)).isEqualTo(5e-4);
            assertThat(plan.learningRate(9, List.of())).isEqualTo(1e-6);
            assertThat(plan.reasons())
                    .containsExactly("learning_rate 0.001 for 32 images a step is scaled to 5.0E-4 for 16 (linear)");
        }
    }

    @Test
    void aStepHasNoMoreImagesThanAnEpoch() {
        var config = TrainingConfig.of("tiny", "photos", 5)
                .with(TrainingOptions.BATCH_SIZE, 64)
                .with(TrainingOptions.GRADIENT_ACCUMULATION, 4)
                .with(TrainingOptions.LEARNING_RATE, 1e-3)
                .with(TrainingOptions.LEARNING_RATE_SCALING, Optional.of(LearningRateScaling.LINEAR))
                .with(TrainingOptions.REFERENCE_BATCH, 256)
                .with(TrainingOptions.MIN_LEARNING_RATE, 2e-4);
        assertThat(fitted(config, 1000)).isEqualTo(config);
        assertThat(fitted(config, 130)).isEqualTo(config.with(TrainingOptions.GRADIENT_ACCUMULATION, 2));
        var few = fitted(config, 33);
        assertThat(few.get(TrainingOptions.BATCH_SIZE)).isEqualTo(33);
        assertThat(few.get(TrainingOptions.GRADIENT_ACCUMULATION)).isEqualTo(1);
        assertThat(few.peakLearningRate()).isEqualTo(1e-3 * 33 / 256);
        assertThat(few.get(TrainingOptions.MIN_LEARNING_RATE)).isEqualTo(1e-3 * 33 / 256);
        var mixed = config.with(TrainingOptions.MIXUP, 0.8);
        assertThat(fitted(mixed, 33).get(TrainingOptions.BATCH_SIZE)).isEqualTo(32);
        assertThatThrownBy(() -> fitted(mixed, 1))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("mixing takes images in pairs, and an epoch has 1");
    }

    @Test
    void aPlanSaysWhatItLowered() {
        var config = TrainingConfig.of("tiny", "photos", 5)
                .with(TrainingOptions.BATCH_SIZE, 64)
                .with(TrainingOptions.GRADIENT_ACCUMULATION, 4)
                .with(TrainingOptions.MIXUP, 0.8);
        fitted(config, 33);
        assertThat(reasons)
                .containsExactly(
                        "batch_size 64 is lowered to 32: an epoch has 33 images",
                        "gradient_accumulation 4 is lowered to 1: an epoch has no more batches");
        fitted(config, 1000);
        assertThat(reasons).isEmpty();
    }

    /** With another number of epochs the warm-up keeps its share, unless it is named too. */
    @Test
    void whatIsNamedGoesBeforeARecipe() {
        var recipe = TrainingConfig.of("tiny", "photos", 100).with(TrainingOptions.MIN_LEARNING_RATE, 1e-5);
        var named = TrainingOverrides.NONE
                .with(TrainingOptions.EPOCHS, 10)
                .with(TrainingConfigFile.assignment("learning_rate=1e-6"));
        assertThat(named.applyTo(recipe).get(TrainingOptions.WARMUP_EPOCHS)).isEqualTo(2);
        assertThat(named.applyTo(recipe).get(TrainingOptions.MIN_LEARNING_RATE)).isEqualTo(1e-6);
        var more = named.with(TrainingConfigFile.assignment("warmup_epochs=3"))
                .with(TrainingConfigFile.assignment("min_learning_rate=1e-3"));
        assertThat(more.applyTo(recipe).get(TrainingOptions.WARMUP_EPOCHS)).isEqualTo(3);
        assertThatThrownBy(() -> more.applyTo(recipe).checked())
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("the lowest learning rate 0.001 is above the top");
    }
}
