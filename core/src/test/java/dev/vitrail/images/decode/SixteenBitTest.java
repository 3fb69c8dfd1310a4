package dev.vitrail.images.decode;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.images.RgbImage;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Grey levels beyond a byte: cut as Pillow cuts them, or scaled where that is asked for. */
class SixteenBitTest {
    private static final DecodeOptions OPTIONS = DecodeOptions.DEFAULT;

    /** Plain grey of up to 65,535. */
    private static RgbImage decode(SixteenBit how, String levels) {
        int count = levels.split(" ").length;
        var file = "P2 %d 1 65535 %s\n".formatted(count, levels).getBytes(StandardCharsets.US_ASCII);
        return ImageDecoder.decode(file, "levels.pgm", OPTIONS.withSixteenBit(how));
    }

    private static void assertGrey(RgbImage image, int... levels) {
        for (int i = 0; i < levels.length; i++) {
            for (int band = 0; band < 3; band++) {
                assertThat(image.pixels()[3 * i + band] & 0xff)
                        .as("pixel %d", i)
                        .isEqualTo(levels[i]);
            }
        }
    }

    @Test
    void isCutOrScaled() {
        var levels = "0 200 255 256 3120 65535";
        assertGrey(decode(SixteenBit.CLIP, levels), 0, 200, 255, 255, 255, 255);
        assertGrey(decode(SixteenBit.SCALE, levels), 0, 1, 1, 1, 12, 255);
        assertGrey(decode(SixteenBit.RANGE, "300 1710 3120"), 0, 128, 255);
        assertGrey(decode(SixteenBit.RANGE, "7000 7000"), 0, 0);
    }

    @Test
    void whatWasCutSaysSo() {
        assertThat(decode(SixteenBit.CLIP, "0 255 256").cut()).isTrue();
        assertThat(decode(SixteenBit.CLIP, "0 255").cut()).isFalse();
        assertThat(decode(SixteenBit.SCALE, "0 255 256").cut()).isFalse();
        assertThat(ImageDecoder.decode(PillowFormatsTest.FOLDER.resolve("rgb16_le.tif"))
                        .cut())
                .as("colours of sixteen bits keep their high bytes")
                .isFalse();
    }

    /** The same numbers, however they are stored. */
    @ParameterizedTest
    @ValueSource(
            strings = {"grey16.png", "grey16_le.tif", "grey16_be.tif", "grey16_pred2_le.tif", "grey16_pred2_be.tif"})
    void everyFormatHasTheChoice(String name) {
        var file = PillowFormatsTest.FOLDER.resolve(name);
        assertThat(ImageDecoder.decode(file).cut()).isTrue();
        var scaled = ImageDecoder.decode(file, OPTIONS.withSixteenBit(SixteenBit.SCALE));
        var ranged = ImageDecoder.decode(file, OPTIONS.withSixteenBit(SixteenBit.RANGE));
        assertThat(scaled.cut()).isFalse();
        int last = scaled.pixels().length - 1; // 20 · 37 + 17 · 900 = 16,040
        assertThat(scaled.pixels()[last]).isEqualTo((byte) 62);
        assertThat(ranged.pixels()[last]).isEqualTo((byte) 255);
        assertThat(ranged.pixels()[0]).isZero();
    }

    @Test
    void signedAndFloatsHaveRangesToo() {
        var signed = PillowFormatsTest.FOLDER.resolve("grey16s_be.tif"); // −8,000 to 8,040
        assertThat(ImageDecoder.decode(signed, OPTIONS.withSixteenBit(SixteenBit.SCALE))
                        .pixels()[0])
                .isEqualTo((byte) 96); // (−8,000 + 32,768) / 257
        var floats = PillowFormatsTest.FOLDER.resolve("float_le.tif"); // −5 to 224
        assertThat(ImageDecoder.decode(floats, OPTIONS.withSixteenBit(SixteenBit.RANGE))
                        .pixels())
                .startsWith((byte) 0)
                .endsWith((byte) 255);
    }

    @Test
    void isWrittenInWords() {
        assertThat(SixteenBit.parse("Range")).isEqualTo(SixteenBit.RANGE);
        assertThat(SixteenBit.RANGE.key()).isEqualTo("range");
        assertThatThrownBy(() -> SixteenBit.parse("stretch"))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("clip, scale or range");
    }
}
