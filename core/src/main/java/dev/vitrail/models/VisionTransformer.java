package dev.vitrail.models;

import static dev.vitrail.VitrailException.require;

import dev.vitrail.engine.Kernels;
import dev.vitrail.engine.Tensor;
import dev.vitrail.nn.Activation;
import dev.vitrail.nn.Attention;
import dev.vitrail.nn.AttentionPool;
import dev.vitrail.nn.DropPath;
import dev.vitrail.nn.Dropout;
import dev.vitrail.nn.GatedMlp;
import dev.vitrail.nn.Identity;
import dev.vitrail.nn.Init;
import dev.vitrail.nn.Layer;
import dev.vitrail.nn.LayerNorm;
import dev.vitrail.nn.LayerScale;
import dev.vitrail.nn.Linear;
import dev.vitrail.nn.Mlp;
import dev.vitrail.nn.Observation;
import dev.vitrail.nn.Parameter;
import dev.vitrail.nn.Residual;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * The Vision Transformer, with what DeiT, DeiT-III, CLIP, SigLIP, DINOv2 and timm added to it.
 *
 * <p>Dosovitskiy et al., <i>An Image is Worth 16×16 Words</i>, ICLR 2021, <a
 * href="https://arxiv.org/abs/2010.11929">arXiv:2010.11929</a>; equation numbers below are the paper's. Touvron et al.,
 * <i>Training data-efficient image transformers</i> (DeiT), 2021, arXiv:2012.12877, for the distillation token; <i>DeiT
 * III</i>, 2022, arXiv:2204.07118. Weights carry the names of timm's {@code VisionTransformer}.
 *
 * <p>Shapes: {@code B} images in a batch, {@code C} colour channels, {@code H×W} pixels, {@code P×P} pixels in a patch,
 * {@code N = HW/P²} patches, {@code T} prefix tokens (class, distillation, registers), {@code D} embedding width, {@code h}
 * heads.
 */
public final class VisionTransformer extends FamilyModel<VisionTransformer.Config> implements PatchTokens {
    /** How tokens become one vector. */
    public enum Pool {
        /** The class token, or the mean of class and distillation token's logits. */
        TOKEN,
        /** The mean over patches. */
        AVG,
        /** The mean of {@link #AVG} and {@link #MAX}. */
        AVGMAX,
        /** The largest over patches. */
        MAX,
        /** Attention from a trained query. */
        MAP
    }

    /** How parameters start. */
    public enum WeightInit {
        /** Normal of deviation 0.02 cut at ±2, as timm's default. */
        TIMM,
        /** As the original JAX code: Xavier for matrices, the head at zero. */
        JAX,
        /** {@link #JAX} with the head's bias at −log(classes): all classes equally improbable under a sigmoid. */
        JAX_NLHB
    }

    /** A network that turns the image into feature maps for the patches to be cut from (the paper's hybrid, section 3.1). */
    public interface Stem {
        /** Makes the network, {@code [B, C, H, W] → [B, channels(), H/stride(), W/stride()]}. */
        Layer create(int imageChannels);

        /** Channels of its feature maps. */
        int channels();

        /** Pixels of the image for each pixel of a feature map. */
        int stride();

        /** Name, below the stem, of the convolution that sees the image. */
        String firstConvolution();

        /** The feature maps of its stages. */
        List<FeatureInfo> featureInfo();
    }

    /**
     * The numbers and options that tell one ViT from another (paper, Table 1; names in parentheses are timm's).
     *
     * @param imageHeight rows of the input, pixels (img_size)
     * @param imageWidth columns of the input, pixels
     * @param patchHeight rows of a patch, pixels of the image or of the stem's map (patch_size)
     * @param patchWidth columns of a patch
     * @param channels C, colour channels (in_chans)
     * @param classes rows of the head; 0 for none (num_classes)
     * @param pool how tokens become one vector (global_pool)
     * @param width D, channels of every token (embed_dim)
     * @param depth encoder blocks
     * @param heads attention heads; divides the width (num_heads)
     * @param mlpRatio hidden channels of the perceptrons over the width (mlp_ratio)
     * @param gatedMlp whether the perceptrons are gated by SiLU (SwiGLUPacked)
     * @param qkvBias whether queries, keys and values have biases (qkv_bias)
     * @param qkNorm whether each head's queries and keys are normalised (qk_norm)
     * @param layerScale first value of LayerScale; empty for none (init_values)
     * @param classToken whether there is a class token (class_token)
     * @param distilled whether there is a distillation token with a head of its own (DeiT)
     * @param registers register tokens (reg_tokens; Darcet et al., 2023, arXiv:2309.16588)
     * @param positionsCoverPrefix whether prefix tokens have positions too; false where timm has no_embed_class
     * @param preNorm whether tokens are normalised before the first block (pre_norm)
     * @param finalNorm whether tokens are normalised after the last (final_norm)
     * @param fcNorm whether that happens after pooling instead; empty: where the pool is over patches (fc_norm)
     * @param activation the perceptrons' non-linearity (act_layer)
     * @param normEps eps of the layer normalisations
     * @param dynamicSize whether any image size that patches divide is taken, with positions resampled (dynamic_img_size)
     * @param dynamicPad whether images are padded to whole patches (dynamic_img_pad)
     * @param headDropout probability before the head (drop_rate)
     * @param positionDropout probability after the positions are added (pos_drop_rate)
     * @param patchDropout share of patches left out while training (patch_drop_rate)
     * @param projectionDropout probability after projections (proj_drop_rate)
     * @param attentionDropout probability of attention weights (attn_drop_rate)
     * @param dropPath rate of stochastic depth (drop_path_rate)
     * @param dropPathUniform whether all blocks have that rate, as in DeiT-III; else it rises linearly to it
     * @param weightInit how parameters start (weight_init)
     * @param stem the hybrid's network before the patches; empty for none
     */
    public record Config(
            int imageHeight,
            int imageWidth,
            int patchHeight,
            int patchWidth,
            int channels,
            int classes,
            Pool pool,
            int width,
            int depth,
            int heads,
            double mlpRatio,
            boolean gatedMlp,
            boolean qkvBias,
            boolean qkNorm,
            OptionalDouble layerScale,
            boolean classToken,
            boolean distilled,
            int registers,
            boolean positionsCoverPrefix,
            boolean preNorm,
            boolean finalNorm,
            Optional<Boolean> fcNorm,
            Activation activation,
            double normEps,
            boolean dynamicSize,
            boolean dynamicPad,
            double headDropout,
            double positionDropout,
            double patchDropout,
            double projectionDropout,
            double attentionDropout,
            double dropPath,
            boolean dropPathUniform,
            WeightInit weightInit,
            Optional<Stem> stem)
            implements AdjustableConfig<Config, Config.Options> {
        public Config {
            require(
                    width > 0 && depth > 0 && heads > 0,
                    "width %d, depth %d and heads %d must be positive",
                    width,
                    depth,
                    heads);
            Sizes.requireHeads(width, heads);
            int stride = stem.map(Stem::stride).orElse(1);
            if (!dynamicPad) {
                Sizes.requireMultiple("image height", imageHeight, "patch", patchHeight * stride);
                Sizes.requireMultiple("image width", imageWidth, "patch", patchWidth * stride);
            }
            require(
                    pool != Pool.TOKEN || classToken,
                    "pooling by the class token needs a class token: set classToken, or pool by avg, avgmax, max or map");
            Sizes.requireChannelsAndClasses(channels, classes);
            require(!distilled || classToken, "a distillation token needs a class token beside it: set classToken");
            require(registers >= 0, "registers %d must not be negative", registers);
            int hidden = (int) (width * mlpRatio);
            require(hidden > 0, "mlpRatio %s leaves no hidden channels of width %d", mlpRatio, width);
            require(
                    !gatedMlp || hidden % 2 == 0,
                    "a gated perceptron halves its hidden channels, and %d (width %d × mlpRatio %s) are odd",
                    hidden,
                    width,
                    mlpRatio);
            requireProbability("headDropout", headDropout);
            requireProbability("positionDropout", positionDropout);
            requireProbability("patchDropout", patchDropout);
            requireProbability("projectionDropout", projectionDropout);
            requireProbability("attentionDropout", attentionDropout);
            requireProbability("dropPath", dropPath);
        }

        private static void requireProbability(String name, double value) {
            require(value >= 0 && value < 1, "%s %s must be in [0, 1)", name, value);
        }

        /** A ViT as timm's constructor makes it: class token, all biases, 1000 classes, exact GELU, eps 10⁻⁶. */
        public static Config of(int image, int patch, int width, int depth, int heads) {
            // spotless:off
            return new Config(
                    image, image, patch, patch, 3, 1000, Pool.TOKEN, width, depth, heads, 4, false, true, false,
                    OptionalDouble.empty(), true, false, 0, true, false, true, Optional.empty(), Activation.GELU, 1e-6,
                    false, false, 0, 0, 0, 0, 0, 0, false, WeightInit.TIMM, Optional.empty());
            // spotless:on
        }

        @Override
        public List<String> adjustments(int height, int width) {
            int stride = stem.map(Stem::stride).orElse(1);
            int full = Sizes.ceilDiv(height, patchHeight * stride) * patchHeight * stride;
            int fullWidth = Sizes.ceilDiv(width, patchWidth * stride) * patchWidth * stride;
            return full == height && fullWidth == width
                    ? List.of()
                    : List.of("images are padded to %d×%d pixels, a multiple of the patch".formatted(full, fullWidth));
        }

        Grid grid() {
            return new Grid(gridHeight(), gridWidth());
        }

        /** Rows of patches. */
        public int gridHeight() {
            return Sizes.ceilDiv(
                    imageHeight, patchHeight * stem.map(Stem::stride).orElse(1));
        }

        /** Columns of patches. */
        public int gridWidth() {
            return Sizes.ceilDiv(imageWidth, patchWidth * stem.map(Stem::stride).orElse(1));
        }

        /** T: class, distillation and register tokens. */
        public int prefixTokens() {
            return (classToken ? 1 : 0) + (distilled ? 1 : 0) + registers;
        }

        /** Prefix tokens that have a position. */
        public int positionedPrefix() {
            return positionsCoverPrefix ? prefixTokens() : 0;
        }

        /** The feature maps of the stem's stages. */
        List<FeatureInfo> stemMaps() {
            return stem.map(Stem::featureInfo).orElse(List.of()).stream()
                    .map(info -> info.below("patch_embed.backbone"))
                    .toList();
        }

        int hidden() {
            return (int) (width * mlpRatio);
        }

        boolean poolsPatches() {
            return pool == Pool.AVG || pool == Pool.AVGMAX || pool == Pool.MAX;
        }

        boolean normsAfterPooling() {
            return finalNorm && fcNorm.orElse(poolsPatches());
        }

        double[] dropPaths() {
            return dropPathUniform ? DropPath.uniform(dropPath, depth) : DropPath.linear(dropPath, depth);
        }

        Init matrixInit(long in, long out) {
            return weightInit == WeightInit.TIMM ? Init.truncatedNormal(0.02) : Init.xavierUniform(in, out);
        }

        Init mlpBiasInit() {
            return weightInit == WeightInit.TIMM ? Init.zeros() : Init.normal(1e-6);
        }

        @Override
        public Options options() {
            return new Options();
        }

        /** The components by their names, to be changed one by one. */
        public final class Options extends ModelOptions<Config> {
            public int patchHeight = patchHeight(), patchWidth = patchWidth(), width = width(), depth = depth();
            public int heads = heads(), registers = registers();
            public double mlpRatio = mlpRatio(), normEps = normEps(), headDropout = headDropout();
            public double positionDropout = positionDropout(), patchDropout = patchDropout();
            public double projectionDropout = projectionDropout(), attentionDropout = attentionDropout();
            public boolean gatedMlp = gatedMlp(), qkvBias = qkvBias(), qkNorm = qkNorm(), classToken = classToken();
            public boolean distilled = distilled(), positionsCoverPrefix = positionsCoverPrefix();
            public boolean preNorm = preNorm(), finalNorm = finalNorm(), dynamicSize = dynamicSize();
            public boolean dynamicPad = dynamicPad(), dropPathUniform = dropPathUniform();
            public Pool pool = pool();
            public OptionalDouble layerScale = layerScale();
            public Optional<Boolean> fcNorm = fcNorm();
            public Activation activation = activation();
            public WeightInit weightInit = weightInit();
            public Optional<Stem> stem = stem();

            private Options() {
                super(Config.this);
            }

            @Override
            Config config() {
                // spotless:off
                return new Config(
                        imageHeight, imageWidth, patchHeight, patchWidth, channels, classes, pool, width, depth,
                        heads, mlpRatio, gatedMlp, qkvBias, qkNorm, layerScale, classToken, distilled, registers,
                        positionsCoverPrefix, preNorm, finalNorm, fcNorm, activation, normEps, dynamicSize,
                        dynamicPad, headDropout, positionDropout, patchDropout, projectionDropout, attentionDropout,
                        dropPath, dropPathUniform, weightInit, stem);
                // spotless:on
            }
        }
    }

    private final PatchEmbedding patches;
    private final @Nullable Parameter cls;
    private final @Nullable Parameter distillation;
    private final @Nullable Parameter registers;
    private final Parameter positions;
    private final Dropout positionDropout;
    private final Layer normPre;
    private final List<Block> blocks;
    private final Layer norm;
    private final @Nullable AttentionPool attentionPool;
    private final Layer fcNorm;
    private final Dropout headDropout;
    private final Classifier head;
    private final @Nullable Classifier distillationHead;

    public VisionTransformer(Config c) {
        super(c);
        int D = c.width;
        cls = c.classToken ? parameter("cls_token", Init.normal(1e-6), 1, 1, D) : null;
        distillation = c.distilled ? parameter("dist_token", Init.truncatedNormal(0.02), 1, 1, D) : null;
        registers = c.registers > 0 ? parameter("reg_token", Init.normal(1e-6), 1, c.registers, D) : null;
        positions = parameter(
                "pos_embed",
                Init.truncatedNormal(0.02),
                1,
                c.positionedPrefix() + (long) c.gridHeight() * c.gridWidth(),
                D);
        patches = child("patch_embed", new PatchEmbedding(c));
        positionDropout = child("pos_drop", new Dropout(c.positionDropout));
        normPre = child("norm_pre", c.preNorm ? new LayerNorm(D, c.normEps) : new Identity());
        var dropPaths = c.dropPaths();
        blocks = children("blocks", c.depth, i -> new Block(c, dropPaths[i]));
        norm = child("norm", c.finalNorm && !c.normsAfterPooling() ? new LayerNorm(D, c.normEps) : new Identity());
        attentionPool = c.pool == Pool.MAP
                ? child("attn_pool", new AttentionPool(D, c.heads, c.hidden(), c.normEps, c.activation))
                : null;
        fcNorm = child("fc_norm", c.normsAfterPooling() ? new LayerNorm(D, c.normEps) : new Identity());
        headDropout = child("head_drop", new Dropout(c.headDropout));
        head = classifier("head", classes -> linear(c, classes));
        distillationHead = c.distilled ? classifier("head_dist", classes -> linear(c, classes)) : null;
    }

    private static Linear linear(Config c, int classes) {
        return switch (c.weightInit) {
            case TIMM -> new Linear(c.width, classes);
            case JAX -> new Linear(c.width, classes, true, Init.zeros(), Init.zeros());
            case JAX_NLHB -> new Linear(c.width, classes, true, Init.zeros(), Init.constant(-Math.log(classes)));
        };
    }

    /** Tokens before the first block: {@code [B, T+N, D]} (eq. 1). */
    private Tensor tokens(Tensor images, FeatureTap tap) {
        return tokens(images, patches.apply(images, tap));
    }

    /** Embedded patches with positions and prefix, {@code [B, N, D] → [B, T+N, D]}. */
    private Tensor tokens(Tensor images, Tensor x) {
        var table = positions.value();
        if (config().dynamicSize || config().dynamicPad) {
            table = Positions.resample(
                    table,
                    config().positionedPrefix(),
                    config().gridHeight(),
                    config().gridWidth(),
                    patches.rows(images.size(2)),
                    patches.columns(images.size(3)));
        }
        x = config().positionsCoverPrefix ? withPrefix(x).plus(table) : withPrefix(x.plus(table));
        x = positionDropout.apply(x);
        if (training() && config().patchDropout > 0) {
            x = Positions.dropPatches(x, config().prefixTokens(), config().patchDropout);
        }
        return normPre.apply(x);
    }

    private Tensor withPrefix(Tensor x) {
        long B = x.size(0);
        var parts = new ArrayList<Tensor>(4);
        for (var prefix : new @Nullable Parameter[] {cls, distillation, registers}) {
            if (prefix != null) {
                parts.add(prefix.value().expand(B, -1, -1));
            }
        }
        parts.add(x);
        return parts.size() == 1 ? x : Tensor.cat(1, parts);
    }

    /**
     * Tokens after the last block.
     *
     * @param images {@code [B, C, H, W]}, normalised
     * @return {@code [B, T+N, D]}
     */
    @Override
    protected Tensor features(Tensor images, FeatureTap tap) {
        return norm.apply(encoded(images, blocks.size(), tap));
    }

    /** Tokens after the first {@code count} blocks, {@code [B, T+N, D]}. */
    private Tensor encoded(Tensor images, int count, FeatureTap tap) {
        return encoded(tokens(images, tap), count, images, tap);
    }

    private Tensor encoded(Tensor x, int count, Tensor images, FeatureTap tap) {
        int before = config().stemMaps().size();
        for (int i = 0; i < count; i++) {
            x = blocks.get(i).apply(x); //                                             eq. 2, 3
            tap.take(before + i, x, tokens -> map(tap.normalised() ? norm.apply(tokens) : tokens, images));
        }
        return x;
    }

    @Override
    public Tensor patchTokens(Tensor images, UnaryOperator<Tensor> change) {
        require(
                config().patchDropout == 0,
                "the patches of a model that drops some (patchDropout %s) cannot be told apart: set it to 0",
                config().patchDropout);
        return framed(() -> {
            var x = tokens(images, change.apply(patches.apply(images, FeatureTap.NONE)));
            x = norm.apply(encoded(x, blocks.size(), images, FeatureTap.NONE));
            return fcNorm.apply(patchesOf(x)); // it stands after pooling where norm does not stand before
        });
    }

    @Override
    public int tokenHeight() {
        return config().patchHeight * config().stem.map(Stem::stride).orElse(1);
    }

    @Override
    public int tokenWidth() {
        return config().patchWidth * config().stem.map(Stem::stride).orElse(1);
    }

    /** The patches' tokens where they lie in the images, {@code [B, T+N, D] → [B, D, H/P, W/P]}. */
    private Tensor map(Tensor tokens, Tensor images) {
        return Positions.map(patchesOf(tokens), patches.rows(images.size(2)), patches.columns(images.size(3)));
    }

    @Override
    public List<FeatureInfo> featureInfo() {
        var infos = new ArrayList<>(config().stemMaps());
        for (int i = 0; i < config().depth; i++) {
            infos.add(new FeatureInfo("blocks." + i, config().width, tokenHeight(), tokenWidth()));
        }
        return List.copyOf(infos);
    }

    @Override
    protected Tensor pooledOf(Tensor images) {
        if (!inference() || config().pool != Pool.TOKEN || Observation.active()) {
            return pooled(features(images, FeatureTap.NONE));
        }
        // Only the class (and distillation) token is read, so the last block computes no other.
        int last = blocks.size() - 1;
        var x = encoded(images, last, FeatureTap.NONE);
        x = blocks.get(last).applyToFirst(x, config().distilled ? 2 : 1);
        return pooled(norm.apply(x));
    }

    /** {@code [B, T+N, D] → [B, D]}, or {@code [B, 2, D]} for class and distillation token (eq. 4). */
    @Override
    protected Tensor pooled(Tensor x) {
        var vector =
                switch (config().pool) {
                    case TOKEN -> config().distilled ? x.narrow(1, 0, 2) : x.select(1, 0);
                    case AVG -> patchesOf(x).mean(false, 1);
                    case MAX -> patchesOf(x).max(false, 1);
                    case AVGMAX ->
                        patchesOf(x)
                                .max(false, 1)
                                .plus(patchesOf(x).mean(false, 1))
                                .times(0.5);
                    case MAP -> attend(patchesOf(x));
                };
        return headDropout.apply(fcNorm.apply(vector));
    }

    private Tensor attend(Tensor x) {
        return attentionPool == null ? x : attentionPool.apply(x);
    }

    private Tensor patchesOf(Tensor x) {
        long prefix = config().prefixTokens();
        return x.narrow(1, prefix, x.size(1) - prefix);
    }

    @Override
    protected Tensor logits(Tensor pooled) {
        if (distillationHead == null || config().pool != Pool.TOKEN) {
            return head.apply(pooled);
        }
        return head.apply(pooled.select(1, 0))
                .plus(distillationHead.apply(pooled.select(1, 1)))
                .times(0.5);
    }

    /** While a DeiT with distillation token trains, the class head and the distillation head give separate logits. */
    @Override
    protected List<Tensor> heads(Tensor images) {
        if (distillationHead == null) {
            return List.of(forward(images));
        }
        var pooled = pooledOf(images);
        return List.of(head.apply(pooled.select(1, 0)), distillationHead.apply(pooled.select(1, 1)));
    }

    @Override
    public int width() {
        return config().width;
    }

    @Override
    public String stem() {
        return config().stem
                .map(stem -> "patch_embed.backbone." + stem.firstConvolution())
                .orElse("patch_embed.proj");
    }

    @Override
    public Optional<Tensor> resample(String name, Tensor values, long[] wanted, Optional<ModelConfig> source) {
        if (name.equals("pos_embed")) {
            var from = source.map(c -> ((Config) c).grid());
            return Positions.fit(values, config().positionedPrefix(), from, config().grid(), config().width, true);
        }
        if (name.equals("patch_embed.proj.weight") && values.dims() == 4 && values.size(1) == wanted[1]) {
            return Optional.of(Positions.resamplePatch(values, wanted[2], wanted[3], Kernels.Resize.BICUBIC, true));
        }
        return Optional.empty();
    }

    @Override
    public boolean withoutWeightDecay(String parameter) {
        return switch (parameter) {
            case "pos_embed", "cls_token", "dist_token", "reg_token" -> true;
            default -> false;
        };
    }

    @Override
    Depths depths() {
        return Depths.of("blocks", config().depth)
                .embedding("cls_token", "dist_token", "reg_token", "pos_embed", "patch_embed", "norm_pre")
                .last("norm");
    }

    /** A pre-norm encoder block (eq. 2 and 3), {@code [B, T+N, D] → [B, T+N, D]}. */
    static final class Block extends Layer {
        private final LayerNorm norm1;
        private final Attention attention;
        private final Layer scale1;
        private final DropPath dropPath1;
        private final LayerNorm norm2;
        private final Layer mlp;
        private final Layer scale2;
        private final DropPath dropPath2;

        Block(Config c, double dropPath) {
            landmark(Landmark.BLOCK, "");
            int D = c.width;
            norm1 = child("norm1", new LayerNorm(D, c.normEps));
            attention = child(
                    "attn",
                    new Attention(new Attention.Config(
                            D,
                            c.heads,
                            c.qkvBias,
                            c.qkNorm ? c.normEps : null,
                            1 / Math.sqrt((double) D / c.heads),
                            c.attentionDropout,
                            c.projectionDropout,
                            c.matrixInit(D, 3L * D),
                            c.matrixInit(D, D))));
            scale1 = child("ls1", scale(c));
            dropPath1 = child("drop_path1", new DropPath(dropPath));
            norm2 = child("norm2", new LayerNorm(D, c.normEps));
            mlp = child(
                    "mlp",
                    c.gatedMlp
                            ? new GatedMlp(D, c.hidden())
                            : new Mlp(
                                    D,
                                    c.hidden(),
                                    c.activation,
                                    c.projectionDropout,
                                    c.matrixInit(D, c.hidden()),
                                    c.mlpBiasInit()));
            scale2 = child("ls2", scale(c));
            dropPath2 = child("drop_path2", new DropPath(dropPath));
        }

        private static Layer scale(Config c) {
            return c.layerScale.isPresent() ? new LayerScale(c.width, c.layerScale.getAsDouble()) : new Identity();
        }

        @Override
        protected Tensor forward(Tensor x) {
            x = Residual.sum(x, dropPath1.apply(scale1.apply(attention.apply(norm1.apply(x))))); // eq. 2
            return Residual.sum(x, dropPath2.apply(scale2.apply(mlp.apply(norm2.apply(x))))); //    eq. 3
        }

        /** The block's result for the first {@code count} tokens alone, {@code [B, count, D]}. */
        Tensor applyToFirst(Tensor x, long count) {
            return framed(() -> {
                var first = x.narrow(1, 0, count);
                var y = Residual.sum(first, scale1.apply(attention.applyToFirst(norm1.apply(x), count)));
                return Residual.sum(y, scale2.apply(mlp.apply(norm2.apply(y))));
            });
        }
    }
}
