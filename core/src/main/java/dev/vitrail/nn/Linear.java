package dev.vitrail.nn;

import dev.vitrail.engine.Functional;
import dev.vitrail.engine.Tensor;
import org.jspecify.annotations.Nullable;

/** {@code y = x·Wᵀ + b} over the last dimension. */
public final class Linear extends Layer {
    private final long in;
    private final long out;
    private final Parameter weight;
    private final @Nullable Parameter bias;

    /**
     * A layer with bias, and weights from a normal distribution of std 0.02 cut at ±2, as vision transformers start.
     */
    public Linear(long in, long out) {
        this(in, out, true);
    }

    public Linear(long in, long out, boolean biased) {
        this(in, out, biased, Init.truncatedNormal(0.02), Init.zeros());
    }

    public Linear(long in, long out, boolean biased, Init weights, Init biases) {
        this.in = in;
        this.out = out;
        weight = parameter("weight", weights, out, in);
        bias = biased ? parameter("bias", biases, out) : null;
    }

    @Override
    protected Tensor forward(Tensor x) {
        return weight.linear(x, in, out, bias);
    }

    /**
     * The outputs {@code from … from+count−1} alone, as if the layer had no others.
     *
     * @return {@code […, count]}
     */
    public Tensor rows(Tensor x, long from, long count) {
        return framed(() -> Functional.linear(
                x,
                weight.value().narrow(0, from, count),
                bias == null ? null : bias.value().narrow(0, from, count)));
    }
}
