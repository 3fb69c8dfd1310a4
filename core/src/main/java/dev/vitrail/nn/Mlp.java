package dev.vitrail.nn;

import dev.vitrail.engine.Tensor;

/** A block's two-layer MLP, {@code [B, N, D] → [B, N, D]}. */
public final class Mlp extends Layer {
    private final Linear up;
    private final Activation activation;
    private final Dropout dropout;
    private final Linear down;

    /**
     * @param dropout probability, after each of the two layers
     */
    public Mlp(long width, long hidden, Activation activation, double dropout) {
        this(width, hidden, activation, dropout, Init.truncatedNormal(0.02), Init.zeros());
    }

    public Mlp(long width, long hidden, Activation activation, double dropout, Init weights, Init biases) {
        up = child("fc1", new Linear(width, hidden, true, weights, biases));
        this.activation = activation;
        this.dropout = child("drop", new Dropout(dropout));
        down = child("fc2", new Linear(hidden, width, true, weights, biases));
    }

    @Override
    protected Tensor forward(Tensor x) {
        return dropout.apply(down.apply(dropout.apply(activation.applyInPlace(up.apply(x)))));
    }
}
