package dev.vitrail.spark;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.junit.jupiter.api.Test;

final class SparkImageTest {
    private static Row image(int height, int width, int channels, int... data) {
        var bytes = new byte[data.length];
        for (int i = 0; i < data.length; i++) {
            bytes[i] = (byte) data[i];
        }
        return RowFactory.create("file:/a.png", height, width, channels, 16, bytes);
    }

    @Test
    void channelsAreThoseOfOpenCv() {
        assertThat(SparkImage.rgb(image(1, 2, 3, 1, 2, 3, 4, 5, 6), "image", 9).pixels())
                .containsExactly(3, 2, 1, 6, 5, 4);
        assertThat(SparkImage.rgb(image(1, 2, 4, 1, 2, 3, 255, 4, 5, 6, 0), "image", 9)
                        .pixels())
                .containsExactly(3, 2, 1, 6, 5, 4);
        assertThat(SparkImage.rgb(image(2, 1, 1, 7, 8), "image", 9).pixels()).containsExactly(7, 7, 7, 8, 8, 8);
    }

    @Test
    void whatCannotBeAPictureIsRefused() {
        assertThatThrownBy(() -> SparkImage.rgb(image(-1, -1, -1), "image", 9))
                .hasMessageContaining("(file:/a.png) could not be decoded by Spark");
        assertThatThrownBy(() -> SparkImage.rgb(image(1, 1, 2, 1, 2), "image", 9))
                .hasMessageContaining("has 2 channels");
        assertThatThrownBy(() -> SparkImage.rgb(image(1, 1, 3, 1, 2), "image", 9))
                .hasMessageContaining("has 2 bytes: expected 3");
        assertThatThrownBy(() -> SparkImage.rgb(image(1 << 20, 1 << 20, 3, 1), "image", 9))
                .hasMessageContaining("more than the limit of 9");
    }
}
