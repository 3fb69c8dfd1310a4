package dev.vitrail.train;

import static dev.vitrail.train.TrainingOptions.CLASS_BALANCED_SAMPLING;
import static dev.vitrail.train.TrainingOptions.CLASS_WEIGHTS;
import static dev.vitrail.train.TrainingOptions.DATA;
import static dev.vitrail.train.TrainingOptions.EPOCHS;
import static dev.vitrail.train.TrainingOptions.IMAGE_SIZE;
import static dev.vitrail.train.TrainingOptions.MODEL;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vitrail.data.Dataset;
import dev.vitrail.data.StainedGlass;
import dev.vitrail.images.ImageSize;
import dev.vitrail.images.RgbImage;
import dev.vitrail.models.zoo.Catalog;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class RecipeAdvisorTest {
    private static final String MINI = "vit_mini_patch4_gap_32";

    /** Black images of two classes, of which {@code rare} are of the second. */
    private record Black(int size, int rare, int side) implements Dataset {
        @Override
        public RgbImage image(int index) {
            return new RgbImage(side, side, new byte[3 * side * side]);
        }

        @Override
        public int label(int index) {
            return index < rare ? 1 : 0;
        }

        @Override
        public List<String> classes() {
            return List.of("many", "rare");
        }

        @Override
        public String name(int index) {
            return Integer.toString(index);
        }

        @Override
        public String describe() {
            return "black";
        }
    }

    private static TrainingConfig start(String model) {
        return TrainingConfig.STANDARD.with(DATA, "photos").with(MODEL, model);
    }

    @ParameterizedTest
    @CsvSource({
        "vit_tiny_patch16_224,         true,  244,     375, classifier-only",
        "vit_tiny_patch16_224,         true,  5000,    375, fine-tune",
        "vit_tiny_patch16_224,         false, 5000,    375, photos",
        "vit_small_patch16_224,        false, 1281167, 375, vit-augreg",
        "deit_small_patch16_224,       false, 1281167, 375, deit",
        "deit3_small_patch16_224,      false, 1281167, 375, deit3",
        "swin_tiny_patch4_window7_224, false, 1281167, 375, swin",
        "vit_mini_patch4_gap_32,       false, 8400,    32,  quick-look",
        "vit_mini_patch4_gap_32,       false, 60000,   28,  vit-augreg-small-data",
        "convnext_mini_32,             false, 60000,   28,  convnext-small-data",
        "t2t_mini_32,                  false, 50000,   32,  t2t-small-data",
    })
    void theDataAndTheStartDecide(String model, boolean trained, int images, int side, String recipe) {
        var advice = RecipeAdvisor.advise(start(model), trained, new Black(images, images / 2, side));
        assertThat(advice.recipe()).isEqualTo(recipe);
        assertThat(advice.reasons()).isNotEmpty().anySatisfy(reason -> assertThat(reason)
                .contains("%,d".formatted(images)));
        var config = advice.apply(start(model)).checked();
        assertThat(config.get(MODEL)).isEqualTo(model);
    }

    @Test
    void smallImagesAreSeenAsTheyAreWhereThePatchDividesThem() {
        var set = new Black(60_000, 30_000, 28);
        assertThat(RecipeAdvisor.advise(start(MINI), false, set)
                        .apply(start(MINI))
                        .get(IMAGE_SIZE))
                .contains(new ImageSize(28, 28));
        assertThat(RecipeAdvisor.advise(start("swin_mini_32"), false, set)
                        .apply(start("swin_mini_32"))
                        .get(IMAGE_SIZE))
                .isEmpty();
        assertThat(RecipeAdvisor.advise(start("convnext_mini_32"), false, set)
                        .apply(start("convnext_mini_32"))
                        .get(IMAGE_SIZE))
                .as("its last stage would see 28 pixels as a single cell")
                .isEmpty();
        var said = start(MINI).with(IMAGE_SIZE, Optional.of(new ImageSize(24, 24)));
        assertThat(RecipeAdvisor.advise(said, false, set).apply(said).get(IMAGE_SIZE))
                .contains(new ImageSize(24, 24));
    }

    @Test
    void fewImagesAreSeenMoreOften() {
        var advice = RecipeAdvisor.advise(start(MINI), false, new Black(1000, 500, 32));
        assertThat(advice.apply(start(MINI)).get(EPOCHS)).isEqualTo(34);
        assertThat(advice.reasons()).anySatisfy(reason -> assertThat(reason).contains("more epochs", "34"));
        var builtIn = RecipeAdvisor.advise(
                start(MINI), false, StainedGlass.trainAndValidation().train());
        assertThat(builtIn.changes()).isEmpty();
        assertThat(builtIn.recipe()).isEqualTo("quick-look");
    }

    @Test
    void unevenClassesAreWeighed() {
        var advice = RecipeAdvisor.advise(start("vit_tiny_patch16_224"), true, new Black(600, 60, 224));
        assertThat(advice.apply(start("vit_tiny_patch16_224")).get(CLASS_WEIGHTS))
                .isEqualTo(TrainingLoss.Weighting.EFFECTIVE_NUMBER);
        assertThat(advice.reasons())
                .anySatisfy(reason -> assertThat(reason).contains("540 images and the smallest 60"));
    }

    /** Sizes and amounts that between them lead to every recipe that is ever proposed, for a model of each kind. */
    @ParameterizedTest
    @CsvSource({"300, 224, true", "3000, 224, true", "3000, 32, false", "60000, 32, false", "600000, 224, false"})
    void whateverIsProposedForUnevenClassesFits(int images, int side, boolean trained) {
        var set = new Black(images, images / 20, side);
        var kinds = new TreeMap<String, String>();
        for (var variant : Catalog.variants()) {
            if (variant.config().imageHeight() > 64 == side > 64) {
                kinds.put(variant.name().replaceFirst("_.*", ""), variant.name());
            }
        }
        assertThat(kinds).containsKeys("vit", "deit3", "swin");
        for (var model : kinds.values()) {
            var advice = RecipeAdvisor.advise(start(model), trained, set);
            var config = advice.apply(start(model)).checked();
            assertThat(config.get(CLASS_BALANCED_SAMPLING))
                    .as(model)
                    .isEqualTo(config.get(CLASS_WEIGHTS) == TrainingLoss.Weighting.EQUAL)
                    .isEqualTo(advice.recipe().startsWith("deit3"));
        }
    }

    @Test
    void withoutANameTheModelFollowsFromTheSizeOfTheImages() {
        assertThat(RecipeAdvisor.model(new Black(10, 5, 28))).isEqualTo("compact_vit_mini_32");
        assertThat(RecipeAdvisor.model(new Black(10, 5, 375))).isEqualTo("vit_tiny_patch16_224");
    }
}
