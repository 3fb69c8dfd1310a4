package dev.vitrail.train;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vitrail.images.Interpolation;
import dev.vitrail.images.Normalization;
import dev.vitrail.images.Preprocessing;
import dev.vitrail.images.RgbImage;
import dev.vitrail.images.augment.AffineSettings;
import dev.vitrail.images.augment.AugmentationSpec;
import dev.vitrail.images.augment.ImageTransform;
import dev.vitrail.images.augment.RandomResizedCrop;
import dev.vitrail.images.augment.SimpleRandomCrop;
import java.util.List;
import java.util.Random;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class AugmentationTest {
    private static final int SIDE = 32;
    private static final String SPEC = "rand-m15-n3";

    private static RgbImage noise() {
        var pixels = new byte[3 * 50 * 40];
        new Random(1).nextBytes(pixels);
        return new RgbImage(50, 40, pixels);
    }

    private static byte[] view(String yaml, Interpolation own, long seed) {
        var config = TrainingConfigFile.with(TrainingConfig.STANDARD, "flip: 0\n" + yaml, "the test");
        var input = Preprocessing.of(SIDE, 1, own, Normalization.IMAGENET);
        return Augmentation.of(config, input)
                .apply(noise(), new SplittableRandom(seed))
                .pixels();
    }

    private static byte[] cropped(List<Interpolation> filters, long seed, ImageTransform... more) {
        var random = new SplittableRandom(seed);
        var image = new RandomResizedCrop(
                        SIDE, SIDE, RandomResizedCrop.DEFAULT_SCALE, RandomResizedCrop.DEFAULT_RATIO, filters)
                .apply(noise(), random);
        for (var step : more) {
            image = step.apply(image, random);
        }
        return image.pixels();
    }

    /** As timm hands its train_interpolation to both. */
    @ParameterizedTest
    @CsvSource({
        "null,     BILINEAR, BILINEAR",
        "bilinear, BICUBIC,  BILINEAR",
        "bicubic,  BILINEAR, BICUBIC",
        "nearest,  BICUBIC,  NEAREST",
        "random,   NEAREST,  BILINEAR BICUBIC",
    })
    void cropsAndOperationsAreResampledAlike(String said, Interpolation own, String expected) {
        var filters =
                List.of(expected.split(" ")).stream().map(Interpolation::parse).toList();
        var moves = new AugmentationSpec(SPEC).transform(AffineSettings.of(Normalization.IMAGENET, filters));
        for (long seed = 0; seed < 20; seed++) {
            assertThat(view("interpolation: %s\nauto_augment: %s".formatted(said, SPEC), own, seed))
                    .isEqualTo(cropped(filters, seed, moves));
        }
    }

    @Test
    void simpleCropsAreResampledSoToo() {
        assertThat(view("crop: simple\ninterpolation: bilinear", Interpolation.BICUBIC, 1))
                .isEqualTo(new SimpleRandomCrop(SIDE, SIDE, List.of(Interpolation.BILINEAR))
                        .apply(noise(), new SplittableRandom(1))
                        .pixels());
    }

    @Test
    void withoutAFilterOfItsOwnAModelIsTrainedByTheOneThatValidatesIt() {
        assertThat(view("crop_scale: [0.08, 1]", Interpolation.BOX, 1))
                .isEqualTo(cropped(List.of(Interpolation.BOX), 1));
    }

    @ParameterizedTest
    @CsvSource({
        "deit, BICUBIC",
        "deit3, BICUBIC",
        "cait, BICUBIC",
        "swin, BICUBIC",
        "convnext, BICUBIC",
        "t2t, RANDOM",
        "vit-augreg, BILINEAR"
    })
    void papersRecipesHaveTheirFilter(String name, Augmentation.Filter filter) {
        assertThat(Recipe.get(name).apply(TrainingConfig.STANDARD).get(TrainingOptions.INTERPOLATION))
                .contains(filter);
    }
}
