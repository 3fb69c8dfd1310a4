package dev.vitrail.images;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.images.decode.PillowTable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ResamplerTest {
    @Test
    void isPillowsForEveryFilterSizeAndBox() {
        var rows = PillowTable.rows("resized.csv").toList();
        assertThat(rows).hasSizeGreaterThan(800);
        for (var row : rows) {
            var image = PillowTable.noise(Integer.parseInt(row[0]), Integer.parseInt(row[1]));
            var filter = Interpolation.parse(row[2]);
            int width = Integer.parseInt(row[3]);
            int height = Integer.parseInt(row[4]);
            var box = new Box(
                    Float.parseFloat(row[5]),
                    Float.parseFloat(row[6]),
                    Float.parseFloat(row[7]),
                    Float.parseFloat(row[8]));
            var resized = Resampler.resize(image, box, width, height, filter);
            assertThat(PillowTable.sum(resized.pixels()))
                    .as(String.join(",", row))
                    .isEqualTo(Long.parseLong(row[9]));
            if (!row[10].isEmpty()) {
                var crop = new Region((int) box.left(), (int) box.top(), (int) (box.right() - box.left()), (int)
                        (box.bottom() - box.top()));
                var cropped = Resampler.resize(image, crop, width, height, filter);
                assertThat(PillowTable.sum(cropped.pixels()))
                        .as("cropped first: " + String.join(",", row))
                        .isEqualTo(Long.parseLong(row[10]));
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void aPartIsThatPartOfTheWhole(Interpolation filter) {
        var image = PillowTable.noise(150, 120);
        for (int[] size : new int[][] {{61, 47}, {150, 70}, {40, 120}, {320, 260}, {150, 120}}) {
            var whole = Resampler.resize(image, size[0], size[1], filter);
            for (var part : new Region[] {
                new Region(0, 0, 1, 1), new Region(7, 11, 20, 13), new Region(size[0] - 5, size[1] - 3, 5, 3)
            }) {
                assertThat(Resampler.resize(image, size[0], size[1], part, filter)
                                .pixels())
                        .isEqualTo(Resampler.crop(whole, part).pixels());
            }
        }
    }

    @Test
    void aPartOfAResultTooLargeForMemoryIsAffordable() {
        var thin = PillowTable.noise(1, 3000);
        var part = new Region(100, 1_000_000, 8, 8);
        var image = Resampler.resize(thin, 4000, 12_000_000, part, Interpolation.BICUBIC);
        assertThat(image.pixels()).hasSize(3 * 64);
    }

    @Test
    void refusesWhatLiesOutside() {
        var image = PillowTable.noise(8, 6);
        assertThatThrownBy(() -> Resampler.resize(image, new Box(0, 0, 9, 6), 4, 4, Interpolation.BOX))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("8×6");
        assertThatThrownBy(() -> Resampler.resize(image, 4, 4, new Region(1, 0, 4, 4), Interpolation.BOX))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> Resampler.crop(image, new Region(0, 3, 8, 4)))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void filtersHaveTimmsNames() {
        for (var filter : Interpolation.values()) {
            assertThat(Interpolation.parse(filter.key())).isEqualTo(filter);
        }
        assertThatThrownBy(() -> Interpolation.parse("bicubik"))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("did you mean bicubic?");
        assertThatThrownBy(() -> CropMode.parse("squish"))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("did you mean squash?");
    }
}
