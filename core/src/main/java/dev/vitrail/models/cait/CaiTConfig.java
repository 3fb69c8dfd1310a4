package dev.vitrail.models.cait;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.models.ConstructorArguments;
import dev.vitrail.models.Head;
import dev.vitrail.models.ImageInput;
import dev.vitrail.models.ModelConfig;
import dev.vitrail.models.layers.Dropouts;
import dev.vitrail.models.layers.Encoder;
import dev.vitrail.models.layers.Grid;
import dev.vitrail.models.layers.Patch;
import dev.vitrail.nn.Pool;
import java.util.List;
import java.util.OptionalDouble;

/**
 * The configuration of a {@link CaiT} (paper, Table 2; names in parentheses are timm's).
 *
 * @param image size of the images
 * @param patch side of a patch, pixels (patch_size)
 * @param encoder the blocks of self-attention
 * @param classDepth blocks of class attention after them (depth_token_only)
 * @param classMlpRatio hidden channels of these blocks' MLPs over the width (mlp_ratio_token_only)
 * @param attentionScale factor of the scores; empty for 1/√d (qk_scale)
 * @param layerScale initial value of the branches' factors (init_values)
 * @param head classifier and pool
 * @param dropouts probabilities in blocks of self-attention; the rate of stochastic depth is the same for all
 */
public record CaiTConfig(
        ImageInput image,
        int patch,
        Encoder encoder,
        int classDepth,
        double classMlpRatio,
        OptionalDouble attentionScale,
        double layerScale,
        Head head,
        Dropouts dropouts)
        implements ModelConfig {
    private static final List<Pool> POOLS = List.of(Pool.TOKEN, Pool.AVG);

    public CaiTConfig {
        Patch.square(patch).requireDivides(image);
        require(classDepth >= 0, "the depth of class attention %d must not be negative", classDepth);
        head.requirePool(POOLS);
    }

    /**
     * A CaiT with two blocks of class attention, all biases, 1000 classes, and the paper's LayerScale for its depth.
     */
    public static CaiTConfig of(int image, int patch, int width, int depth, int heads) {
        return new CaiTConfig(
                ImageInput.square(image),
                patch,
                Encoder.of(width, depth, heads),
                2,
                4,
                OptionalDouble.empty(),
                layerScale(depth),
                Head.of(Pool.TOKEN),
                Dropouts.NONE);
    }

    /** The initial value of LayerScale for a depth (section 2). */
    static double layerScale(int depth) {
        return depth <= 18 ? 0.1 : depth <= 24 ? 1e-5 : 1e-6;
    }

    /** The patches of an image. */
    Grid grid() {
        return Patch.square(patch).grid(image);
    }

    double scale() {
        return attentionScale.orElse(encoder.scale());
    }

    @Override
    public CaiT create() {
        return new CaiT(this);
    }

    @Override
    public List<Pool> pools() {
        return POOLS;
    }

    @Override
    public CaiTConfig withArguments(ConstructorArguments a) {
        return new CaiTConfig(
                a.image(image),
                a.side("patch_size", patch),
                encoder.with(a),
                a.integer("depth_token_only", classDepth),
                a.number("mlp_ratio_token_only", classMlpRatio),
                attentionScale,
                a.number("init_values", layerScale),
                head.with(a, POOLS),
                dropouts.with(a));
    }

    @Override
    public CaiTConfig withImage(ImageInput other) {
        return new CaiTConfig(
                other, patch, encoder, classDepth, classMlpRatio, attentionScale, layerScale, head, dropouts);
    }

    @Override
    public CaiTConfig withHead(Head other) {
        return new CaiTConfig(
                image, patch, encoder, classDepth, classMlpRatio, attentionScale, layerScale, other, dropouts);
    }

    @Override
    public CaiTConfig withDropPath(double rate) {
        var rates = dropouts.withPath(rate);
        return new CaiTConfig(
                image, patch, encoder, classDepth, classMlpRatio, attentionScale, layerScale, head, rates);
    }
}
