package dev.vitrail.models.vit;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.models.AdjustableConfig;
import dev.vitrail.models.ConstructorArguments;
import dev.vitrail.models.FeatureInfo;
import dev.vitrail.models.ModelOptions;
import dev.vitrail.models.Pools;
import dev.vitrail.models.layers.Grid;
import dev.vitrail.models.layers.Sizes;
import dev.vitrail.nn.Activation;
import dev.vitrail.nn.DropPath;
import dev.vitrail.nn.Init;
import dev.vitrail.nn.Layer;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * The numbers and options that tell one {@link VisionTransformer} from another (paper, Table 1; names in parentheses are timm's).
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
 * @param mlpRatio hidden channels of the MLPs over the width (mlp_ratio)
 * @param gatedMlp whether the MLPs are gated by SiLU (SwiGLUPacked)
 * @param qkvBias whether queries, keys and values have biases (qkv_bias)
 * @param qkNorm whether each head's queries and keys are normalised (qk_norm)
 * @param layerScale initial value of LayerScale; empty for none (init_values)
 * @param classToken whether there is a class token (class_token)
 * @param distilled whether there is a distillation token with a head of its own (DeiT)
 * @param registers register tokens (reg_tokens; Darcet et al., 2023, arXiv:2309.16588)
 * @param positionsCoverPrefix whether prefix tokens have positions too; false where timm has no_embed_class
 * @param preNorm whether tokens are normalised before the first block (pre_norm)
 * @param finalNorm whether tokens are normalised after the last (final_norm)
 * @param fcNorm whether that happens after pooling instead; empty: where the pool is over patches (fc_norm)
 * @param activation the MLPs' non-linearity (act_layer)
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
public record ViTConfig(
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
        InitScheme weightInit,
        Optional<Stem> stem)
        implements AdjustableConfig<ViTConfig, ViTConfig.Options> {
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
        MAP,
        /** The class token, and after it the mean over patches: twice as many channels, as DINOv2's classifiers read them. */
        TOKEN_AVG
    }

    /** How parameters start. */
    public enum InitScheme {
        /** Normal of std 0.02 cut at ±2, as timm's default. */
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

    public ViTConfig {
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
                (pool != Pool.TOKEN && pool != Pool.TOKEN_AVG) || classToken,
                "pooling by the class token needs a class token: set classToken, or pool by avg, avgmax, max or map");
        Sizes.requireChannelsAndClasses(channels, classes);
        require(!distilled || classToken, "a distillation token needs a class token beside it: set classToken");
        require(
                !distilled || pool == Pool.TOKEN,
                "class and distillation token have a head each, and pooling by %s leaves neither: let the pool be token",
                pool.name().toLowerCase(Locale.ROOT));
        require(registers >= 0, "registers %d must not be negative", registers);
        int hidden = (int) (width * mlpRatio);
        require(hidden > 0, "mlpRatio %s leaves no hidden channels of width %d", mlpRatio, width);
        require(
                !gatedMlp || hidden % 2 == 0,
                "a gated MLP halves its hidden channels, and %d (width %d × mlpRatio %s) are odd",
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
    public static ViTConfig of(int image, int patch, int width, int depth, int heads) {
        // spotless:off
        return new ViTConfig(
                image, image, patch, patch, 3, 1000, Pool.TOKEN, width, depth, heads, 4, false, true, false,
                OptionalDouble.empty(), true, false, 0, true, false, true, Optional.empty(), Activation.GELU, 1e-6,
                false, false, 0, 0, 0, 0, 0, 0, false, InitScheme.TIMM, Optional.empty());
        // spotless:on
    }

    @Override
    public VisionTransformer create() {
        return new VisionTransformer(this);
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
        return Sizes.ceilDiv(imageHeight, patchHeight * stem.map(Stem::stride).orElse(1));
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

    /** Channels before the classifier. */
    int pooledWidth() {
        return pool == Pool.TOKEN_AVG ? 2 * width : width;
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
        return weightInit == InitScheme.TIMM ? Init.truncatedNormal(0.02) : Init.xavierUniform(in, out);
    }

    Init mlpBiasInit() {
        return weightInit == InitScheme.TIMM ? Init.zeros() : Init.normal(1e-6);
    }

    @Override
    public String poolName() {
        return Pools.name(pool);
    }

    @Override
    public ViTConfig withPool(String name) {
        return with(o -> o.pool = Pools.of(name, Pool.values()));
    }

    @Override
    public ViTConfig withArguments(ConstructorArguments a) {
        return with(o -> {
            a.image((height, width) -> {
                o.imageHeight = height;
                o.imageWidth = width;
            });
            a.pair("patch_size", (height, width) -> {
                o.patchHeight = height;
                o.patchWidth = width;
            });
            a.text("global_pool", name -> o.pool = name.isEmpty() ? o.pool : Pools.of(name, Pool.values()));
            a.integer("embed_dim", value -> o.width = value);
            a.integer("depth", value -> o.depth = value);
            a.integer("num_heads", value -> o.heads = value);
            a.number("mlp_ratio", value -> o.mlpRatio = value);
            a.flag("qkv_bias", value -> o.qkvBias = value);
            a.flag("qk_norm", value -> o.qkNorm = value);
            a.layerScale("init_values", value -> o.layerScale = value);
            a.flag("class_token", value -> o.classToken = value);
            a.integer("reg_tokens", value -> o.registers = value);
            a.flag("no_embed_class", value -> o.positionsCoverPrefix = !value);
            a.flag("pre_norm", value -> o.preNorm = value);
            a.flag("final_norm", value -> o.finalNorm = value);
            a.flag("fc_norm", value -> o.fcNorm = Optional.of(value));
            a.activation("act_layer", value -> o.activation = value);
            a.text("mlp_layer", name -> o.gatedMlp = gated(name));
            a.flag("dynamic_img_size", value -> o.dynamicSize = value);
            a.flag("dynamic_img_pad", value -> o.dynamicPad = value);
            a.number("drop_rate", value -> o.headDropout = value);
            a.number("pos_drop_rate", value -> o.positionDropout = value);
            a.number("patch_drop_rate", value -> o.patchDropout = value);
            a.number("proj_drop_rate", value -> o.projectionDropout = value);
            a.number("attn_drop_rate", value -> o.attentionDropout = value);
            a.number("drop_path_rate", value -> o.dropPath = value);
            a.only("proj_bias", true);
            a.only("pos_embed", "learn");
            a.only("norm_layer", "layernorm");
            a.only("scale_attn_norm", false);
            a.only("scale_mlp_norm", false);
            a.pass("weight_init", "fix_init");
            if (o.gatedMlp) {
                require(
                        o.activation == Activation.SILU || !a.has("act_layer"),
                        "act_layer of a SwiGLU MLP is silu; found %s",
                        Pools.name(o.activation));
            }
        });
    }

    private static boolean gated(String layer) {
        var name = layer.substring(layer.lastIndexOf('.') + 1);
        require(
                name.equals("SwiGLUPacked") || name.equals("Mlp"),
                "mlp_layer in model_args of config.json is %s; Mlp and SwiGLUPacked are here",
                layer);
        return name.equals("SwiGLUPacked");
    }

    @Override
    public Options options() {
        return new Options();
    }

    /** The components by their names, to be changed one by one. */
    public final class Options extends ModelOptions<ViTConfig> {
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
        public InitScheme weightInit = weightInit();
        public Optional<Stem> stem = stem();

        private Options() {
            super(ViTConfig.this);
        }

        @Override
        public ViTConfig config() {
            // spotless:off
            return new ViTConfig(
                    imageHeight, imageWidth, patchHeight, patchWidth, channels, classes, pool, width, depth,
                    heads, mlpRatio, gatedMlp, qkvBias, qkNorm, layerScale, classToken, distilled, registers,
                    positionsCoverPrefix, preNorm, finalNorm, fcNorm, activation, normEps, dynamicSize,
                    dynamicPad, headDropout, positionDropout, patchDropout, projectionDropout, attentionDropout,
                    dropPath, dropPathUniform, weightInit, stem);
            // spotless:on
        }
    }
}
