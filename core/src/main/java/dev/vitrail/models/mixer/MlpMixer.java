package dev.vitrail.models.mixer;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.engine.Tensor;
import dev.vitrail.models.ConstructorArguments;
import dev.vitrail.models.FeatureInfo;
import dev.vitrail.models.Head;
import dev.vitrail.models.ImageInput;
import dev.vitrail.models.LayerGroups;
import dev.vitrail.models.Model;
import dev.vitrail.models.ModelConfig;
import dev.vitrail.models.layers.Dropouts;
import dev.vitrail.models.layers.Grid;
import dev.vitrail.models.layers.Patch;
import dev.vitrail.models.layers.PatchConvolution;
import dev.vitrail.models.layers.Positions;
import dev.vitrail.nn.Activation;
import dev.vitrail.nn.Conv2d;
import dev.vitrail.nn.DropPath;
import dev.vitrail.nn.HookPoint;
import dev.vitrail.nn.Init;
import dev.vitrail.nn.Layer;
import dev.vitrail.nn.LayerNorm;
import dev.vitrail.nn.Linear;
import dev.vitrail.nn.Mlp;
import dev.vitrail.nn.Pool;
import dev.vitrail.nn.Residual;
import java.util.List;

/**
 * MLP-Mixer: patches without attention. One MLP mixes the patches of each channel, another the channels of each patch.
 *
 * <p>Tolstikhin et al., <i>MLP-Mixer: An all-MLP Architecture for Vision</i>, NeurIPS 2021,
 * <a href="https://arxiv.org/abs/2105.01601">arXiv:2105.01601</a>; equation numbers are the paper's. Weights carry the
 * names of timm's {@code MlpMixer}.
 *
 * <p>Shapes: {@code B} images in a batch, {@code C} colour channels, {@code H×W} pixels, {@code P} pixels along a
 * patch, {@code N = HW/P²} patches, {@code D} channels.
 */
public final class MlpMixer extends Model {
    private static final double EPS = 1e-6;

    /**
     * The configuration of a mixer (paper, Table 1; names in parentheses are timm's).
     *
     * @param image size of the images
     * @param patch side of a patch, pixels (patch_size)
     * @param width D (embed_dim)
     * @param depth blocks (num_blocks)
     * @param tokenRatio hidden width of the MLPs over patches, over D (mlp_ratio)
     * @param channelRatio hidden width of the MLPs over channels, over D
     * @param head classifier, of the mean over patches
     * @param dropout probability inside the MLPs (proj_drop_rate)
     * @param dropPath rate of stochastic depth, the same for all blocks (drop_path_rate)
     */
    public record Config(
            ImageInput image,
            int patch,
            int width,
            int depth,
            double tokenRatio,
            double channelRatio,
            Head head,
            double dropout,
            double dropPath)
            implements ModelConfig {
        private static final List<Pool> POOLS = List.of(Pool.AVG);

        public Config {
            Patch.square(patch).requireDivides(image);
            require(width > 0 && depth > 0, "width %d and depth %d must be positive", width, depth);
            require(
                    tokenRatio * width >= 1 && channelRatio * width >= 1,
                    "the ratios %s and %s of width %d leave the MLPs no hidden channel: take larger ones",
                    tokenRatio,
                    channelRatio,
                    width);
            head.requirePool(POOLS);
            Dropouts.requireProbability("dropout", dropout);
            Dropouts.requireProbability("drop path", dropPath);
        }

        /** A mixer with the paper's ratios, 1000 classes. */
        public static Config of(int image, int patch, int width, int depth) {
            return new Config(ImageInput.square(image), patch, width, depth, 0.5, 4, Head.of(Pool.AVG), 0, 0);
        }

        Grid grid() {
            return Patch.square(patch).grid(image);
        }

        @Override
        public MlpMixer create() {
            return new MlpMixer(this);
        }

        @Override
        public List<Pool> pools() {
            return POOLS;
        }

        @Override
        public Config withArguments(ConstructorArguments a) {
            var given = a.numbers("mlp_ratio");
            require(
                    given.isEmpty() || given.size() == 2,
                    "mlp_ratio in model_args of config.json is %s; expected one for patches and one for channels",
                    given);
            return new Config(
                    a.image(image),
                    a.side("patch_size", patch),
                    a.integer("embed_dim", width),
                    a.integer("num_blocks", depth),
                    given.isEmpty() ? tokenRatio : given.get(0),
                    given.isEmpty() ? channelRatio : given.get(1),
                    head.with(a, POOLS),
                    a.number("proj_drop_rate", dropout),
                    a.number("drop_path_rate", dropPath));
        }

        @Override
        public Config withImage(ImageInput other) {
            return new Config(other, patch, width, depth, tokenRatio, channelRatio, head, dropout, dropPath);
        }

        @Override
        public Config withHead(Head other) {
            return new Config(image, patch, width, depth, tokenRatio, channelRatio, other, dropout, dropPath);
        }

        @Override
        public Config withDropPath(double rate) {
            return new Config(image, patch, width, depth, tokenRatio, channelRatio, head, dropout, rate);
        }
    }

    private final PatchConvolution stem;
    private final List<Block> blocks;
    private final LayerNorm norm;

    public MlpMixer(Config c) {
        super(c);
        var patch = Conv2d.Shape.square(c.channels(), c.width, c.patch, c.patch, 0);
        stem = child(
                "stem",
                new PatchConvolution(
                        c.image(),
                        new Conv2d(patch, Init.truncatedNormalOfVariance(1.0 / patch.fanIn()), Init.zeros())));
        blocks = children("blocks", c.depth, i -> new Block(c));
        norm = child("norm", new LayerNorm(c.width, EPS));
        classifier("head", classes -> new Linear(c.width, classes, true, Init.zeros(), Init.zeros()));
    }

    @Override
    public Config config() {
        return (Config) super.config();
    }

    /** Patches after the last block, normalised, {@code [B, N, D]}. */
    @Override
    protected Tensor features(Tensor images) {
        var x = stem.apply(images);
        for (var block : blocks) {
            x = block.apply(x);
        }
        return norm.apply(x);
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
        return Positions.map(output, config().grid());
    }

    /** The mean over patches, {@code [B, N, D] → [B, D]}. */
    @Override
    protected Tensor pooled(Tensor features) {
        return features.mean(false, 1);
    }

    @Override
    public int width() {
        return config().width;
    }

    @Override
    public String firstConv() {
        return "stem.proj";
    }

    @Override
    protected LayerGroups layerGroups() {
        return LayerGroups.of("blocks", config().depth).embedding("stem").last("norm");
    }

    /** Mixes patches, then channels (eq. 1), {@code [B, N, D] → [B, N, D]}. */
    private static final class Block extends Layer {
        private final LayerNorm norm1;
        private final Mlp patches;
        private final DropPath dropPath;
        private final LayerNorm norm2;
        private final Mlp channels;

        Block(Config c) {
            hookPoint(HookPoint.BLOCK, "");
            norm1 = child("norm1", new LayerNorm(c.width, EPS));
            patches = child("mlp_tokens", MLP((int) c.grid().patches(), (int) (c.tokenRatio * c.width), c.dropout));
            dropPath = child("drop_path", new DropPath(c.dropPath));
            norm2 = child("norm2", new LayerNorm(c.width, EPS));
            channels = child("mlp_channels", MLP(c.width, (int) (c.channelRatio * c.width), c.dropout));
        }

        private static Mlp MLP(int width, int hidden, double dropout) {
            return new Mlp(
                    width, hidden, Activation.GELU, dropout, Init.xavierUniform(width, hidden), Init.normal(1e-6));
        }

        @Override
        protected Tensor forward(Tensor x) {
            var mixed = patches.apply(norm1.apply(x).transpose(1, 2)).transpose(1, 2);
            // Not written over the branch, which lies transposed: the sum takes the layout of x.
            x = x.plus(dropPath.apply(mixed));
            return Residual.addInPlace(x, dropPath.apply(channels.apply(norm2.apply(x))));
        }
    }
}
