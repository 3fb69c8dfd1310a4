package dev.vitrail.images.augment;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.images.Canvas;
import dev.vitrail.images.Interpolation;
import dev.vitrail.images.Preprocessing;
import dev.vitrail.images.RgbImage;
import dev.vitrail.images.decode.PillowTable;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/**
 * Operations on pixels, against Pillow 12.3 through timm 1.0.29's own functions, and against small images worked
 * out by hand.
 */
class AugmentOperationTest {
    private static final List<Integer> FILL = List.of(124, 116, 104);

    @Test
    void isPillowsToThePixel() {
        var rows = PillowTable.rows("operations.csv").toList();
        assertThat(rows).hasSizeGreaterThan(2500);
        for (var row : rows) {
            var image = PillowTable.noise(Integer.parseInt(row[2]), Integer.parseInt(row[3]));
            var result = apply(row, row[1].equals("dim") ? PillowTable.dim(image) : image);
            assertThat(PillowTable.sum(result.pixels()))
                    .as(String.join(",", row))
                    .isEqualTo(Long.parseLong(row[6]));
        }
    }

    private static RgbImage apply(String[] row, RgbImage image) {
        double argument = row[4].isEmpty() ? 0 : Double.parseDouble(row[4]);
        var interpolation = row[5].isEmpty() ? Interpolation.BICUBIC : Interpolation.parse(row[5]);
        var motion = new AffineSettings(List.of(interpolation), FILL, AffineSettings.DEFAULT_REACH);
        return switch (row[0]) {
            case "grey" -> Canvas.grey(image);
            case "hue" -> Hue.shifted(image, argument);
            default -> operation(row[0]).with(image, argument, motion, new SplittableRandom(1));
        };
    }

    private static AugmentOperation operation(String name) {
        return switch (name) {
            case "autocontrast" -> AugmentOperation.AUTO_CONTRAST;
            case "equalize" -> AugmentOperation.EQUALIZE;
            case "invert" -> AugmentOperation.INVERT;
            case "posterize" -> AugmentOperation.POSTERIZE;
            case "solarize" -> AugmentOperation.SOLARIZE;
            case "solarizeadd" -> AugmentOperation.SOLARIZE_ADD;
            case "color" -> AugmentOperation.COLOR;
            case "contrast" -> AugmentOperation.CONTRAST;
            case "brightness" -> AugmentOperation.BRIGHTNESS;
            case "sharpness" -> AugmentOperation.SHARPNESS;
            case "blur" -> AugmentOperation.BLUR;
            case "shearx" -> AugmentOperation.SHEAR_X;
            case "sheary" -> AugmentOperation.SHEAR_Y;
            case "translatex" -> AugmentOperation.TRANSLATE_X;
            case "translatey" -> AugmentOperation.TRANSLATE_Y;
            case "rotate" -> AugmentOperation.ROTATE;
            default -> throw new IllegalArgumentException(name);
        };
    }

    @Test
    void levelsMeanWhatTheyMeanToTimm() {
        var motion = new AffineSettings(List.of(Interpolation.BICUBIC), FILL, AffineSettings.DEFAULT_REACH);
        var rows = PillowTable.rows("levels.csv").toList();
        assertThat(rows).hasSizeGreaterThan(350);
        for (var row : rows) {
            int sign = row[2].equals("1") ? -1 : 1;
            double argument = AugmentOperation.of(row[0]).argument(Double.parseDouble(row[1]), sign, motion);
            assertThat(argument).as(String.join(",", row)).isEqualTo(Double.parseDouble(row[3]), within(1e-12));
        }
    }

    @Test
    void fastCubicsAreTheExactOnes() {
        var random = new SplittableRandom(8);
        var noise = PillowTable.noise(97, 83);
        var flat = Canvas.filled(97, 83, List.of(255, 0, 77));
        for (int i = 0; i < 60; i++) {
            var map = new Affine(
                    1 + 0.3 * random.nextGaussian(),
                    0.3 * random.nextGaussian(),
                    10 * random.nextGaussian(),
                    0.3 * random.nextGaussian(),
                    1 + 0.3 * random.nextGaussian(),
                    10 * random.nextGaussian());
            var result = map.apply(noise, Interpolation.BICUBIC, FILL).pixels();
            var unchanged = map.apply(flat, Interpolation.BICUBIC, List.of(255, 0, 77));
            assertThat(unchanged.pixels()).isEqualTo(flat.pixels());
            for (int y = 0; y < 83; y++) {
                for (int x = 0; x < 97; x++) {
                    double u = map.a() * (x + 0.5) + map.b() * (y + 0.5) + map.c();
                    double v = map.d() * (x + 0.5) + map.e() * (y + 0.5) + map.f();
                    for (int channel = 0; channel < 3; channel++) {
                        boolean inside = u >= 0 && u < 97 && v >= 0 && v < 83;
                        int expected = inside ? cubic(noise, u - 0.5, v - 0.5, channel) : FILL.get(channel);
                        assertThat(result[3 * (y * 97 + x) + channel] & 0xff).isEqualTo(expected);
                    }
                }
            }
        }
    }

    /** Over rows and then over columns, in double precision. */
    private static int cubic(RgbImage image, double u, double v, int channel) {
        int column = (int) Math.floor(u);
        int row = (int) Math.floor(v);
        var rows = new double[4];
        for (int j = 0; j < 4; j++) {
            int y = Math.min(Math.max(row - 1 + j, 0), image.height() - 1);
            var levels = new double[4];
            for (int i = 0; i < 4; i++) {
                int x = Math.min(Math.max(column - 1 + i, 0), image.width() - 1);
                levels[i] = image.pixels()[3 * (y * image.width() + x) + channel] & 0xff;
            }
            rows[j] = cubic(levels, u - column);
        }
        return (int) Math.min(Math.max(cubic(rows, v - row), 0), 255);
    }

    private static double cubic(double[] v, double x) {
        double second = -v[0] + v[2];
        double third = 2 * (v[0] - v[1]) + v[2] - v[3];
        double fourth = -v[0] + v[1] - v[2] + v[3];
        return v[1] + x * (second + x * (third + x * fourth));
    }

    @Test
    void greyIsTheLumaOfItuR601() {
        // 200·19595 + 100·38470 + 50·7471 + 32768 = 8,172,318, and that over 65,536 is 124.7
        assertThat(Canvas.luma(200, 100, 50)).isEqualTo(124);
        assertThat(Canvas.luma(255, 255, 255)).isEqualTo(255);
    }

    @Test
    void factorsCutTheFractionOff() {
        var image = new RgbImage(1, 1, bytes(200, 100, 50));
        // towards the luma 124: 124 + 0.5 · 76 = 162; 124 − 12; 124 − 37
        assertThat(Enhance.color(image, 0.5).pixels()).isEqualTo(bytes(162, 112, 87));
        assertThat(Enhance.brightness(image, 1.5).pixels()).isEqualTo(bytes(255, 150, 75));
        assertThat(Enhance.brightness(image, 0.33).pixels()).isEqualTo(bytes(66, 33, 16));
        // away from the mean 124: 124 + 1.5 · 76 = 238; 124 − 36 = 88; 124 − 111 = 13
        assertThat(Enhance.contrast(image, 1.5).pixels()).isEqualTo(bytes(238, 88, 13));
    }

    @Test
    void sharpnessWeighsTheCentreFiveTimes() {
        var pixels = new byte[27];
        pixels[12] = (byte) 130; // the red of the middle pixel: smoothed, 5 · 130 / 13 = 50
        var image = new RgbImage(3, 3, pixels);
        assertThat(Enhance.sharpness(image, 0).pixels()[12]).isEqualTo((byte) 50);
        assertThat(Enhance.sharpness(image, 2).pixels()[12]).isEqualTo((byte) 210);
        assertThat(Enhance.sharpness(image, 0).pixels()[3]).isZero();
    }

    @Test
    void histogramsAreStretchedAndFlattened() {
        var image = new RgbImage(2, 1, bytes(100, 50, 7, 150, 50, 9));
        assertThat(Pointwise.autoContrast(image).pixels()).isEqualTo(bytes(0, 50, 0, 255, 50, 255));
        var ramp = new byte[3 * 512];
        for (int i = 0; i < 512; i++) {
            ramp[3 * i] = (byte) (i / 16);
        }
        // 32 levels of 16 pixels: a step is (512 − 16) / 255 = 1, so level k becomes min(16 · k, 255)
        byte[] flat = Pointwise.equalize(new RgbImage(512, 1, ramp)).pixels();
        assertThat(flat[3 * 16] & 0xff).isEqualTo(16);
        assertThat(flat[3 * 160] & 0xff).isEqualTo(160);
        assertThat(flat[3 * 500] & 0xff).isEqualTo(255);
    }

    @Test
    void blursKeepWhatIsFlatAndSpreadAPoint() {
        var pixels = new byte[3 * 81];
        pixels[3 * 40] = (byte) 255;
        var blurred = GaussianBlur.apply(new RgbImage(9, 9, pixels), 1).pixels();
        int sum = 0;
        for (int i = 0; i < blurred.length; i += 3) {
            sum += blurred[i] & 0xff;
        }
        // A Gaussian of std 1 is 0.159 in the middle; three rounded boxes come near it.
        assertThat(blurred[3 * 40] & 0xff).isBetween(36, 46);
        assertThat(sum).isBetween(240, 270);
    }

    @Test
    void onlyThreeInterpolationsMoveImages() {
        assertThatThrownBy(() -> new AffineSettings(List.of(Interpolation.LANCZOS), FILL, 0.45))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("found [lanczos]");
        var motion = AffineSettings.of(Preprocessing.imagenetDefault(32));
        assertThat(motion.fill()).containsExactly(124, 116, 104);
        assertThat(motion.interpolations()).containsExactly(Interpolation.BICUBIC);
    }

    private static byte[] bytes(int... levels) {
        var bytes = new byte[levels.length];
        for (int i = 0; i < levels.length; i++) {
            bytes[i] = (byte) levels[i];
        }
        return bytes;
    }
}
