package dev.vitrail.models;

import dev.vitrail.engine.Tensor;
import java.util.Arrays;
import java.util.Optional;

/**
 * Weights that see an image's channels, for another number of them. As timm does it for its first convolutions: for
 * one channel the sum over all; for more, the weights repeated in turn and scaled so that an image of equal channels
 * gives the same.
 *
 * <p>Shapes: {@code C} channels, {@code P} pixels of a window or patch.
 */
public final class Channels {
    private Channels() {}

    /** {@code [out, C, …] → [out, to, …]}. */
    static Tensor fit(Tensor weight, long to) {
        return fit(weight, to, true);
    }

    private static Tensor fit(Tensor values, long to, boolean summed) {
        long from = values.size(1);
        if (to == 1) {
            return summed ? values.sum(true, 1) : values.mean(true, 1);
        }
        var repeats = new long[values.dims()];
        Arrays.fill(repeats, 1);
        repeats[1] = (to + from - 1) / from;
        var repeated = values.repeat(repeats).narrow(1, 0, to);
        return summed ? repeated.times((double) from / to) : repeated;
    }

    /**
     * Parameters over windows of pixels: the weights of a linear layer, {@code [out, C·P]}, or the factors and offsets
     * of a normalisation, {@code [C·P]}, which are averaged or repeated.
     *
     * @param to channels that are wanted
     * @param wanted the shape that is wanted
     * @param pixelsFirst whether channels run fastest ({@code P·C})
     * @return empty if the values are not made of as many pixels as wanted
     */
    public static Optional<Tensor> fitWindows(Tensor values, long to, long[] wanted, boolean pixelsFirst) {
        long pixels = wanted[wanted.length - 1] / to, all = values.size(-1);
        if (values.dims() != wanted.length
                || all % pixels != 0
                || (wanted.length == 2 && values.size(0) != wanted[0])) {
            return Optional.empty();
        }
        long rows = values.count() / all, from = all / pixels;
        if (from == to) {
            return Optional.of(values);
        }
        var split =
                pixelsFirst ? values.reshape(rows, pixels, from).transpose(1, 2) : values.reshape(rows, from, pixels);
        var fitted = fit(split, to, wanted.length == 2); //                              [rows, to, P]
        return Optional.of((pixelsFirst ? fitted.transpose(1, 2) : fitted).reshape(wanted));
    }
}
