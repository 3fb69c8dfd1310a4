package dev.vitrail.nn;

import dev.vitrail.engine.Functional;
import dev.vitrail.engine.Tensor;

/** Pools feature maps over all positions, {@code [B, C, H, W] → [B, C']}, or {@code [B, C', 1, 1]} where maps are kept. */
public final class GlobalPool extends Layer {
    /** What is taken of all positions. */
    public enum Kind {
        AVG,
        MAX,
        /** The mean of {@link #AVG} and {@link #MAX}. */
        AVGMAX,
        /** {@link #AVG} and {@link #MAX} as twice the channels. */
        CATAVGMAX,
        /** Everything stays as it is: for networks that are a part of another. */
        NONE;

        /** C', channels of the result. */
        public int width(int channels) {
            return this == CATAVGMAX ? 2 * channels : channels;
        }
    }

    private final Kind kind;
    private final boolean keepsMap;

    public GlobalPool(Kind kind, boolean keepsMap) {
        this.kind = kind;
        this.keepsMap = keepsMap;
    }

    @Override
    protected Tensor forward(Tensor x) {
        var vector =
                switch (kind) {
                    case AVG -> Functional.globalAverage(x);
                    case MAX -> x.max(false, 2, 3);
                    case AVGMAX ->
                        Functional.globalAverage(x).plus(x.max(false, 2, 3)).times(0.5);
                    case CATAVGMAX -> Tensor.cat(1, Functional.globalAverage(x), x.max(false, 2, 3));
                    case NONE -> x;
                };
        return keepsMap && kind != Kind.NONE ? vector.reshape(vector.size(0), vector.size(1), 1, 1) : vector;
    }
}
