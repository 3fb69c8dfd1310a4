package dev.vitrail.models.t2t;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.models.AdjustableConfig;
import dev.vitrail.models.ModelOptions;
import dev.vitrail.models.layers.Grid;
import dev.vitrail.models.layers.Sizes;
import dev.vitrail.models.layers.SoftSplit;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalDouble;

/**
 * The numbers and options of a {@link T2TViT} (paper, Table 1; names in parentheses are the authors' code's).
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
 * @param mlpRatio hidden channels of the MLPs over the width (mlp_ratio)
 * @param qkvBias whether queries, keys and values have biases (qkv_bias)
 * @param qkScale factor of {@code q·kᵀ} in the backbone; empty for {@code 1/√(D/h)} (qk_scale)
 * @param growth channels that a dense block appends; 0 in other backbones (growth_rate)
 * @param stages dense blocks of each stage; empty in other backbones (block_config)
 * @param dropout probability after positions and projections (drop_rate)
 * @param attentionDropout probability of attention weights (attn_drop_rate)
 * @param dropPath rate of stochastic depth, rising linearly to it (drop_path_rate)
 */
public record T2TViTConfig(
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
        implements AdjustableConfig<T2TViTConfig, T2TViTConfig.Options> {
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
        /** Half of the attention's and two thirds of the MLPs' channels are made cheaply from the others (GhostNet). */
        GHOST
    }

    /** The paper's splits: windows of 7, 3 and 3 that overlap by 3, 1 and 1; 16 pixels from token to token. */
    public static final List<SoftSplit> PAPER_SPLITS =
            List.of(new SoftSplit(7, 4, 2), new SoftSplit(3, 2, 1), new SoftSplit(3, 2, 1));

    public T2TViTConfig {
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
                        width >= T2TViT.SQUEEZE,
                        "channel attention squeezes %d channels into one: width %d is too small, take at least %1$d",
                        T2TViT.SQUEEZE,
                        width);
            case GHOST ->
                require(
                        width % 2 == 0 && (int) (width * mlpRatio) == T2TViT.GHOST_RATIO * width,
                        "a Ghost backbone needs an even width and an mlpRatio of %d, found width %d and mlpRatio %s",
                        T2TViT.GHOST_RATIO,
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
        int[] widths = blockWidths(backbone, width, growth, stages);
        int common = Arrays.stream(widths).reduce(0, Sizes::commonDivisor);
        for (int w : widths) {
            require(
                    w % heads == 0,
                    "a block's width %d is not a multiple of heads %d: take %d heads, or other widths",
                    w,
                    heads,
                    Sizes.nearestDivisor(common, heads));
        }
    }

    /** A T2T-ViT with a performer and plain blocks, 1000 classes, for 224×224 pixels. */
    public static T2TViTConfig of(int width, int depth, int heads, double mlpRatio) {
        // spotless:off
        return new T2TViTConfig(
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
    public T2TViT create() {
        return new T2TViT(this);
    }

    @Override
    public String poolName() {
        return "token";
    }

    @Override
    public Options options() {
        return new Options();
    }

    /** The components by their names, to be changed one by one. */
    public final class Options extends ModelOptions<T2TViTConfig> {
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
            super(T2TViTConfig.this);
        }

        @Override
        public T2TViTConfig config() {
            // spotless:off
            return new T2TViTConfig(
                    imageHeight, imageWidth, channels, classes, splits, tokens, tokenWidth, tokenDropout,
                    backbone, width, depth, heads, mlpRatio, qkvBias, qkScale, growth, stages, dropout,
                    attentionDropout, dropPath);
            // spotless:on
        }
    }
}
