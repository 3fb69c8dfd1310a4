package dev.vitrail.models.toy;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.engine.Tensor;
import dev.vitrail.models.FeatureInfo;
import dev.vitrail.models.Head;
import dev.vitrail.models.ImageInput;
import dev.vitrail.models.LayerGroups;
import dev.vitrail.models.Model;
import dev.vitrail.models.ModelConfig;
import dev.vitrail.models.ModelFamily;
import dev.vitrail.models.layers.Patch;
import dev.vitrail.models.layers.PatchConvolution;
import dev.vitrail.models.layers.Positions;
import dev.vitrail.nn.Activation;
import dev.vitrail.nn.Conv2d;
import dev.vitrail.nn.HookPoint;
import dev.vitrail.nn.Layer;
import dev.vitrail.nn.LayerNorm;
import dev.vitrail.nn.Linear;
import dev.vitrail.nn.Mlp;
import dev.vitrail.nn.Pool;
import java.util.List;

/** A whole family: the least that one has to say. Patches go through MLPs, and their mean to a classifier. */
final class Toy extends Model {
    /**
     * The configuration of a toy.
     *
     * @param image size of the images
     * @param patch side of a patch, pixels
     * @param width channels of a token
     * @param depth MLPs
     * @param head classifier, of the mean over patches
     */
    record Config(ImageInput image, int patch, int width, int depth, Head head) implements ModelConfig {
        Config {
            Patch.square(patch).requireDivides(image);
            head.requirePool(List.of(Pool.AVG));
        }

        @Override
        public Toy create() {
            return new Toy(this);
        }

        @Override
        public List<Pool> pools() {
            return List.of(Pool.AVG);
        }

        @Override
        public Config withImage(ImageInput other) {
            return new Config(other, patch, width, depth, head);
        }

        @Override
        public Config withHead(Head other) {
            return new Config(image, patch, width, depth, other);
        }

        @Override
        public Config withDropPath(double rate) {
            require(rate == 0, "a toy has no stochastic depth, found a drop path of %s: leave it at 0", rate);
            return this;
        }
    }

    static final ModelFamily FAMILY = ModelFamily.of("Toy")
            .variant("toy_patch8_32", new Config(ImageInput.square(32), 8, 24, 2, new Head(10, Pool.AVG, 0)));

    private final PatchConvolution patches;
    private final List<Block> blocks;
    private final LayerNorm norm;

    Toy(Config c) {
        super(c);
        patches = child(
                "patch_embed",
                new PatchConvolution(
                        c.image, new Conv2d(Conv2d.Shape.square(c.channels(), c.width, c.patch, c.patch, 0))));
        blocks = children("blocks", c.depth, i -> new Block(c));
        norm = child("norm", new LayerNorm(c.width, 1e-6));
        classifier("head", classes -> new Linear(c.width, classes));
    }

    @Override
    public Config config() {
        return (Config) super.config();
    }

    /** {@code [B, C, H, W] → [B, N, D]}. */
    @Override
    protected Tensor features(Tensor images) {
        var x = patches.apply(images);
        for (var block : blocks) {
            x = block.apply(x);
        }
        return norm.apply(x);
    }

    @Override
    protected Tensor pooled(Tensor features) {
        return features.mean(false, 1);
    }

    @Override
    public List<FeatureInfo> featureInfo() {
        return FeatureInfo.each("blocks", config().depth, config().width, config().patch);
    }

    @Override
    protected Tensor normalised(FeatureInfo info, Tensor output) {
        return norm.apply(output);
    }

    @Override
    protected Tensor map(FeatureInfo info, Tensor output, Tensor images) {
        return Positions.map(output, Patch.square(config().patch).grid(config().image));
    }

    @Override
    public int width() {
        return config().width;
    }

    @Override
    public String firstConv() {
        return "patch_embed.proj";
    }

    @Override
    protected LayerGroups layerGroups() {
        return LayerGroups.of("blocks", config().depth).embedding("patch_embed").last("norm");
    }

    /** A MLP beside a shortcut, {@code [B, N, D] → [B, N, D]}. */
    private static final class Block extends Layer {
        private final Mlp mlp;

        Block(Config c) {
            hookPoint(HookPoint.BLOCK, "");
            mlp = child("mlp", new Mlp(c.width, 2L * c.width, Activation.GELU, 0));
        }

        @Override
        protected Tensor forward(Tensor x) {
            return x.plus(mlp.apply(x));
        }
    }
}
