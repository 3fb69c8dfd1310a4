package dev.vitrail.models.mixer;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.engine.Tensor;
import dev.vitrail.models.AdjustableConfig;
import dev.vitrail.models.ConstructorArguments;
import dev.vitrail.models.FamilyModel;
import dev.vitrail.models.FeatureInfo;
import dev.vitrail.models.FeatureTap;
import dev.vitrail.models.LayerGroups;
import dev.vitrail.models.ModelOptions;
import dev.vitrail.models.layers.PatchConvolution;
import dev.vitrail.models.layers.Positions;
import dev.vitrail.models.layers.Sizes;
import dev.vitrail.nn.Activation;
import dev.vitrail.nn.Conv2d;
import dev.vitrail.nn.DropPath;
import dev.vitrail.nn.Dropout;
import dev.vitrail.nn.HookPoint;
import dev.vitrail.nn.Init;
import dev.vitrail.nn.Layer;
import dev.vitrail.nn.LayerNorm;
import dev.vitrail.nn.Linear;
import dev.vitrail.nn.Mlp;
import dev.vitrail.nn.Residual;
import java.util.List;

/**
 * MLP-Mixer: patches without attention. One MLP mixes the patches of each channel, another the channels of each patch.
 *
 * <p>Tolstikhin et al., <i>MLP-Mixer: An all-MLP Architecture for Vision</i>, NeurIPS 2021, <a
 * href="https://arxiv.org/abs/2105.01601">arXiv:2105.01601</a>; equation numbers are the paper's. Weights carry the names of
 * timm's {@code MlpMixer}.
 *
 * <p>Shapes: {@code B} images in a batch, {@code C} colour channels, {@code H×W} pixels, {@code P} pixels along a patch,
 * {@code N = HW/P²} patches, {@code D} channels.
 */
public final class MlpMixer extends FamilyModel<MlpMixer.Config> {
    private static final double EPS = 1e-6;

    /**
     * The numbers of a mixer (paper, Table 1; names in parentheses are timm's).
     *
     * @param imageHeight rows of the input, pixels (img_size)
     * @param imageWidth columns of the input, pixels
     * @param patch side of a patch, pixels (patch_size)
     * @param channels C, colour channels (in_chans)
     * @param classes rows of the head; 0 for none (num_classes)
     * @param width D (embed_dim)
     * @param depth blocks (num_blocks)
     * @param tokenRatio hidden width of the MLPs over patches, over D (mlp_ratio)
     * @param channelRatio hidden width of the MLPs over channels, over D
     * @param headDropout probability before the head (drop_rate)
     * @param dropout probability inside the MLPs (proj_drop_rate)
     * @param dropPath rate of stochastic depth, the same for all blocks (drop_path_rate)
     */
    public record Config(
            int imageHeight,
            int imageWidth,
            int patch,
            int channels,
            int classes,
            int width,
            int depth,
            double tokenRatio,
            double channelRatio,
            double headDropout,
            double dropout,
            double dropPath)
            implements AdjustableConfig<Config, Config.Options> {
        public Config {
            Sizes.requireMultiple("image height", imageHeight, "patch", patch);
            Sizes.requireMultiple("image width", imageWidth, "patch", patch);
            require(
                    width > 0 && depth > 0 && channels > 0 && classes >= 0,
                    "width %d, depth %d and channels %d must be positive, and classes %d not negative",
                    width,
                    depth,
                    channels,
                    classes);
            require(
                    tokenRatio * width >= 1 && channelRatio * width >= 1,
                    "the ratios %s and %s of width %d leave the MLPs no hidden channel: take larger ones",
                    tokenRatio,
                    channelRatio,
                    width);
        }

        /** A mixer with the paper's ratios, 1000 classes. */
        public static Config of(int image, int patch, int width, int depth) {
            return new Config(image, image, patch, 3, 1000, width, depth, 0.5, 4, 0, 0, 0);
        }

        int patches() {
            return imageHeight / patch * (imageWidth / patch);
        }

        @Override
        public MlpMixer create() {
            return new MlpMixer(this);
        }

        @Override
        public String poolName() {
            return "avg";
        }

        @Override
        public Config withArguments(ConstructorArguments a) {
            return with(o -> {
                a.image((height, width) -> {
                    o.imageHeight = height;
                    o.imageWidth = width;
                });
                a.side("patch_size", value -> o.patch = value);
                a.integer("num_blocks", value -> o.depth = value);
                a.integer("embed_dim", value -> o.width = value);
                a.numbers("mlp_ratio", ratios -> {
                    require(
                            ratios.size() == 2,
                            "mlp_ratio in model_args of config.json is %s; expected one for patches and one for channels",
                            ratios);
                    o.tokenRatio = ratios.get(0);
                    o.channelRatio = ratios.get(1);
                });
                a.number("drop_rate", value -> o.headDropout = value);
                a.number("proj_drop_rate", value -> o.dropout = value);
                a.number("drop_path_rate", value -> o.dropPath = value);
            });
        }

        @Override
        public Options options() {
            return new Options();
        }

        /** The components by their names, to be changed one by one. */
        public final class Options extends ModelOptions<Config> {
            public int patch = patch(), width = width(), depth = depth();
            public double tokenRatio = tokenRatio(), channelRatio = channelRatio(), headDropout = headDropout();
            public double dropout = dropout();

            private Options() {
                super(Config.this);
            }

            @Override
            public Config config() {
                // spotless:off
                return new Config(
                        imageHeight, imageWidth, patch, channels, classes, width, depth, tokenRatio, channelRatio,
                        headDropout, dropout, dropPath);
                // spotless:on
            }
        }
    }

    private final PatchConvolution stem;
    private final List<Block> blocks;
    private final LayerNorm norm;
    private final Dropout headDropout;

    public MlpMixer(Config c) {
        super(c);
        var patch = Conv2d.Shape.square(c.channels, c.width, c.patch, c.patch, 0);
        stem = child(
                "stem",
                new PatchConvolution(
                        c, new Conv2d(patch, Init.truncatedNormalOfVariance(1.0 / patch.fanIn()), Init.zeros())));
        blocks = children("blocks", c.depth, i -> new Block(c));
        norm = child("norm", new LayerNorm(c.width, EPS));
        headDropout = child("head_drop", new Dropout(c.headDropout));
        classifier("head", classes -> new Linear(c.width, classes, true, Init.zeros(), Init.zeros()));
    }

    /** Patches after the last block, normalised, {@code [B, N, D]}. */
    @Override
    protected Tensor features(Tensor images, FeatureTap tap) {
        var x = stem.apply(images);
        for (int i = 0; i < blocks.size(); i++) {
            x = blocks.get(i).apply(x);
            tap.take(
                    i,
                    x,
                    tokens -> Positions.map(
                            tap.normalised() ? norm.apply(tokens) : tokens,
                            config().imageHeight / config().patch,
                            config().imageWidth / config().patch));
        }
        return norm.apply(x);
    }

    @Override
    public List<FeatureInfo> featureInfo() {
        return FeatureInfo.each("blocks", config().depth, config().width, config().patch);
    }

    /** The mean over patches, {@code [B, N, D] → [B, D]}. */
    @Override
    protected Tensor pooled(Tensor features) {
        return headDropout.apply(features.mean(false, 1));
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
    protected LayerGroups depths() {
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
            patches = child("mlp_tokens", MLP(c.patches(), (int) (c.tokenRatio * c.width), c.dropout));
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
            return Residual.sum(x, dropPath.apply(channels.apply(norm2.apply(x))));
        }
    }
}
