package dev.vitrail.train;

import static dev.vitrail.train.TrainingOptions.BATCH_SIZE;
import static dev.vitrail.train.TrainingOptions.CUTMIX;
import static dev.vitrail.train.TrainingOptions.DATA;
import static dev.vitrail.train.TrainingOptions.DROP_PATH;
import static dev.vitrail.train.TrainingOptions.EPOCHS;
import static dev.vitrail.train.TrainingOptions.GRADIENT_ACCUMULATION;
import static dev.vitrail.train.TrainingOptions.LEARNING_RATE;
import static dev.vitrail.train.TrainingOptions.MIXUP;
import static dev.vitrail.train.TrainingOptions.MODEL;
import static dev.vitrail.train.TrainingOptions.OPTIMIZER;
import static dev.vitrail.train.TrainingOptions.REPEATED_AUGMENTATION;
import static dev.vitrail.train.TrainingOptions.TEACHER;
import static dev.vitrail.train.TrainingOptions.WEIGHT_DECAY;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.fail;
import static org.assertj.core.api.Assertions.within;

import dev.vitrail.data.TrainAndValidation;
import dev.vitrail.engine.Device;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.models.swin.SwinConfig;
import dev.vitrail.models.zoo.Catalog;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

final class RecipeTest {
    private static final TrainingConfig START =
            TrainingConfig.STANDARD.with(DATA, "photos").with(MODEL, "vit_tiny_patch16_224");

    static Stream<Recipe> shipped() {
        return Recipe.shipped().stream();
    }

    @ParameterizedTest
    @MethodSource("shipped")
    void everyRecipeCanBeTrainedBy(Recipe recipe) {
        var config = recipe.apply(START).checked();
        assertThat(Schedules.of(config, config.peakLearningRate(), 100).rate(50))
                .isPositive();
        assertThat(Optimizers.of(config, Catalog.get("vit_mini_patch4_gap_32").create()))
                .isNotNull();
    }

    /** The path of {@code vitrail train --recipe NAME}: the request, the checks, the model, the plan. */
    @ParameterizedTest
    @MethodSource("shipped")
    void everyRecipeResolvesToAPlanWithItsOptions(Recipe recipe) {
        var named = TrainingOverrides.NONE
                .with(MODEL, "vit_mini_patch4_gap_32")
                .with(EPOCHS, 3)
                .with(TEACHER, Optional.empty());
        var config = new TrainingRequest(recipe.name(), named)
                .configure(reason -> fail("a named recipe is not advised: " + reason))
                .checked();
        var images = new Patterns(32, 100, 4);
        try (var model = TrainingModels.load(config, images.classes(), Device.CPU)) {
            var plan = TrainingPlan.resolve(config, new TrainAndValidation(images, images), model);
            var asked = recipe.apply(START);
            assertThat(plan.config().get(EPOCHS)).isEqualTo(3);
            assertThat(plan.config().get(OPTIMIZER)).isEqualTo(asked.get(OPTIMIZER));
            assertThat(plan.config().get(WEIGHT_DECAY)).isEqualTo(asked.get(WEIGHT_DECAY));
            assertThat(plan.mixing().isPresent()).isEqualTo(asked.get(MIXUP) > 0 || asked.get(CUTMIX) > 0);
            assertThat(plan.batchSize() * plan.gradientAccumulation())
                    .isBetween(1, Math.min(100, asked.get(BATCH_SIZE) * asked.get(GRADIENT_ACCUMULATION)));
            assertThat(IntStream.range(0, (int) plan.totalSteps())
                            .mapToDouble(step -> plan.schedule().rate(step)))
                    .allMatch(rate -> rate >= 0 && rate <= plan.peakLearningRate());
            assertThat(plan.description().labelNames()).isEqualTo(images.classes());
        }
    }

    /** A recipe's result does not depend on what its model would drop by itself. */
    @ParameterizedTest
    @MethodSource("shipped")
    void everyRecipeSaysItsDropPath(Recipe recipe) {
        assertThat(recipe.apply(START).get(DROP_PATH)).isPresent();
    }

    @Test
    void withoutARateAModelDropsWhatItDropsByItself() {
        var swin = (SwinConfig) Catalog.get("swin_mini_32").config();
        assertThat(swin.dropouts().path()).isPositive();
        for (var config : List.of(START, START.with(DROP_PATH, Optional.of(0.0)))) {
            try (var loaded = TrainingModels.load(config.with(MODEL, "swin_mini_32"), List.of("a", "b"), Device.CPU)) {
                var trained = (SwinConfig) loaded.model().config();
                assertThat(trained.classes()).isEqualTo(2);
                assertThat(trained.dropouts().path())
                        .isEqualTo(config.get(DROP_PATH).orElse(swin.dropouts().path()));
            }
        }
    }

    @ParameterizedTest
    @MethodSource("shipped")
    void everyRecipeSaysWhereItComesFromWhatItTakesAndWhatItGives(Recipe recipe) {
        assertThat(recipe.summary()).isNotBlank();
        assertThat(Stream.of(recipe.source(), recipe.cost(), recipe.knownFor()))
                .noneMatch(String::isBlank)
                .noneMatch(text -> text.matches(".*(TIME|FIGURE|MEASURED|TODO).*"));
        assertThat(recipe.knownFor()).containsPattern("\\d %|not measured");
    }

    /** The images in a step and its learning rate, as the papers have them. */
    @ParameterizedTest
    @CsvSource({
        "vit-augreg,   4096, 0.001, 1",
        "vit-transfer, 512,  0.03,  1",
        "deit,         1024, 0.001, 3",
        "deit3,        2048, 0.004, 3",
        "t2t,          512,  0.0005, 1",
        "cait,         1024, 0.001, 3",
        "swin,         1024, 0.001, 1",
        "convnext,     4096, 0.004, 1",
    })
    void papersRecipesHaveTheirBatchesAndRates(String name, int images, double rate, int repeats) {
        var config = Recipe.get(name).apply(START);
        assertThat(config.get(BATCH_SIZE) * config.get(GRADIENT_ACCUMULATION)).isEqualTo(images);
        assertThat(config.peakLearningRate()).isCloseTo(rate, within(1e-12));
        assertThat(config.get(REPEATED_AUGMENTATION)).isEqualTo(repeats);
    }

    @Test
    void aRecipeOfOnesOwnNamesAnOptionThatDoesNotExistOrCannotBe(@TempDir Path folder) throws IOException {
        var file = folder.resolve("mine.yaml");
        Files.writeString(file, "learning_rat: 0.001\n");
        assertThatThrownBy(() -> Recipe.get(file.toString()).apply(START))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("mine.yaml has an unknown option 'learning_rat'; the nearest are learning_rate");
        Files.writeString(file, "epochs: many\n");
        assertThatThrownBy(() -> Recipe.get(file.toString()).apply(START))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("'epochs' must be a whole number, found \"many\"");
        Files.writeString(file, "flip: 1.5\n");
        assertThatThrownBy(() -> Recipe.get(file.toString()).apply(START))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("'flip' must be in [0, 1], found 1.5");
        Files.writeString(file, "learning_rate: 0.25\n");
        assertThat(Recipe.get(file.toString()).apply(START).get(LEARNING_RATE)).isEqualTo(0.25);
        assertThatThrownBy(() -> Recipe.get("diet"))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("deit");
    }

    @Test
    void theGuidesTableIsWhatTheRecipesSay() throws IOException {
        var guide = Files.readAllLines(Path.of("..", "docs", "guide", "recipes.md"));
        assertThat(guide.stream().filter(line -> line.startsWith("| `")))
                .containsExactlyElementsOf(shipped()
                        .map(recipe -> "| `%s` | %s | %s | %s |"
                                .formatted(recipe.name(), recipe.summary(), recipe.cost(), recipe.knownFor()))
                        .toList());
    }

    /** What follows {@code --set} in documents is an option that exists. */
    @Test
    void documentsSetOptionsThatExist() throws IOException {
        var known = TrainingOptions.ALL.stream().map(TrainingOption::name).collect(Collectors.toSet());
        var unknown = new ArrayList<String>();
        int read = 0;
        try (var files = Files.walk(Path.of("..", "docs"))) {
            for (var file : Stream.concat(files, Stream.of(Path.of("..", "README.md")))
                    .filter(path -> path.toString().endsWith(".md"))
                    .toList()) {
                var set = Pattern.compile("--set ([a-z]\\w*)=").matcher(Files.readString(file));
                while (set.find()) {
                    read++;
                    if (!known.contains(set.group(1))) {
                        unknown.add(file.getFileName() + ": " + set.group());
                    }
                }
            }
        }
        assertThat(read).isGreaterThan(10);
        assertThat(unknown).isEmpty();
    }
}
