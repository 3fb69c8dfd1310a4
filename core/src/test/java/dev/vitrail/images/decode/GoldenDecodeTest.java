package dev.vitrail.images.decode;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** One small file of every kind that Pillow can write, and of every colour type and depth of PNG. */
class GoldenDecodeTest {
    static Stream<String[]> files() {
        return PillowTable.rows("decoded.csv");
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("files")
    void isPillowsImage(String file, int width, int height, long sum, long upright, String expected) {
        var path = PillowTable.FOLDER.resolve(file);
        var image = ImageDecoder.decode(path);
        assertThat(image.width()).isEqualTo(width);
        assertThat(image.height()).isEqualTo(height);
        if (expected.equals("same")) {
            assertThat(PillowTable.sum(image.pixels())).isEqualTo(sum);
            var turned = ImageDecoder.decode(path, DecodeOptions.DEFAULT.withExifOrientation(true));
            assertThat(PillowTable.sum(turned.pixels())).isEqualTo(upright);
        }
    }
}
