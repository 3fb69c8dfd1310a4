package dev.vitrail.models;

import java.util.List;
import java.util.stream.IntStream;

/**
 * A feature map that a model can give, known from its configuration alone.
 *
 * @param module the stage or block whose result it is, such as {@code stages.2} or {@code blocks.11}
 * @param channels C of the map {@code [B, C, H, W]}
 * @param strideHeight rows of the image, in pixels, for each row of the map
 * @param strideWidth columns of the image, in pixels, for each column of the map
 */
public record FeatureInfo(String module, int channels, int strideHeight, int strideWidth) {
    /** A map whose strides are equal in both directions. */
    public static FeatureInfo square(String module, int channels, int stride) {
        return new FeatureInfo(module, channels, stride, stride);
    }

    /** Maps of blocks {@code list.0 … list.(count−1)} that are all of one width and stride. */
    public static List<FeatureInfo> each(String list, int count, int channels, int stride) {
        return each(list, count, channels, stride, stride);
    }

    /**
     * Maps of blocks {@code list.0 … list.(count−1)} that are all of one width, with separate strides for rows and
     * columns.
     */
    public static List<FeatureInfo> each(String list, int count, int channels, int strideHeight, int strideWidth) {
        return IntStream.range(0, count)
                .mapToObj(i -> new FeatureInfo(list + "." + i, channels, strideHeight, strideWidth))
                .toList();
    }

    /** This map in a model that holds the present one at a module path. */
    public FeatureInfo below(String path) {
        return new FeatureInfo(path + "." + module, channels, strideHeight, strideWidth);
    }
}
