package dev.vitrail.images;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.images.decode.PillowTable;
import java.util.List;
import org.junit.jupiter.api.Test;

class PreprocessingTest {
    @Test
    void aTinyImageIsEnlarged() {
        var image = new RgbImage(1, 1, new byte[] {10, 20, 30});
        for (var mode : CropMode.values()) {
            var input = with(mode, 16, 16, 0.9);
            var resized = input.apply(image);
            assertThat(resized.width()).isEqualTo(16);
            assertThat(resized.pixels()[3 * (16 * 8 + 8) + 1]).isEqualTo((byte) 20);
        }
    }

    @Test
    void aThinImageKeepsAPixel() {
        var thin = PillowTable.noise(4000, 1);
        for (var mode : CropMode.values()) {
            assertThat(with(mode, 32, 48, 0.9).apply(thin).pixels()).hasSize(3 * 32 * 48);
            assertThat(with(mode, 32, 32, 1).apply(PillowTable.noise(1, 4000)).pixels())
                    .hasSize(3 * 32 * 32);
        }
    }

    @Test
    void aCropFractionAboveOnePadsWithBlack() {
        // 10 / 2 = 5 pixels, centred on 10: two of border above and to the left, three below and to the right.
        var white = new RgbImage(1, 1, new byte[] {-1, -1, -1});
        var padded = with(CropMode.CENTER, 10, 10, 2).apply(white);
        for (int y = 0; y < 10; y++) {
            for (int x = 0; x < 10; x++) {
                boolean inside = x >= 2 && x < 7 && y >= 2 && y < 7;
                assertThat(padded.pixels()[3 * (10 * y + x)])
                        .as("(%d, %d)", x, y)
                        .isEqualTo((byte) (inside ? 255 : 0));
            }
        }
    }

    @Test
    void oneChannelIsLuma() {
        var image = new RgbImage(2, 1, new byte[] {(byte) 255, 0, 0, 10, 100, (byte) 200});
        var input = new Preprocessing(1, 1, 2, 1, CropMode.SQUASH, Interpolation.BILINEAR, List.of(0.5), List.of(0.25));
        var bytes = new byte[2];
        input.toBytes(image, bytes, 0);
        // 0.299 · 255 = 76.2; 0.299 · 10 + 0.587 · 100 + 0.114 · 200 = 84.5
        assertThat(bytes).containsExactly(76, 84);
        var floats = new float[2];
        input.toFloats(image, floats, 0);
        assertThat(floats).containsExactly((76 / 255f - 0.5f) / 0.25f, (84 / 255f - 0.5f) / 0.25f);
    }

    @Test
    void refusesNonsense() {
        assertThatThrownBy(() -> with(CropMode.CENTER, 0, 10, 1)).isInstanceOf(VitrailException.class);
        assertThatThrownBy(() -> with(CropMode.CENTER, 10, 10, 0)).isInstanceOf(VitrailException.class);
        assertThatThrownBy(() -> with(CropMode.CENTER, 10, 10, Double.NaN)).isInstanceOf(VitrailException.class);
        assertThatThrownBy(() -> new Normalization(List.of(0.5, 0.5), List.of(1.0, 1.0)))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("[0.5, 0.5]");
        assertThatThrownBy(() -> new Normalization(List.of(0.5), List.of(0.0))).isInstanceOf(VitrailException.class);
        assertThatThrownBy(() -> Preprocessing.imagenetDefault(8).toFloats(PillowTable.noise(9, 9), new float[192], 1))
                .isInstanceOf(IllegalArgumentException.class);
    }

    private static Preprocessing with(CropMode mode, int height, int width, double cropPct) {
        return new Preprocessing(
                3,
                height,
                width,
                cropPct,
                mode,
                Interpolation.BICUBIC,
                Normalization.IMAGENET.mean(),
                Normalization.IMAGENET.std());
    }
}
