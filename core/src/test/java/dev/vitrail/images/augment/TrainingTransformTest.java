package dev.vitrail.images.augment;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.images.Interpolation;
import dev.vitrail.images.Preprocessing;
import dev.vitrail.images.Region;
import dev.vitrail.images.Resampler;
import dev.vitrail.images.RgbImage;
import dev.vitrail.images.augment.PadAndCrop.Border;
import dev.vitrail.images.augment.RandomResizedCrop.Range;
import dev.vitrail.images.decode.PillowTable;
import java.util.HashSet;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class TrainingTransformTest {
    private static final Preprocessing INPUT = Preprocessing.imagenetDefault(32);

    @Test
    void theSeedDecides() {
        var image = PillowTable.noise(150, 120);
        var transform = TrainingTransform.photographs(INPUT);
        var first = transform.apply(image, new SplittableRandom(1)).pixels();
        assertThat(transform.apply(image, new SplittableRandom(1)).pixels()).isEqualTo(first);
        assertThat(transform.apply(image, new SplittableRandom(2)).pixels()).isNotEqualTo(first);
        var floats = new float[transform.values()];
        transform.toFloats(image, new SplittableRandom(1), floats, 0);
        assertThat(floats[32 * 32 + 5]).isEqualTo(((first[16] & 255) / 255f - 0.456f) / 0.224f);
    }

    @Test
    void cropsHaveTheWantedAreasAndShapes() {
        var crop = new RandomResizedCrop(224);
        var random = new SplittableRandom(3);
        int draws = 20_000;
        double area = 0;
        double logShape = 0;
        for (int i = 0; i < draws; i++) {
            var region = crop.draw(4000, 3000, random);
            assertThat(region.fits(4000, 3000)).isTrue();
            area += (double) region.width() * region.height() / (4000.0 * 3000);
            double shape = (double) region.width() / region.height();
            assertThat(shape).isBetween(0.749, 1.335);
            logShape += Math.log(shape);
        }
        // Both means from 200,000 draws of torchvision's procedure; crops that do not fit are drawn again, so they lean
        // to small and wide.
        assertThat(area / draws).isCloseTo(0.4318, within(0.006));
        assertThat(logShape / draws).isCloseTo(0.0306, within(0.005));
    }

    @Test
    void whatNeverFitsFallsBackToTheMiddle() {
        var wide = new Range(5, 6);
        var crop = new RandomResizedCrop(8, 8, new Range(1, 1), wide, List.of(Interpolation.BOX));
        assertThat(crop.draw(100, 100, new SplittableRandom(1))).isEqualTo(new Region(0, 40, 100, 20));
        assertThat(crop.draw(900, 100, new SplittableRandom(1))).isEqualTo(new Region(150, 0, 600, 100));
        assertThat(crop.draw(1, 1, new SplittableRandom(1))).isEqualTo(new Region(0, 0, 1, 1));
    }

    @Test
    void aResizedCropIsTheResizedCrop() {
        var image = PillowTable.noise(101, 90);
        var crop = new RandomResizedCrop(
                20,
                30,
                RandomResizedCrop.DEFAULT_SCALE,
                RandomResizedCrop.DEFAULT_RATIO,
                List.of(Interpolation.BICUBIC));
        var region = crop.draw(101, 90, new SplittableRandom(9));
        assertThat(crop.apply(image, new SplittableRandom(9)).pixels())
                .isEqualTo(Resampler.resize(Resampler.crop(image, region), 30, 20, Interpolation.BICUBIC)
                        .pixels());
    }

    @Test
    void flipsMirror() {
        var image = new RgbImage(2, 2, new byte[] {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
        var random = new SplittableRandom(1);
        assertThat(new RandomFlip(1, 0).apply(image, random).pixels())
                .containsExactly(4, 5, 6, 1, 2, 3, 10, 11, 12, 7, 8, 9);
        assertThat(new RandomFlip(0, 1).apply(image, random).pixels())
                .containsExactly(7, 8, 9, 10, 11, 12, 1, 2, 3, 4, 5, 6);
        assertThat(new RandomFlip(1, 0)
                        .then(new RandomFlip(1, 1))
                        .apply(image, random)
                        .pixels())
                .containsExactly(7, 8, 9, 10, 11, 12, 1, 2, 3, 4, 5, 6);
        int flipped = 0;
        for (int i = 0; i < 10_000; i++) {
            flipped += new RandomFlip(0.5, 0).apply(image, random).pixels()[0] == 4 ? 1 : 0;
        }
        assertThat(flipped / 10_000.0).isCloseTo(0.5, within(0.03));
    }

    @Test
    void paddedCropsReachEveryPlace() {
        var image = PillowTable.noise(5, 5);
        var zero = new PadAndCrop(5, 5, 2, Border.ZERO);
        var reflect = new PadAndCrop(5, 5, 2, Border.REFLECT);
        var random = new SplittableRandom(4);
        var seen = new HashSet<Long>();
        for (int i = 0; i < 1000; i++) {
            seen.add(PillowTable.sum(zero.apply(image, random).pixels()));
            assertThat(reflect.apply(image, random).width()).isEqualTo(5);
        }
        assertThat(seen).hasSize(25).contains(PillowTable.sum(image.pixels()));
    }

    @Test
    void reflectionDoesNotRepeatTheEdge() {
        var row = new RgbImage(3, 1, new byte[] {1, 1, 1, 2, 2, 2, 3, 3, 3});
        assertThatThrownBy(() -> new PadAndCrop(1, 7, 2, Border.REFLECT).apply(row, new SplittableRandom(1)))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("cannot be mirrored");
        var square = new RgbImage(3, 3, new byte[27]);
        for (int i = 0; i < 27; i++) {
            square.pixels()[i] = (byte) (i / 3 % 3 + 1);
        }
        var wide = new PadAndCrop(7, 7, 2, Border.REFLECT).apply(square, new SplittableRandom(1));
        var reds = new byte[7];
        for (int x = 0; x < 7; x++) {
            reds[x] = wide.pixels()[3 * x];
        }
        assertThat(reds).containsExactly(3, 2, 1, 2, 3, 2, 1);
    }

    @Test
    void aWrongFinalSizeIsNamed() {
        var transform = TrainingTransform.of(INPUT, List.of(new RandomFlip(1, 1)));
        assertThatThrownBy(() -> transform.apply(PillowTable.noise(40, 30), new SplittableRandom(1)))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("40×30")
                .hasMessageContaining("32×32");
        assertThatThrownBy(() -> new PadAndCrop(32, 32, 1, Border.ZERO)
                        .apply(PillowTable.noise(10, 10), new SplittableRandom(1)))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("too small");
        assertThatThrownBy(() -> new Range(0.5, 0.1)).isInstanceOf(VitrailException.class);
    }
}
