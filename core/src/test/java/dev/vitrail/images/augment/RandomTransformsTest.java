package dev.vitrail.images.augment;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.images.Canvas;
import dev.vitrail.images.Interpolation;
import dev.vitrail.images.Preprocessing;
import dev.vitrail.images.RgbImage;
import dev.vitrail.images.augment.RandomErasing.Mode;
import dev.vitrail.images.decode.PillowTable;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.SplittableRandom;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** Transforms whose parameters are drawn. */
class RandomTransformsTest {
    private static final RgbImage PIXEL = Canvas.filled(1, 1, List.of(200, 100, 50));

    @Test
    void jitterDrawsFactorsAroundOne() {
        var random = new SplittableRandom(1);
        var brightness = new ColorJitter(0.4, 0, 0, 0, 1);
        var reds = new TreeSet<Integer>();
        for (int i = 0; i < 5000; i++) {
            reds.add(brightness.apply(PIXEL, random).pixels()[0] & 0xff);
        }
        assertThat(reds.first()).isEqualTo(120);
        assertThat(reds.last()).isEqualTo(255);
        assertThat(reds).hasSize(136);
        var strong = new ColorJitter(2, 0, 0, 0, 1);
        for (int i = 0; i < 2000; i++) {
            reds.add(strong.apply(PIXEL, random).pixels()[0] & 0xff);
        }
        assertThat(reds.first()).isLessThan(5);
    }

    @Test
    void jitterComesInAnyOrder() {
        // Whether saturation comes before or after brightness decides how the cut at 255 turns out.
        var random = new SplittableRandom(1);
        var jitter = ColorJitter.of(0.4);
        var seen = new HashSet<List<Byte>>();
        for (int i = 0; i < 200; i++) {
            byte[] pixels = jitter.apply(PIXEL, random).pixels();
            seen.add(List.of(pixels[0], pixels[1], pixels[2]));
        }
        assertThat(seen).hasSizeGreaterThan(150);
        assertThat(new ColorJitter(0.4, 0.4, 0.4, 0.1, 0).apply(PIXEL, random)).isSameAs(PIXEL);
        assertThat(ColorJitter.of(0).apply(PIXEL, random)).isSameAs(PIXEL);
        var hue = new ColorJitter(0, 0, 0, 0.5, 1).apply(PIXEL, random).pixels();
        assertThat(Math.max(hue[0] & 0xff, Math.max(hue[1] & 0xff, hue[2] & 0xff)))
                .isEqualTo(200);
    }

    @Test
    void greyAndBlurHappenAsOftenAsWanted() {
        var image = PillowTable.noise(8, 8);
        var random = new SplittableRandom(1);
        int grey = 0;
        int blurred = 0;
        for (int i = 0; i < 5000; i++) {
            grey += new RandomGrey(0.2).apply(image, random) == image ? 0 : 1;
            blurred += new RandomBlur(0.3).apply(image, random) == image ? 0 : 1;
        }
        assertThat(grey / 5000.0).isCloseTo(0.2, within(0.025));
        assertThat(blurred / 5000.0).isCloseTo(0.3, within(0.03));
    }

    @Test
    void simpleCropsKeepTheShorterSide() {
        var crop = new SimpleRandomCrop(32, 32, List.of(Interpolation.BICUBIC));
        for (int[] size : new int[][] {{100, 60}, {60, 100}, {10, 500}, {32, 32}}) {
            var result = crop.apply(PillowTable.noise(size[0], size[1]), new SplittableRandom(1));
            assertThat(result.width()).isEqualTo(32);
            assertThat(result.height()).isEqualTo(32);
        }
        // Without a choice but the four pixels of border, it is the padded crop.
        var image = PillowTable.noise(32, 32);
        var padded = new PadAndCrop(32, 32, 4, PadAndCrop.Border.REFLECT);
        assertThat(crop.apply(image, new SplittableRandom(7)).pixels())
                .isEqualTo(padded.apply(image, new SplittableRandom(7)).pixels());
        var wide = new SimpleRandomCrop(20, 40, List.of(Interpolation.BILINEAR))
                .apply(PillowTable.noise(90, 90), new SplittableRandom(1));
        assertThat(wide.width()).isEqualTo(40);
        assertThat(wide.height()).isEqualTo(20);
    }

    @Test
    void erasesARectangle() {
        var random = new SplittableRandom(1);
        var erasing = RandomErasing.of(1, Mode.CONST, 1);
        double area = 0;
        int draws = 3000;
        for (int i = 0; i < draws; i++) {
            var values = ones(3, 40, 50, 10);
            erasing.apply(values, 10, 3, 40, 50, random);
            int erased = 0;
            int top = 40;
            int bottom = -1;
            int left = 50;
            int right = -1;
            for (int p = 0; p < 2000; p++) {
                if (values[10 + p] == 0) {
                    erased++;
                    top = Math.min(top, p / 50);
                    bottom = Math.max(bottom, p / 50);
                    left = Math.min(left, p % 50);
                    right = Math.max(right, p % 50);
                    assertThat(values[10 + 2000 + p]).isZero();
                    assertThat(values[10 + 4000 + p]).isZero();
                }
            }
            assertThat(erased).isEqualTo((bottom - top + 1) * (right - left + 1));
            assertThat(values[9]).isEqualTo(1);
            area += erased / 2000.0;
        }
        // Shapes that do not fit are drawn again, which leans to small ones: below the mean of 2 % and a third.
        assertThat(area / draws).isBetween(0.15, 0.177);
    }

    @Test
    void erasedPixelsAreNoiseOrOneColour() {
        var random = new SplittableRandom(1);
        var values = ones(3, 64, 64, 0);
        RandomErasing.of(1, Mode.PIXEL, 1).apply(values, 0, 3, 64, 64, random);
        assertThat(distinct(values)).isGreaterThan(200);
        values = ones(3, 64, 64, 0);
        RandomErasing.of(1, Mode.RAND, 1).apply(values, 0, 3, 64, 64, random);
        assertThat(distinct(values)).isEqualTo(4);
        int most = 0;
        for (int i = 0; i < 300; i++) {
            values = ones(3, 64, 64, 0);
            RandomErasing.of(1, Mode.RAND, 3).apply(values, 0, 3, 64, 64, random);
            most = Math.max(most, distinct(values));
        }
        assertThat(most).isEqualTo(10);
        int untouched = 0;
        for (int i = 0; i < 4000; i++) {
            values = ones(1, 16, 16, 0);
            RandomErasing.of(0.25, Mode.CONST, 1).apply(values, 0, 1, 16, 16, random);
            untouched += distinct(values) == 1 ? 1 : 0;
        }
        assertThat(untouched / 4000.0).isCloseTo(0.75, within(0.03));
    }

    @Test
    void erasingComesAfterNormalisation() {
        var input = Preprocessing.imagenetDefault(16);
        var plain = TrainingTransform.of(input, List.of());
        var erased = plain.withErasing(RandomErasing.of(1, Mode.CONST, 1));
        var image = PillowTable.noise(16, 16);
        var without = new float[plain.values()];
        var with = new float[plain.values()];
        plain.toFloats(image, new SplittableRandom(1), without, 0);
        erased.toFloats(image, new SplittableRandom(1), with, 0);
        int changed = 0;
        for (int i = 0; i < with.length; i++) {
            if (with[i] != without[i]) {
                assertThat(with[i]).isZero();
                changed++;
            }
        }
        assertThat(changed).isPositive();
        assertThat(erased.apply(image, new SplittableRandom(1)).pixels()).isEqualTo(image.pixels());
    }

    @Test
    void refusesWhatMakesNoSense() {
        assertThatThrownBy(() -> ColorJitter.of(-1)).isInstanceOf(VitrailException.class);
        assertThatThrownBy(() -> new ColorJitter(0, 0, 0, 0.6, 1))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("0.6");
        assertThatThrownBy(() -> new RandomGrey(2)).isInstanceOf(VitrailException.class);
        assertThatThrownBy(() -> new RandomBlur(0.5, 2, 1)).isInstanceOf(VitrailException.class);
        assertThatThrownBy(() -> new SimpleRandomCrop(4, 4, List.of(Interpolation.BOX)))
                .isInstanceOf(VitrailException.class);
        assertThatThrownBy(() -> RandomErasing.of(0.5, Mode.CONST, 0)).isInstanceOf(VitrailException.class);
        assertThatThrownBy(() -> new RandomErasing(0.5, 0.5, 0.2, 0.3, Mode.CONST, 1))
                .isInstanceOf(VitrailException.class);
    }

    private static float[] ones(int channels, int height, int width, int offset) {
        var values = new float[offset + channels * height * width];
        Arrays.fill(values, 1);
        return values;
    }

    private static int distinct(float[] values) {
        var seen = new HashSet<Float>();
        for (float value : values) {
            seen.add(value);
        }
        return seen.size();
    }
}
