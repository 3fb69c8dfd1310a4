package dev.vitrail.models;

import static dev.vitrail.VitrailException.require;

import dev.vitrail.engine.Tensor;
import dev.vitrail.nn.Dropout;
import dev.vitrail.nn.Init;
import dev.vitrail.nn.Layer;
import dev.vitrail.nn.LayerNorm;
import dev.vitrail.nn.Linear;
import dev.vitrail.nn.Observation;
import dev.vitrail.nn.Parameter;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.stream.IntStream;

/**
 * T2T-ViT: a vision transformer that is trained from scratch on a dataset of ImageNet's size, because it builds its tokens in
 * steps and because its backbone is deep and narrow; with the other backbones that its authors compared.
 *
 * <p>Yuan et al., <i>Tokens-to-Token ViT</i>, ICCV 2021, <a href="https://arxiv.org/abs/2101.11986">arXiv:2101.11986</a>.
 * {@link TokensToToken} is section 3.1, {@link TokensToTokenBlocks} section 3.2. Weights carry the names of the authors' code
 * (yitu-opensource/T2T-ViT).
 *
 * <p>Shapes: {@code B} images in a batch, {@code C} colour channels, {@code H×W} pixels, {@code N} tokens, {@code D} embedding
 * width, {@code h} heads.
 */
public final class TokensToTokenViT extends FamilyModel<TokensToTokenViT.Config> {
    /** Of every layer normalisation. */
    static final double EPS = 1e-5;

    /** Channels for each one that channel attention squeezes them into. */
    static final int SQUEEZE = 16;

    /** Hidden channels of Ghost's perceptron over its width: one part is computed, two follow. */
    static final int GHOST_RATIO = 3;

    /** How tokens attend to each other while they are built. */
    public enum TokenAttention {
        /** Exactly, at a cost that grows with the square of their number. */
        TRANSFORMER,
        /** By random features, at a cost that grows with their number. */
        PERFORMER
    }

    /** What stands in the place of the backbone (section 3.2). */
    public enum Backbone {
        /** Encoder blocks; deep-narrow, shallow-wide and ResNeXt-like backbones differ in their numbers alone. */
        PLAIN,
        /** Attention is followed by channel attention (SE). */
        SE,
        /** Each block appends channels to its input (DenseNet). */
        DENSE,
        /** Half of the attention's and two thirds of the perceptrons' channels are made cheaply from the others (GhostNet). */
        GHOST
    }

    /**
     * The numbers and options of a T2T-ViT (paper, Table 1; names in parentheses are the authors' code's).
     *
     * @param imageHeight rows of the input, pixels (img_size)
     * @param imageWidth columns of the input, pixels
     * @param channels C, colour channels (in_chans)
     * @param classes rows of the head; 0 for none (num_classes)
     * @param splits soft splits; tokens attend to each other after each but the last
     * @param tokens how they do (tokens_type)
     * @param tokenWidth channels of a token between the splits (token_dim)
     * @param tokenDropout probability inside the performer; 0.1 in the original, where it cannot be changed
     * @param backbone kind of blocks
     * @param width D; in a dense backbone the width at its start (embed_dim)
     * @param depth blocks; in a dense backbone only the rates of stochastic depth follow from it
     * @param heads attention heads; divides the width (num_heads)
     * @param mlpRatio hidden channels of the perceptrons over the width (mlp_ratio)
     * @param qkvBias whether queries, keys and values have biases (qkv_bias)
     * @param qkScale factor of {@code q·kᵀ} in the backbone; empty for {@code 1/√(D/h)} (qk_scale)
     * @param growth channels that a dense block appends; 0 in other backbones (growth_rate)
     * @param stages dense blocks of each stage; empty in other backbones (block_config)
     * @param dropout probability after positions and projections (drop_rate)
     * @param attentionDropout probability of attention weights (attn_drop_rate)
     * @param dropPath rate of stochastic depth, rising linearly to it (drop_path_rate)
     */
    public record Config(
            int imageHeight,
            int imageWidth,
            int channels,
            int classes,
            List<SoftSplit> splits,
            TokenAttention tokens,
            int tokenWidth,
            double tokenDropout,
            Backbone backbone,
            int width,
            int depth,
            int heads,
            double mlpRatio,
            boolean qkvBias,
            OptionalDouble qkScale,
            int growth,
            List<Integer> stages,
            double dropout,
            double attentionDropout,
            double dropPath)
            implements AdjustableConfig<Config, Config.Options> {
        /** The paper's splits: windows of 7, 3 and 3 that overlap by 3, 1 and 1; 16 pixels from token to token. */
        public static final List<SoftSplit> PAPER_SPLITS =
                List.of(new SoftSplit(7, 4, 2), new SoftSplit(3, 2, 1), new SoftSplit(3, 2, 1));

        public Config {
            splits = List.copyOf(splits);
            stages = List.copyOf(stages);
            require(
                    width > 0 && depth > 0 && heads > 0 && channels > 0 && classes >= 0,
                    "width %d, depth %d, heads %d and channels %d must be positive, and classes %d not negative",
                    width,
                    depth,
                    heads,
                    channels,
                    classes);
            require(!splits.isEmpty(), "tokens need at least one soft split, found none");
            require(tokenWidth > 1, "the token width %d must be at least 2", tokenWidth);
            require(
                    SoftSplit.grid(splits, imageHeight) > 0 && SoftSplit.grid(splits, imageWidth) > 0,
                    "images of %d×%d pixels are too small for the soft splits %s: they need at least %4$d×%4$d pixels",
                    imageHeight,
                    imageWidth,
                    splits,
                    SoftSplit.smallest(splits));
            switch (backbone) {
                case PLAIN -> {}
                case SE ->
                    require(
                            width >= SQUEEZE,
                            "channel attention squeezes %d channels into one: width %d is too small, take at least %1$d",
                            SQUEEZE,
                            width);
                case GHOST ->
                    require(
                            width % 2 == 0 && (int) (width * mlpRatio) == GHOST_RATIO * width,
                            "a Ghost backbone needs an even width and an mlpRatio of %d, found width %d and mlpRatio %s",
                            GHOST_RATIO,
                            width,
                            mlpRatio);
                case DENSE ->
                    require(
                            growth > 0 && !stages.isEmpty() && stages.stream().allMatch(blocks -> blocks > 0),
                            "a dense backbone needs a positive growth and blocks in every stage, found growth %d and stages %s",
                            growth,
                            stages);
            }
            require(
                    backbone == Backbone.DENSE || (growth == 0 && stages.isEmpty()),
                    "growth %d and stages %s belong to a dense backbone, found the backbone %s: leave them at 0 and empty",
                    growth,
                    stages,
                    backbone);
            for (int w : blockWidths(backbone, width, growth, stages)) {
                require(
                        w % heads == 0,
                        "a block's width %d is not a multiple of heads %d: take %d heads, or other widths",
                        w,
                        heads,
                        Sizes.nearestDivisor(w, heads));
            }
        }

        /** A T2T-ViT with a performer and plain blocks, 1000 classes, for 224×224 pixels. */
        public static Config of(int width, int depth, int heads, double mlpRatio) {
            // spotless:off
            return new Config(
                    224, 224, 3, 1000, PAPER_SPLITS, TokenAttention.PERFORMER, 64, 0.1, Backbone.PLAIN, width, depth, heads,
                    mlpRatio, false, OptionalDouble.empty(), 0, List.of(), 0, 0, 0);
            // spotless:on
        }

        Grid grid() {
            return new Grid(gridHeight(), gridWidth());
        }

        /** Rows of tokens that reach the backbone. */
        public int gridHeight() {
            return SoftSplit.grid(splits, imageHeight);
        }

        /** Columns of tokens that reach the backbone. */
        public int gridWidth() {
            return SoftSplit.grid(splits, imageWidth);
        }

        /** Channels after the last block: the head's input. */
        public int outputWidth() {
            if (backbone != Backbone.DENSE) {
                return width;
            }
            var widths = blockWidths(backbone, width, growth, stages);
            return widths[widths.length - 1] + growth;
        }

        double scale(int blockWidth) {
            return qkScale.orElse(1 / Math.sqrt(blockWidth / heads));
        }

        /** The width that each block of the backbone works at. */
        private static int[] blockWidths(Backbone backbone, int width, int growth, List<Integer> stages) {
            if (backbone != Backbone.DENSE) {
                return new int[] {width};
            }
            var widths = new int[stages.stream().mapToInt(Integer::intValue).sum()];
            int at = 0;
            for (int blocks : stages) {
                width = at == 0 ? width : width / 2;
                for (int i = 0; i < blocks; i++, width += growth) {
                    widths[at++] = width;
                }
            }
            return widths;
        }

        @Override
        public Options options() {
            return new Options();
        }

        /** The components by their names, to be changed one by one. */
        public final class Options extends ModelOptions<Config> {
            public int tokenWidth = tokenWidth(), width = width(), depth = depth(), heads = heads();
            public int growth = growth();
            public double tokenDropout = tokenDropout(), mlpRatio = mlpRatio(), dropout = dropout();
            public double attentionDropout = attentionDropout();
            public boolean qkvBias = qkvBias();
            public List<SoftSplit> splits = splits();
            public TokenAttention tokens = tokens();
            public Backbone backbone = backbone();
            public OptionalDouble qkScale = qkScale();
            public List<Integer> stages = stages();

            private Options() {
                super(Config.this);
            }

            @Override
            Config config() {
                // spotless:off
                return new Config(
                        imageHeight, imageWidth, channels, classes, splits, tokens, tokenWidth, tokenDropout,
                        backbone, width, depth, heads, mlpRatio, qkvBias, qkScale, growth, stages, dropout,
                        attentionDropout, dropPath);
                // spotless:on
            }
        }
    }

    private final TokensToToken tokens;
    private final Parameter cls;
    private final Parameter positions;
    private final Dropout positionDropout;
    private final List<Layer> blocks;
    private final LayerNorm norm;

    public TokensToTokenViT(Config c) {
        super(c);
        int count = 1 + c.gridHeight() * c.gridWidth();
        cls = parameter("cls_token", Init.truncatedNormal(0.02), 1, 1, c.width);
        positions = fixedParameter(
                "pos_embed", values -> values.copyInPlace(SinCos.sequence(count, c.width)), 1, count, c.width);
        tokens = child("tokens_to_token", new TokensToToken(c));
        positionDropout = child("pos_drop", new Dropout(c.dropout));
        var backbone = TokensToTokenBlocks.of(c);
        blocks = children("blocks", backbone.size(), backbone::get);
        norm = child("norm", new LayerNorm(c.outputWidth(), EPS));
        classifier("head", classes -> new Linear(c.outputWidth(), classes));
    }

    /** Tokens before the first block, {@code [B, 1+N, D]}. */
    private Tensor embedded(Tensor images) {
        var x = tokens.apply(images); //                                                [B, N, D]
        x = Tensor.cat(1, cls.value().expand(x.size(0), -1, -1), x);
        return positionDropout.apply(x.plus(positions.value()));
    }

    /**
     * Tokens after the last block, normalised; the first is the class token.
     *
     * @param images {@code [B, C, H, W]}, normalised
     * @return {@code [B, 1+N, D]}
     */
    @Override
    protected Tensor features(Tensor images, FeatureTap tap) {
        return norm.apply(encoded(images, blocks.size(), tap));
    }

    /** Tokens after the first {@code count} blocks, {@code [B, 1+N, D]}. */
    private Tensor encoded(Tensor images, int count, FeatureTap tap) {
        var x = embedded(images);
        for (int i = 0; i < count; i++) {
            x = blocks.get(i).apply(x);
            // The last normalisation fits blocks of the last width alone: in a dense backbone, the last block.
            boolean normalised = tap.normalised() && x.size(2) == config().outputWidth();
            tap.take(i, x, tokens -> map(normalised ? norm.apply(tokens) : tokens));
        }
        return x;
    }

    private Tensor map(Tensor tokens) {
        return Positions.map(tokens.narrow(1, 1, tokens.size(1) - 1), config().gridHeight(), config().gridWidth());
    }

    @Override
    public List<FeatureInfo> featureInfo() {
        int stride = config().splits.stream().mapToInt(SoftSplit::stride).reduce(1, Math::multiplyExact);
        var widths = TokensToTokenBlocks.widths(config());
        return IntStream.range(0, widths.size())
                .mapToObj(i -> FeatureInfo.square("blocks." + i, widths.get(i), stride))
                .toList();
    }

    /** The class token, {@code [B, 1+N, D] → [B, D]}. */
    @Override
    protected Tensor pooled(Tensor features) {
        return features.select(1, 0);
    }

    @Override
    protected Tensor pooledOf(Tensor images) {
        var last = blocks.get(blocks.size() - 1);
        if (!inference()
                || Observation.active()
                || !(last instanceof TokensToTokenBlocks.Block block)
                || !block.mayStopAtFirst()) {
            return pooled(features(images, FeatureTap.NONE));
        }
        // Only the class token is read, so the last block computes no other.
        var x = encoded(images, blocks.size() - 1, FeatureTap.NONE);
        return pooled(norm.apply(block.applyToFirst(x, 1)));
    }

    @Override
    public int width() {
        return config().outputWidth();
    }

    /** The first layer that sees pixels: no convolution, but a linear layer on windows, channel by channel. */
    @Override
    public String stem() {
        if (config().splits.size() == 1) {
            return "tokens_to_token.project";
        }
        return config().tokens == TokenAttention.PERFORMER
                ? "tokens_to_token.attention1.kqv"
                : "tokens_to_token.attention1.attn.qkv";
    }

    /** Positions for another grid are resampled, bicubic without antialiasing, as the authors do to fine-tune at 384 pixels. */
    @Override
    public Optional<Tensor> resample(String name, Tensor values, long[] wanted, Optional<ModelConfig> source) {
        if (name.equals("pos_embed")) {
            return Positions.fit(
                    values, 1, source.map(c -> ((Config) c).grid()), config().grid(), config().width, false);
        }
        boolean first = name.equals(stem() + ".weight") || name.startsWith("tokens_to_token.attention1.norm1.");
        return first ? Channels.fitWindows(values, config().channels, wanted, false) : Optional.empty();
    }

    @Override
    public boolean withoutWeightDecay(String parameter) {
        return parameter.equals("cls_token");
    }

    @Override
    Depths depths() {
        return Depths.of("blocks", blocks.size())
                .embedding("cls_token", "pos_embed", "tokens_to_token")
                .last("norm");
    }
}
