package dev.vitrail.nn;

import dev.vitrail.engine.Functional;
import dev.vitrail.engine.Tensor;

/**
 * Pools feature maps over all positions, {@code [B, C, H, W] → [B, C']}, or {@code [B, C', 1, 1]} where maps are kept.
 */
public final class GlobalPool extends Layer {
    private final Pool pool;
    private final boolean keepsMap;

    public GlobalPool(Pool pool, boolean keepsMap) {
        this.pool = pool;
        this.keepsMap = keepsMap;
    }

    @Override
    protected Tensor forward(Tensor x) {
        var vector =
                switch (pool) {
                    case AVG -> Functional.globalAverage(x);
                    case MAX -> x.max(false, 2, 3);
                    case AVGMAX ->
                        Functional.globalAverage(x).plus(x.max(false, 2, 3)).times(0.5);
                    case CATAVGMAX -> Tensor.cat(1, Functional.globalAverage(x), x.max(false, 2, 3));
                    case NONE -> x;
                    case TOKEN, MAP, TOKEN_AVG ->
                        throw new IllegalArgumentException("feature maps have no tokens to pool by " + pool.label());
                };
        return keepsMap && pool != Pool.NONE ? vector.reshape(vector.size(0), vector.size(1), 1, 1) : vector;
    }
}
