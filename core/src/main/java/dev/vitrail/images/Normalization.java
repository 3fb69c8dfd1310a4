package dev.vitrail.images;

import dev.vitrail.errors.VitrailException;
import java.util.Collections;
import java.util.List;

/**
 * Normalization of bytes to the numbers that a network was trained on: {@code (level / 255 − mean) / std}, each step
 * rounded to single precision as torch rounds it.
 *
 * @param mean of each channel, on the scale 0–1; three values, or one for grey
 * @param std of each channel, on the same scale, as many as there are means
 */
public record Normalization(List<Double> mean, List<Double> std) {
    /** ImageNet's statistics, the usual ones. */
    public static final Normalization IMAGENET =
            new Normalization(List.of(0.485, 0.456, 0.406), List.of(0.229, 0.224, 0.225));

    /** Normalization to −1 to 1, as Inception, the original ViT and its augreg weights have it. */
    public static final Normalization INCEPTION = new Normalization(List.of(0.5, 0.5, 0.5), List.of(0.5, 0.5, 0.5));

    public Normalization {
        mean = List.copyOf(mean);
        std = List.copyOf(std);
        VitrailException.require(
                (mean.size() == 1 || mean.size() == 3) && std.size() == mean.size(),
                "Expected one or three means and as many stds, found mean %s and std %s.",
                mean,
                std);
        VitrailException.require(
                mean.stream().allMatch(Double::isFinite)
                        && std.stream().allMatch(value -> Double.isFinite(value) && value > 0),
                "Expected finite means and positive stds, found mean %s and std %s.",
                mean,
                std);
    }

    /** Number of output channels: one for grey, or three. */
    public int channels() {
        return mean.size();
    }

    /** The mean as levels of red, green and blue, 0–255; one mean stands for all three. */
    public List<Integer> meanColor() {
        var levels = mean.stream()
                .map(value -> Math.min(Math.max((int) Math.rint(255 * value), 0), 255))
                .toList();
        return channels() == 3 ? levels : Collections.nCopies(3, levels.get(0));
    }

    /**
     * Writes an image as {@code [channels, height, width]}.
     *
     * @param image if one channel is wanted, grey already: its red is taken
     */
    public void toFloats(RgbImage image, float[] out, int offset) {
        int pixels = image.width() * image.height();
        checkRoom(out.length, offset, channels() * pixels);
        byte[] levels = image.pixels();
        var table = new float[256];
        for (int channel = 0; channel < channels(); channel++) {
            float center = mean.get(channel).floatValue();
            float scale = std.get(channel).floatValue();
            for (int level = 0; level < 256; level++) {
                table[level] = (level / 255f - center) / scale;
            }
            int to = offset + channel * pixels;
            for (int i = 0, from = channel; i < pixels; i++, from += 3) {
                out[to + i] = table[levels[from] & 0xff];
            }
        }
    }

    /**
     * Writes an image's levels, not normalised, as {@code [channels, height, width]}, for {@code channels()} channels.
     */
    public void toBytes(RgbImage image, byte[] out, int offset) {
        int pixels = image.width() * image.height();
        checkRoom(out.length, offset, channels() * pixels);
        byte[] levels = image.pixels();
        for (int channel = 0; channel < channels(); channel++) {
            int to = offset + channel * pixels;
            for (int i = 0, from = channel; i < pixels; i++, from += 3) {
                out[to + i] = levels[from];
            }
        }
    }

    private static void checkRoom(int length, int offset, int needed) {
        if (offset < 0 || offset > length - needed) {
            throw new IllegalArgumentException(
                    "an array of %d has no room for %d values at %d".formatted(length, needed, offset));
        }
    }
}
