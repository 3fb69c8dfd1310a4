package dev.vitrail.models.layers;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.models.ConstructorArguments;
import dev.vitrail.nn.Activation;

/**
 * The transformer encoder that vision transformers share (ViT paper, Table 1; names in parentheses are timm's).
 *
 * @param width D, channels of every token (embed_dim)
 * @param depth blocks (depth)
 * @param heads h, attention heads; divides the width (num_heads)
 * @param mlpRatio hidden channels of the MLPs over the width (mlp_ratio)
 * @param qkvBias whether queries, keys and values have biases (qkv_bias)
 * @param activation the MLPs' non-linearity (act_layer)
 * @param normEps epsilon of the layer normalizations
 */
public record Encoder(
        int width, int depth, int heads, double mlpRatio, boolean qkvBias, Activation activation, double normEps) {
    public Encoder {
        require(
                width > 0 && depth > 0 && heads > 0,
                "width %d, depth %d and heads %d must be positive",
                width,
                depth,
                heads);
        require(
                width % heads == 0,
                "width %d is not a multiple of heads %d: take width %d or %d heads",
                width,
                heads,
                Sizes.nearestMultiple(width, heads),
                Sizes.nearestDivisor(width, heads));
        require((int) (width * mlpRatio) > 0, "mlpRatio %s leaves no hidden channels of width %d", mlpRatio, width);
    }

    /** An encoder as timm's constructor makes it: MLP ratio 4, all biases, exact GELU, epsilon 10⁻⁶. */
    public static Encoder of(int width, int depth, int heads) {
        return new Encoder(width, depth, heads, 4, true, Activation.GELU, 1e-6);
    }

    /** Hidden channels of the MLPs. */
    public int hidden() {
        return (int) (width * mlpRatio);
    }

    /** The scores' factor, 1/√d for heads of d channels. */
    public double scale() {
        return 1 / Math.sqrt((double) width / heads);
    }

    public Encoder withMlpRatio(double ratio) {
        return new Encoder(width, depth, heads, ratio, qkvBias, activation, normEps);
    }

    public Encoder withQkvBias(boolean biased) {
        return new Encoder(width, depth, heads, mlpRatio, biased, activation, normEps);
    }

    public Encoder withActivation(Activation other) {
        return new Encoder(width, depth, heads, mlpRatio, qkvBias, other, normEps);
    }

    public Encoder withNormEps(double epsilon) {
        return new Encoder(width, depth, heads, mlpRatio, qkvBias, activation, epsilon);
    }

    /** This encoder as timm's constructor is told. */
    public Encoder with(ConstructorArguments a) {
        return new Encoder(
                a.integer("embed_dim", width),
                a.integer("depth", depth),
                a.integer("num_heads", heads),
                a.number("mlp_ratio", mlpRatio),
                a.flag("qkv_bias", qkvBias),
                a.activation("act_layer", activation),
                normEps);
    }
}
