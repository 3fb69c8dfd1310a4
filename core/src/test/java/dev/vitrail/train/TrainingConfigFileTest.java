package dev.vitrail.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vitrail.data.CacheLimit;
import dev.vitrail.errors.VitrailException;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Optional;
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
        var other = plain;
        for (var option : TrainingOptions.ALL) {
            other = changed(other, option);
        }
        other = other.with(TrainingOptions.MODEL, "true")
                .with(TrainingOptions.DATA, "007")
                .with(TrainingOptions.LABELS, Optional.of("null"))
                .with(TrainingOptions.BATCH_SIZE, 66)
                .with(TrainingOptions.OBJECTIVE, Objective.CLASSIFY)
                .with(TrainingOptions.LOSS, LossType.CROSS_ENTROPY)
                .with(TrainingOptions.OBJECTIVE, Objective.CLASSIFY)
                .with(TrainingOptions.SEED, Long.MIN_VALUE)
                .with(TrainingOptions.LEARNING_RATE, 1.0 / 3)
                .with(TrainingOptions.WEIGHT_DECAY, 1e-300)
                .with(TrainingOptions.CUTMIX_MINMAX, Optional.of(new Mixing.Sides(0.2, 1)))
                .with(TrainingOptions.DROP_PATH, Optional.of(0.0))
                .with(TrainingOptions.INTERPOLATION, Optional.of(Augmentation.Filter.BILINEAR))
                .with(TrainingOptions.IMAGE_CACHE, CacheLimit.OFF);
        var third = other.with(TrainingOptions.IMAGE_CACHE, CacheLimit.of(2000));
        for (var config : new TrainingConfig[] {plain, other, third}) {
            TrainingConfigFile.write(file, config);
            assertThat(TrainingConfigFile.read(file)).isEqualTo(config);
        }
    }

    /** Another value than the standard one, where the kind has one that is allowed. */
    @SuppressWarnings("unchecked")
    private static <T> TrainingConfig changed(TrainingConfig config, TrainingOption<T> option) {
        Object standard = option.standard();
        Object other = standard;
        if (standard instanceof Boolean flag) {
            other = !flag;
        } else if (standard instanceof Integer number) {
            other = number + 1;
        } else if (standard instanceof Double number) {
            other = number / 2 + 1e-9;
        } else if (standard instanceof Enum<?> choice) {
            var all = choice.getDeclaringClass().getEnumConstants();
            other = all[(choice.ordinal() + 1) % all.length];
        } else if (standard instanceof Optional<?> optional && optional.isPresent()) {
            other = Optional.empty();
        }
        return config.with(option, (T) other);
    }

    @Test
    void noNameIsTakenTwiceAndEachSaysWhatItMeans() {
        var names = new HashSet<String>();
        assertThat(TrainingOptions.ALL).allSatisfy(option -> {
            assertThat(names.add(option.name())).as(option.name()).isTrue();
            assertThat(option.meaning()).isNotBlank();
        });
    }

    @Test
    void namesWhatIsWrong() {
        var start = TrainingConfig.of("m", "d", 10);
        assertThatThrownBy(() -> TrainingConfigFile.with(start, "learning_rat: 1", "my.yaml"))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("my.yaml has an unknown option 'learning_rat'; the nearest are learning_rate");
        assertThatThrownBy(() -> TrainingConfigFile.with(start, "epochs: many", "my.yaml"))
                .hasMessageContaining("'epochs' must be a whole number, found \"many\"");
        assertThatThrownBy(() -> TrainingConfigFile.with(start, "optimizer: best", "my.yaml"))
                .hasMessageContaining("'optimizer' must be one of adamw, sgd");
        assertThatThrownBy(() -> TrainingConfigFile.with(start, "a: [", "my.yaml"))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("my.yaml is no YAML");
        assertThat(TrainingConfigFile.with(start, "grad_clip_norm: null\nseed: 5", "x")
                        .get(TrainingOptions.GRAD_CLIP_NORM))
                .isEmpty();
        assertThat(TrainingConfigFile.with(start, "learning_rate: 1e-4", "x").get(TrainingOptions.LEARNING_RATE))
                .isEqualTo(1e-4);
    }

    @Test
    void optionsThatAreNoSingleNumber() {
        var start = TrainingConfig.of("m", "d", 10);
        for (var off : new String[] {"off", "'off'", "0", "false"}) {
            assertThat(TrainingConfigFile.with(start, "image_cache: " + off, "x")
                            .get(TrainingOptions.IMAGE_CACHE))
                    .isEqualTo(CacheLimit.OFF);
        }
        assertThat(TrainingConfigFile.with(start, "image_cache: 300", "x").get(TrainingOptions.IMAGE_CACHE))
                .isEqualTo(CacheLimit.of(300));
        assertThat(TrainingConfigFile.value(start, TrainingOptions.IMAGE_CACHE)).isEqualTo("auto");
        for (var wrong : new String[] {"true", "-1", "much", "1.5", "null"}) {
            assertThatThrownBy(() -> TrainingConfigFile.with(start, "image_cache: " + wrong, "my.yaml"))
                    .isInstanceOf(VitrailException.class)
                    .hasMessageContaining("'image_cache' must be auto, off, or a number of MiB, found");
        }
        var sides = TrainingConfigFile.with(start, "cutmix_minmax: [0.2, 0.8]", "x");
        assertThat(sides.get(TrainingOptions.CUTMIX_MINMAX)).contains(new Mixing.Sides(0.2, 0.8));
        assertThat(TrainingConfigFile.value(sides, TrainingOptions.CUTMIX_MINMAX))
                .isEqualTo("[0.2,0.8]");
        assertThat(TrainingConfigFile.with(sides, "cutmix_minmax: null", "x").get(TrainingOptions.CUTMIX_MINMAX))
                .isEmpty();
        for (var wrong : new String[] {"0.2", "[0.2]", "[a, b]", "[0.1, 0.2, 0.3]", "[0.8, 0.2]", "[0.5, 1.5]"}) {
            assertThatThrownBy(() -> TrainingConfigFile.with(start, "cutmix_minmax: " + wrong, "my.yaml"))
                    .isInstanceOf(VitrailException.class)
                    .hasMessageContaining(
                            "'cutmix_minmax' must be two numbers from 0 to 1, the smaller first, such as [0.2, 0.8],"
                                    + " or null for none");
        }
        assertThatThrownBy(() -> sides.with(TrainingOptions.BATCH_SIZE, 3).checked())
                .hasMessageContaining("3 is odd");
        assertThatThrownBy(() -> sides.with(TrainingOptions.OBJECTIVE, Objective.MASKED_PATCHES)
                        .checked())
                .hasMessageContaining("cutmix_minmax");
        assertThat(sides.pretraining(3).checked().get(TrainingOptions.CUTMIX_MINMAX))
                .isEmpty();
    }

    @Test
    void refusesNumbersThatCannotWork() {
        var start = TrainingConfig.of("m", "d", 10);
        assertThatThrownBy(() -> start.with(TrainingOptions.BATCH_SIZE, 0))
                .hasMessageContaining("'batch_size' must be 1 or more, found 0");
        assertThatThrownBy(() -> start.with(TrainingOptions.BETA2, Optional.of(1.0)))
                .hasMessageContaining("in [0, 1), found 1.0");
        assertThatThrownBy(() -> start.with(TrainingOptions.EMA_DECAY, Optional.of(1.0)))
                .hasMessageContaining("'ema_decay' must be in (0, 1)");
        assertThatThrownBy(() -> start.with(TrainingOptions.WARMUP_EPOCHS, 10.0).checked())
                .hasMessageContaining("10.0 epochs of warm-up and cool-down leave nothing of 10 epochs");
        assertThatThrownBy(
                        () -> start.with(TrainingOptions.MIN_LEARNING_RATE, 1.0).checked())
                .hasMessageContaining("the lowest learning rate 1.0 is above the top 0.001");
    }

    @Test
    void everyRecipeThatIsShippedFits() {
        var start = TrainingConfig.of("vit_tiny_patch16_224", "photos", 10);
        assertThat(Recipe.shipped()).allSatisfy(recipe -> {
            assertThat(recipe.apply(start).checked().get(TrainingOptions.DATA)).isEqualTo("photos");
            assertThat(recipe.summary()).isNotBlank();
            assertThat(recipe.source()).isNotBlank();
        });
        assertThatThrownBy(() -> Recipe.get("fine-tun"))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining(
                        "there is no recipe 'fine-tun', nor a file of that name; the nearest are fine-tune");
    }
}
