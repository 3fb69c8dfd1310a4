package dev.vitrail.models.vit;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.models.ConstructorArguments;
import dev.vitrail.models.FeatureInfo;
import dev.vitrail.models.Head;
import dev.vitrail.models.ImageInput;
import dev.vitrail.models.ModelConfig;
import dev.vitrail.models.layers.Dropouts;
import dev.vitrail.models.layers.Encoder;
import dev.vitrail.models.layers.Grid;
import dev.vitrail.models.layers.Patch;
import dev.vitrail.nn.Activation;
import dev.vitrail.nn.DropPath;
import dev.vitrail.nn.Init;
import dev.vitrail.nn.Layer;
import dev.vitrail.nn.Pool;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.Function;
import java.util.function.UnaryOperator;

/**
 * The configuration of a {@link VisionTransformer} (paper, Table 1; names in parentheses are timm's).
 *
 * @param image size of the images
 * @param patches how they are cut
 * @param tokens tokens beside the patches
 * @param encoder width, depth and heads of the encoder
 * @param blocks options of its blocks
 * @param norms where tokens are normalized outside of the blocks
 * @param head classifier and pool
 * @param dropouts probabilities
 * @param weightInit how parameters start (weight_init)
 */
public record ViTConfig(
        ImageInput image,
        Patches patches,
        Tokens tokens,
        Encoder encoder,
        Blocks blocks,
        Norms norms,
        Head head,
        Dropouts dropouts,
        InitScheme weightInit)
        implements ModelConfig {
    private static final List<Pool> POOLS =
            List.of(Pool.TOKEN, Pool.AVG, Pool.AVGMAX, Pool.MAX, Pool.MAP, Pool.TOKEN_AVG);

    /**
     * Patch embedding: the patches that images are cut into.
     *
     * @param size of a patch, pixels of the image or of the stem's map (patch_size)
     * @param dynamicSize whether any image size that patches divide is taken, with positions
     *     resampled (dynamic_img_size)
     * @param dynamicPad whether images are padded to whole patches (dynamic_img_pad)
     * @param stem the hybrid's network before the patches; empty for none
     */
    public record Patches(Patch size, boolean dynamicSize, boolean dynamicPad, Optional<Stem> stem) {
        /** Square patches of images of one size. */
        public static Patches of(int side) {
            return new Patches(Patch.square(side), false, false, Optional.empty());
        }

        /** The patch in pixels of the image. */
        public Patch unit() {
            return size.times(stem.map(Stem::stride).orElse(1));
        }

        public Patches withSize(Patch other) {
            return new Patches(other, dynamicSize, dynamicPad, stem);
        }

        public Patches withDynamicSize(boolean dynamic) {
            return new Patches(size, dynamic, dynamicPad, stem);
        }

        public Patches withDynamicPad(boolean padded) {
            return new Patches(size, dynamicSize, padded, stem);
        }

        public Patches withStem(Stem network) {
            return new Patches(size, dynamicSize, dynamicPad, Optional.of(network));
        }

        Patches with(ConstructorArguments a) {
            return new Patches(
                    a.pair("patch_size")
                            .map(sides -> new Patch(sides[0], sides[1]))
                            .orElse(size),
                    a.flag("dynamic_img_size", dynamicSize),
                    a.flag("dynamic_img_pad", dynamicPad),
                    stem);
        }
    }

    /**
     * Tokens beside the patches.
     *
     * @param classToken whether there is a class token (class_token)
     * @param distilled whether there is a distillation token with a head of its own (DeiT)
     * @param registers register tokens (reg_tokens; Darcet et al., 2023, arXiv:2309.16588)
     * @param positionsCoverPrefix whether these have positions too; false where timm has no_embed_class
     * @param patchDropout share of the patches left out while training (patch_drop_rate)
     */
    public record Tokens(
            boolean classToken, boolean distilled, int registers, boolean positionsCoverPrefix, double patchDropout) {
        /** A class token with a position. */
        public static final Tokens CLASS = new Tokens(true, false, 0, true, 0);

        public Tokens {
            require(!distilled || classToken, "a distillation token needs a class token beside it: set classToken");
            require(registers >= 0, "registers %d must not be negative", registers);
            Dropouts.requireProbability("patch dropout", patchDropout);
        }

        /** T: class, distillation and register tokens. */
        public int prefix() {
            return (classToken ? 1 : 0) + (distilled ? 1 : 0) + registers;
        }

        /** Prefix tokens that have a position. */
        public int positionedPrefix() {
            return positionsCoverPrefix ? prefix() : 0;
        }

        public Tokens withClassToken(boolean present) {
            return new Tokens(present, distilled, registers, positionsCoverPrefix, patchDropout);
        }

        public Tokens withDistilled(boolean present) {
            return new Tokens(classToken, present, registers, positionsCoverPrefix, patchDropout);
        }

        public Tokens withRegisters(int count) {
            return new Tokens(classToken, distilled, count, positionsCoverPrefix, patchDropout);
        }

        public Tokens withPositionsCoverPrefix(boolean covered) {
            return new Tokens(classToken, distilled, registers, covered, patchDropout);
        }

        public Tokens withPatchDropout(double rate) {
            return new Tokens(classToken, distilled, registers, positionsCoverPrefix, rate);
        }

        Tokens with(ConstructorArguments a) {
            return new Tokens(
                    a.flag("class_token", classToken),
                    distilled,
                    a.integer("reg_tokens", registers),
                    !a.flag("no_embed_class", !positionsCoverPrefix),
                    a.number("patch_drop_rate", patchDropout));
        }
    }

    /**
     * Options of the encoder's blocks.
     *
     * @param gatedMlp whether the MLPs are gated by SiLU (SwiGLUPacked)
     * @param qkNorm whether each head's queries and keys are normalized (qk_norm)
     * @param layerScale initial value of LayerScale; empty for none (init_values)
     * @param uniformDropPath whether all blocks have one rate of stochastic depth, as in DeiT-III; else it rises
     *     linearly to it
     */
    public record Blocks(boolean gatedMlp, boolean qkNorm, OptionalDouble layerScale, boolean uniformDropPath) {
        /** The paper's. */
        public static final Blocks PLAIN = new Blocks(false, false, OptionalDouble.empty(), false);

        public Blocks withGatedMlp(boolean gated) {
            return new Blocks(gated, qkNorm, layerScale, uniformDropPath);
        }

        public Blocks withLayerScale(OptionalDouble initial) {
            return new Blocks(gatedMlp, qkNorm, initial, uniformDropPath);
        }

        public Blocks withUniformDropPath(boolean uniform) {
            return new Blocks(gatedMlp, qkNorm, layerScale, uniform);
        }

        Blocks with(ConstructorArguments a) {
            return new Blocks(
                    gated(a.text("mlp_layer", gatedMlp ? "SwiGLUPacked" : "Mlp")),
                    a.flag("qk_norm", qkNorm),
                    a.layerScale("init_values", layerScale),
                    uniformDropPath);
        }

        private static boolean gated(String layer) {
            var name = layer.substring(layer.lastIndexOf('.') + 1);
            require(
                    name.equals("SwiGLUPacked") || name.equals("Mlp"),
                    "mlp_layer in model_args of config.json is %s; Mlp and SwiGLUPacked are here",
                    layer);
            return name.equals("SwiGLUPacked");
        }
    }

    /**
     * Normalization of tokens outside of the blocks.
     *
     * @param pre whether before the first block (pre_norm)
     * @param last whether after the last (final_norm)
     * @param afterPool whether that happens after pooling instead; empty: where the pool is over patches (fc_norm)
     */
    public record Norms(boolean pre, boolean last, Optional<Boolean> afterPool) {
        /** Normalization after the last block, or after pooling over patches. */
        public static final Norms LAST = new Norms(false, true, Optional.empty());

        public Norms withPre(boolean present) {
            return new Norms(present, last, afterPool);
        }

        public Norms withAfterPool(boolean after) {
            return new Norms(pre, last, Optional.of(after));
        }

        Norms with(ConstructorArguments a) {
            return new Norms(
                    a.flag("pre_norm", pre),
                    a.flag("final_norm", last),
                    a.has("fc_norm") ? Optional.of(a.flag("fc_norm", afterPool.orElse(false))) : afterPool);
        }
    }

    /** Scheme of the initial values. */
    public enum InitScheme {
        /** Normal of std 0.02 cut at ±2, as timm's default. */
        TIMM,
        /** Initial values of the original JAX code: Xavier for matrices, the head at zero. */
        JAX,
        /** {@link #JAX} with the head's bias at −log(classes): all classes equally improbable under a sigmoid. */
        JAX_NLHB
    }

    /**
     * A network that turns the image into feature maps for the patches to be cut from (the paper's
     * hybrid, section 3.1).
     */
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
        if (!patches.dynamicPad) {
            patches.unit().requireDivides(image);
        }
        head.requirePool(POOLS);
        var pool = head.pool();
        require(
                (pool != Pool.TOKEN && pool != Pool.TOKEN_AVG) || tokens.classToken,
                "pooling by the class token needs a class token: set classToken, or pool by avg, avgmax, max or map");
        require(
                !tokens.distilled || pool == Pool.TOKEN,
                "class and distillation token have a head each, and pooling by %s leaves neither: let the pool be"
                        + " token",
                pool.label());
        require(
                !blocks.gatedMlp || encoder.hidden() % 2 == 0,
                "a gated MLP halves its hidden channels, and %d (width %d × mlpRatio %s) are odd",
                encoder.hidden(),
                encoder.width(),
                encoder.mlpRatio());
    }

    /** A ViT as timm's constructor makes it: class token, all biases, 1000 classes, exact GELU, epsilon 10⁻⁶. */
    public static ViTConfig of(int image, int patch, int width, int depth, int heads) {
        return new ViTConfig(
                ImageInput.square(image),
                Patches.of(patch),
                Tokens.CLASS,
                Encoder.of(width, depth, heads),
                Blocks.PLAIN,
                Norms.LAST,
                Head.of(Pool.TOKEN),
                Dropouts.NONE,
                InitScheme.TIMM);
    }

    @Override
    public VisionTransformer create() {
        return new VisionTransformer(this);
    }

    @Override
    public List<Pool> pools() {
        return POOLS;
    }

    @Override
    public List<String> adjustments(int height, int width) {
        var unit = patches.unit();
        var grid = unit.grid(image.withSize(height, width));
        int fullHeight = grid.rows() * unit.height(), fullWidth = grid.columns() * unit.width();
        return fullHeight == height && fullWidth == width
                ? List.of()
                : List.of(
                        "images are padded to %d×%d pixels, a multiple of the patch".formatted(fullHeight, fullWidth));
    }

    /** Patches of an image of the configured size. */
    public Grid grid() {
        return patches.unit().grid(image);
    }

    /** The feature maps of the stem's stages. */
    List<FeatureInfo> stemMaps() {
        return patches.stem.map(Stem::featureInfo).orElse(List.of()).stream()
                .map(info -> info.below("patch_embed.backbone"))
                .toList();
    }

    /** Channels before the classifier. */
    int pooledWidth() {
        return head.pool().width(encoder.width());
    }

    boolean normsAfterPooling() {
        var pool = head.pool();
        return norms.last && norms.afterPool.orElse(pool == Pool.AVG || pool == Pool.AVGMAX || pool == Pool.MAX);
    }

    double[] dropPaths() {
        return blocks.uniformDropPath
                ? DropPath.uniform(dropouts.path(), encoder.depth())
                : DropPath.linear(dropouts.path(), encoder.depth());
    }

    Init matrixInit(long in, long out) {
        return weightInit == InitScheme.TIMM ? Init.truncatedNormal(0.02) : Init.xavierUniform(in, out);
    }

    Init mlpBiasInit() {
        return weightInit == InitScheme.TIMM ? Init.zeros() : Init.normal(1e-6);
    }

    @Override
    public ViTConfig withArguments(ConstructorArguments a) {
        var changed = new ViTConfig(
                a.image(image),
                patches.with(a),
                tokens.with(a),
                encoder.with(a),
                blocks.with(a),
                norms.with(a),
                head.with(a, POOLS),
                dropouts.with(a),
                weightInit);
        a.only("proj_bias", true);
        a.only("pos_embed", "learn");
        a.only("norm_layer", "layernorm");
        a.only("scale_attn_norm", false);
        a.only("scale_mlp_norm", false);
        a.pass("weight_init", "fix_init");
        var activation = changed.encoder.activation();
        require(
                !changed.blocks.gatedMlp || activation == Activation.SILU || !a.has("act_layer"),
                "act_layer of a SwiGLU MLP is silu; found %s",
                activation);
        return changed;
    }

    /** This configuration with an option, which is a function of it. */
    public ViTConfig with(Function<ViTConfig, ViTConfig> option) {
        return option.apply(this);
    }

    @Override
    public ViTConfig withImage(ImageInput other) {
        return new ViTConfig(other, patches, tokens, encoder, blocks, norms, head, dropouts, weightInit);
    }

    public ViTConfig withPatches(UnaryOperator<Patches> change) {
        var changed = change.apply(patches);
        return new ViTConfig(image, changed, tokens, encoder, blocks, norms, head, dropouts, weightInit);
    }

    public ViTConfig withTokens(UnaryOperator<Tokens> change) {
        var changed = change.apply(tokens);
        return new ViTConfig(image, patches, changed, encoder, blocks, norms, head, dropouts, weightInit);
    }

    public ViTConfig withEncoder(UnaryOperator<Encoder> change) {
        var changed = change.apply(encoder);
        return new ViTConfig(image, patches, tokens, changed, blocks, norms, head, dropouts, weightInit);
    }

    public ViTConfig withBlocks(UnaryOperator<Blocks> change) {
        var changed = change.apply(blocks);
        return new ViTConfig(image, patches, tokens, encoder, changed, norms, head, dropouts, weightInit);
    }

    public ViTConfig withNorms(UnaryOperator<Norms> change) {
        var changed = change.apply(norms);
        return new ViTConfig(image, patches, tokens, encoder, blocks, changed, head, dropouts, weightInit);
    }

    @Override
    public ViTConfig withHead(Head other) {
        return new ViTConfig(image, patches, tokens, encoder, blocks, norms, other, dropouts, weightInit);
    }

    public ViTConfig withDropouts(Dropouts rates) {
        return new ViTConfig(image, patches, tokens, encoder, blocks, norms, head, rates, weightInit);
    }

    @Override
    public ViTConfig withDropPath(double rate) {
        return withDropouts(dropouts.withPath(rate));
    }

    public ViTConfig withWeightInit(InitScheme scheme) {
        return new ViTConfig(image, patches, tokens, encoder, blocks, norms, head, dropouts, scheme);
    }
}
