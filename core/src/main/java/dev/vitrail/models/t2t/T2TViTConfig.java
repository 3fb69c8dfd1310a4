package dev.vitrail.models.t2t;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.models.Head;
import dev.vitrail.models.ImageInput;
import dev.vitrail.models.ModelConfig;
import dev.vitrail.models.layers.Dropouts;
import dev.vitrail.models.layers.Grid;
import dev.vitrail.models.layers.Sizes;
import dev.vitrail.models.layers.SoftSplit;
import dev.vitrail.nn.Pool;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalDouble;
import java.util.function.UnaryOperator;

/**
 * The configuration of a {@link T2TViT} (paper, Table 1; names in parentheses are those of the authors' code).
 *
 * @param image size of the images
 * @param tokens how tokens are made of them
 * @param backbone the blocks after that
 * @param head classifier, of the class token
 * @param dropout probability after positions and projections (drop_rate)
 * @param attentionDropout probability of attention weights (attn_drop_rate)
 * @param dropPath rate of stochastic depth, rising linearly to it (drop_path_rate)
 */
public record T2TViTConfig(
        ImageInput image,
        Tokens tokens,
        Backbone backbone,
        Head head,
        double dropout,
        double attentionDropout,
        double dropPath)
        implements ModelConfig {
    private static final List<Pool> POOLS = List.of(Pool.TOKEN);

    /** Attention between tokens while they are built. */
    public enum TokenAttention {
        /** Exact attention, at a cost that grows with the square of their number. */
        TRANSFORMER,
        /** Attention by random features, at a cost that grows with their number. */
        PERFORMER
    }

    /** Backbone type (section 3.2). */
    public enum BackboneType {
        /** Encoder blocks; deep-narrow, shallow-wide and ResNeXt-like backbones differ in their numbers alone. */
        PLAIN,
        /** Attention is followed by channel attention (SE). */
        SE,
        /** Each block appends channels to its input (DenseNet). */
        DENSE,
        /** Half of the attention's and two thirds of the MLPs' channels are made cheaply from the others (GhostNet). */
        GHOST
    }

    /**
     * The Tokens-to-Token module (section 3.1).
     *
     * @param splits soft splits; tokens attend to each other after each but the last
     * @param attention how they do (tokens_type)
     * @param width channels of a token between the splits (token_dim)
     * @param dropout probability inside the performer; 0.1 in the original, where it cannot be changed
     */
    public record Tokens(List<SoftSplit> splits, TokenAttention attention, int width, double dropout) {
        /**
         * The paper's: windows of 7, 3 and 3 that overlap by 3, 1 and 1, so 16 pixels from token to token; a performer.
         */
        public static final Tokens PAPER = new Tokens(
                List.of(new SoftSplit(7, 4, 2), new SoftSplit(3, 2, 1), new SoftSplit(3, 2, 1)),
                TokenAttention.PERFORMER,
                64,
                0.1);

        public Tokens {
            splits = List.copyOf(splits);
            require(!splits.isEmpty(), "tokens need at least one soft split, found none");
            require(width > 1, "the token width %d must be at least 2", width);
        }

        public Tokens withAttention(TokenAttention other) {
            return new Tokens(splits, other, width, dropout);
        }
    }

    /**
     * The blocks after the tokens.
     *
     * @param type what a block is made of
     * @param width D; in a dense backbone the width at its start (embed_dim)
     * @param depth blocks; in a dense backbone only the rates of stochastic depth follow from it
     * @param heads attention heads; divides the width (num_heads)
     * @param mlpRatio hidden channels of the MLPs over the width (mlp_ratio)
     * @param qkvBias whether queries, keys and values have biases (qkv_bias)
     * @param qkScale factor of {@code q·kᵀ}; empty for {@code 1/√(D/h)} (qk_scale)
     * @param growth channels that a dense block appends; 0 in other backbones (growth_rate)
     * @param stages dense blocks of each stage; empty in other backbones (block_config)
     */
    public record Backbone(
            BackboneType type,
            int width,
            int depth,
            int heads,
            double mlpRatio,
            boolean qkvBias,
            OptionalDouble qkScale,
            int growth,
            List<Integer> stages) {
        public Backbone {
            stages = List.copyOf(stages);
            require(
                    width > 0 && depth > 0 && heads > 0,
                    "width %d, depth %d and heads %d must be positive",
                    width,
                    depth,
                    heads);
            switch (type) {
                case PLAIN -> {}
                case SE ->
                    require(
                            width >= T2TViT.SQUEEZE,
                            "channel attention squeezes %d channels into one: width %d is too small, take at least"
                                    + " %1$d",
                            T2TViT.SQUEEZE,
                            width);
                case GHOST ->
                    require(
                            width % 2 == 0 && (int) (width * mlpRatio) == T2TViT.GHOST_RATIO * width,
                            "a Ghost backbone needs an even width and an mlpRatio of %d, found width %d and mlpRatio"
                                    + " %s",
                            T2TViT.GHOST_RATIO,
                            width,
                            mlpRatio);
                case DENSE ->
                    require(
                            growth > 0 && !stages.isEmpty() && stages.stream().allMatch(blocks -> blocks > 0),
                            "a dense backbone needs a positive growth and blocks in every stage, found growth %d and"
                                    + " stages %s",
                            growth,
                            stages);
            }
            require(
                    type == BackboneType.DENSE || (growth == 0 && stages.isEmpty()),
                    "growth %d and stages %s belong to a dense backbone, found the backbone %s: leave them at 0 and"
                            + " empty",
                    growth,
                    stages,
                    type);
            int[] widths = blockWidths(type, width, growth, stages);
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

        /** Blocks without biases of queries, keys and values. */
        public static Backbone plain(int width, int depth, int heads, double mlpRatio) {
            return new Backbone(
                    BackboneType.PLAIN, width, depth, heads, mlpRatio, false, OptionalDouble.empty(), 0, List.of());
        }

        /** This backbone with stages of dense blocks. */
        public Backbone dense(int growthRate, List<Integer> blocks) {
            return new Backbone(
                    BackboneType.DENSE, width, depth, heads, mlpRatio, qkvBias, qkScale, growthRate, blocks);
        }

        public Backbone withType(BackboneType other) {
            return new Backbone(other, width, depth, heads, mlpRatio, qkvBias, qkScale, growth, stages);
        }

        /** Channels after the last block: the head's input. */
        public int outputWidth() {
            if (type != BackboneType.DENSE) {
                return width;
            }
            var widths = blockWidths(type, width, growth, stages);
            return widths[widths.length - 1] + growth;
        }

        double scale(int blockWidth) {
            return qkScale.orElse(1 / Math.sqrt(blockWidth / heads));
        }

        /** The width that each block of the backbone works at. */
        private static int[] blockWidths(BackboneType type, int width, int growth, List<Integer> stages) {
            if (type != BackboneType.DENSE) {
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
    }

    public T2TViTConfig {
        require(
                SoftSplit.grid(tokens.splits, image.height()) > 0 && SoftSplit.grid(tokens.splits, image.width()) > 0,
                "images of %d×%d pixels are too small for the soft splits %s: they need at least %4$d×%4$d pixels",
                image.height(),
                image.width(),
                tokens.splits,
                SoftSplit.smallest(tokens.splits));
        head.requirePool(POOLS);
        Dropouts.requireProbability("dropout", dropout);
        Dropouts.requireProbability("attention dropout", attentionDropout);
        Dropouts.requireProbability("drop path", dropPath);
    }

    /** A T2T-ViT with a performer and plain blocks, 1000 classes, for 224×224 pixels. */
    public static T2TViTConfig of(int width, int depth, int heads, double mlpRatio) {
        return of(Backbone.plain(width, depth, heads, mlpRatio));
    }

    /** A T2T-ViT with a performer and another backbone, 1000 classes, for 224×224 pixels. */
    public static T2TViTConfig of(Backbone backbone) {
        return new T2TViTConfig(ImageInput.square(224), Tokens.PAPER, backbone, Head.of(Pool.TOKEN), 0, 0, 0);
    }

    /** Tokens that reach the backbone. */
    public Grid grid() {
        return new Grid(SoftSplit.grid(tokens.splits, image.height()), SoftSplit.grid(tokens.splits, image.width()));
    }

    @Override
    public T2TViT create() {
        return new T2TViT(this);
    }

    @Override
    public List<Pool> pools() {
        return POOLS;
    }

    @Override
    public T2TViTConfig withImage(ImageInput other) {
        return new T2TViTConfig(other, tokens, backbone, head, dropout, attentionDropout, dropPath);
    }

    public T2TViTConfig withTokens(UnaryOperator<Tokens> change) {
        return new T2TViTConfig(image, change.apply(tokens), backbone, head, dropout, attentionDropout, dropPath);
    }

    public T2TViTConfig withBackbone(UnaryOperator<Backbone> change) {
        return new T2TViTConfig(image, tokens, change.apply(backbone), head, dropout, attentionDropout, dropPath);
    }

    @Override
    public T2TViTConfig withHead(Head other) {
        return new T2TViTConfig(image, tokens, backbone, other, dropout, attentionDropout, dropPath);
    }

    @Override
    public T2TViTConfig withDropPath(double rate) {
        return new T2TViTConfig(image, tokens, backbone, head, dropout, attentionDropout, rate);
    }
}
