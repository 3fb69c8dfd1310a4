package dev.vitrail.images;

import dev.vitrail.VitrailException;
import java.nio.FloatBuffer;
import java.util.List;
import java.util.stream.IntStream;

/**
 * From levels 0–255 to what a model reads: {@code (level / 255 − mean) / deviation}, channel by channel, in single precision
 * as PyTorch computes it.
 *
 * @param mean of each channel, in units of the full range
 * @param deviation of each channel, positive
 */
public record Normalization(List<Double> mean, List<Double> deviation) {
    /** What most models trained on ImageNet expect. */
    public static final Normalization IMAGENET =
            new Normalization(List.of(0.485, 0.456, 0.406), List.of(0.229, 0.224, 0.225));

    /** Levels mapped to −1 … 1, as the original ViTs expect. */
    public static final Normalization HALF = new Normalization(List.of(0.5, 0.5, 0.5), List.of(0.5, 0.5, 0.5));

    public Normalization {
        mean = List.copyOf(mean);
        deviation = List.copyOf(deviation);
        VitrailException.require(
                mean.size() == deviation.size()
                        && !mean.isEmpty()
                        && deviation.stream().allMatch(value -> value > 0),
                "a normalisation needs as many means as deviations, and positive deviations: found %s and %s",
                mean,
                deviation);
    }

    /** The same for another number of channels: repeated, or, for one channel, averaged. */
    public Normalization forChannels(int channels) {
        if (channels == mean.size()) {
            return this;
        }
        if (channels == 1) {
            return new Normalization(List.of(average(mean)), List.of(average(deviation)));
        }
        return new Normalization(cycled(mean, channels), cycled(deviation, channels));
    }

    private static double average(List<Double> values) {
        return values.stream().mapToDouble(Double::doubleValue).average().orElseThrow();
    }

    private static List<Double> cycled(List<Double> values, int count) {
        return IntStream.range(0, count)
                .mapToObj(i -> values.get(i % values.size()))
                .toList();
    }

    /** The value of each level of each channel, {@code [channels][256]}: a table is faster than three operations a pixel. */
    float[][] tables() {
        var tables = new float[mean.size()][256];
        for (int c = 0; c < tables.length; c++) {
            float m = mean.get(c).floatValue(), d = deviation.get(c).floatValue();
            for (int level = 0; level < 256; level++) {
                tables[c][level] = (level / 255f - m) / d;
            }
        }
        return tables;
    }

    /**
     * Writes a picture, channel after channel.
     *
     * @param image three channels, or grey levels in all three where there is one channel
     * @param pixels room for {@code channels · height · width} floats, from position 0
     */
    static void write(RgbImage image, float[][] tables, FloatBuffer pixels) {
        int area = image.width() * image.height();
        var levels = image.pixels();
        var plane = new float[area];
        for (int c = 0; c < tables.length; c++) {
            var table = tables[c];
            for (int i = 0, p = c % 3; i < area; i++, p += 3) {
                plane[i] = table[levels[p] & 255];
            }
            pixels.put(c * area, plane);
        }
    }

    /** Pillow's {@code convert("L")}: the luma of ITU-R 601-2, rounded, in all three channels. */
    static RgbImage grey(RgbImage image) {
        var from = image.pixels();
        var to = new byte[from.length];
        for (int p = 0; p < to.length; p += 3) {
            int luma =
                    ((from[p] & 255) * 19595 + (from[p + 1] & 255) * 38470 + (from[p + 2] & 255) * 7471 + 0x8000) >> 16;
            to[p] = to[p + 1] = to[p + 2] = (byte) luma;
        }
        return new RgbImage(image.width(), image.height(), to);
    }
}
