package dev.vitrail.nn;

import dev.vitrail.errors.VitrailException;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** Ways to make one vector of tokens or of a feature map, by timm's names ({@code global_pool}). */
public enum Pool {
    /** The class token; with a distillation token, both. vit-pytorch calls it {@code cls}. */
    TOKEN,
    /** The mean over patches or positions. vit-pytorch calls it {@code mean}. */
    AVG,
    /** The mean of {@link #AVG} and {@link #MAX}. */
    AVGMAX,
    /** The maximum over patches or positions. */
    MAX,
    /** Attention from a trained query. */
    MAP,
    /**
     * The class token, and after it the mean over patches: twice as many channels, as DINOv2's classifiers read them.
     */
    TOKEN_AVG,
    /** {@link #AVG} and {@link #MAX} as twice the channels. */
    CATAVGMAX,
    /** No pool: for networks that are a part of another. */
    NONE;

    /** The pools of feature maps, which {@link GlobalPool} computes. */
    public static final List<Pool> OF_MAPS = List.of(AVG, MAX, AVGMAX, CATAVGMAX, NONE);

    /** The name that files have for it, such as {@code avg}. */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** Channels of the vector. */
    public int width(int channels) {
        return this == CATAVGMAX || this == TOKEN_AVG ? 2 * channels : channels;
    }

    /**
     * The pool of that name.
     *
     * @param name timm's or vit-pytorch's
     * @param all the pools that an architecture has
     * @throws VitrailException naming those if it is none of them
     */
    public static Pool of(String name, List<Pool> all) {
        var label = name.equals("cls") ? "token" : name.equals("mean") ? "avg" : name;
        return all.stream()
                .filter(pool -> pool.label().equals(label))
                .findFirst()
                .orElseThrow(() -> VitrailException.of(
                        "the pool '%s' (global_pool) is none of this architecture: take %s",
                        name, all.stream().map(Pool::label).collect(Collectors.joining(" or "))));
    }
}
