package dev.vitrail.models.vit;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.engine.Tensor;
import dev.vitrail.models.FamilyModel;
import dev.vitrail.models.FeatureInfo;
import dev.vitrail.models.FeatureTap;
import dev.vitrail.models.LayerGroups;
import dev.vitrail.models.ModelConfig;
import dev.vitrail.models.PatchTokens;
import dev.vitrail.models.layers.Positions;
import dev.vitrail.models.vit.ViTConfig.Pool;
import dev.vitrail.models.vit.ViTConfig.Stem;
import dev.vitrail.nn.Attention;
import dev.vitrail.nn.AttentionPool;
import dev.vitrail.nn.DropPath;
import dev.vitrail.nn.Dropout;
import dev.vitrail.nn.ForwardHook;
import dev.vitrail.nn.GatedMlp;
import dev.vitrail.nn.HookPoint;
import dev.vitrail.nn.Identity;
import dev.vitrail.nn.Init;
import dev.vitrail.nn.Layer;
import dev.vitrail.nn.LayerNorm;
import dev.vitrail.nn.LayerScale;
import dev.vitrail.nn.Linear;
import dev.vitrail.nn.Mlp;
import dev.vitrail.nn.Parameter;
import dev.vitrail.nn.Residual;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
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
public final class VisionTransformer extends FamilyModel<ViTConfig> implements PatchTokens {
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

    public VisionTransformer(ViTConfig c) {
        super(c);
        int D = c.width();
        cls = c.classToken() ? parameter("cls_token", Init.normal(1e-6), 1, 1, D) : null;
        registers = c.registers() > 0 ? parameter("reg_token", Init.normal(1e-6), 1, c.registers(), D) : null;
        positions = parameter(
                "pos_embed",
                Init.truncatedNormal(0.02),
                1,
                c.positionedPrefix() + (long) c.gridHeight() * c.gridWidth(),
                D);
        // DeiT's authors and timm add this token to a finished ViT, so it comes after the positions in every list of
        // parameters.
        distillation = c.distilled() ? parameter("dist_token", Init.truncatedNormal(0.02), 1, 1, D) : null;
        patches = child("patch_embed", new PatchEmbedding(c));
        positionDropout = child("pos_drop", new Dropout(c.positionDropout()));
        normPre = child("norm_pre", c.preNorm() ? new LayerNorm(D, c.normEps()) : new Identity());
        var dropPaths = c.dropPaths();
        blocks = children("blocks", c.depth(), i -> new Block(c, dropPaths[i]));
        norm = child("norm", c.finalNorm() && !c.normsAfterPooling() ? new LayerNorm(D, c.normEps()) : new Identity());
        attentionPool = c.pool() == Pool.MAP
                ? child("attn_pool", new AttentionPool(D, c.heads(), c.hidden(), c.normEps(), c.activation()))
                : null;
        fcNorm = child("fc_norm", c.normsAfterPooling() ? new LayerNorm(D, c.normEps()) : new Identity());
        headDropout = child("head_drop", new Dropout(c.headDropout()));
        head = classifier("head", classes -> linear(c, classes));
        distillationHead = c.distilled() ? classifier("head_dist", classes -> linear(c, classes)) : null;
    }

    private static Linear linear(ViTConfig c, int classes) {
        return switch (c.weightInit()) {
            case TIMM -> new Linear(c.pooledWidth(), classes);
            case JAX -> new Linear(c.pooledWidth(), classes, true, Init.zeros(), Init.zeros());
            case JAX_NLHB ->
                new Linear(c.pooledWidth(), classes, true, Init.zeros(), Init.constant(-Math.log(classes)));
        };
    }

    /** Tokens before the first block: {@code [B, T+N, D]} (eq. 1). */
    private Tensor tokens(Tensor images, FeatureTap tap) {
        return tokens(images, patches.apply(images, tap));
    }

    /** Embedded patches with positions and prefix, {@code [B, N, D] → [B, T+N, D]}. */
    private Tensor tokens(Tensor images, Tensor x) {
        var table = positions.value();
        if (config().dynamicSize() || config().dynamicPad()) {
            table = Positions.resample(
                    table,
                    config().positionedPrefix(),
                    config().gridHeight(),
                    config().gridWidth(),
                    patches.rows(images.size(2)),
                    patches.columns(images.size(3)));
        }
        x = config().positionsCoverPrefix() ? withPrefix(x).plus(table) : withPrefix(x.plus(table));
        x = positionDropout.apply(x);
        if (training() && config().patchDropout() > 0) {
            x = Positions.dropPatches(x, config().prefixTokens(), config().patchDropout());
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
                config().patchDropout() == 0,
                "the patches of a model that drops some (patchDropout %s) cannot be told apart: set it to 0",
                config().patchDropout());
        return framed(() -> {
            var x = tokens(images, change.apply(patches.apply(images, FeatureTap.NONE)));
            x = norm.apply(encoded(x, blocks.size(), images, FeatureTap.NONE));
            return fcNorm.apply(patchesOf(x)); // it stands after pooling where norm does not stand before
        });
    }

    @Override
    public int tokenHeight() {
        return config().patchHeight() * config().stem().map(Stem::stride).orElse(1);
    }

    @Override
    public int tokenWidth() {
        return config().patchWidth() * config().stem().map(Stem::stride).orElse(1);
    }

    /** The patches' tokens where they lie in the images, {@code [B, T+N, D] → [B, D, H/P, W/P]}. */
    private Tensor map(Tensor tokens, Tensor images) {
        return Positions.map(patchesOf(tokens), patches.rows(images.size(2)), patches.columns(images.size(3)));
    }

    @Override
    public List<FeatureInfo> featureInfo() {
        var blocks = FeatureInfo.each("blocks", config().depth(), config().width(), tokenHeight(), tokenWidth());
        return Stream.concat(config().stemMaps().stream(), blocks.stream()).toList();
    }

    @Override
    protected Tensor pooledOf(Tensor images) {
        if (!inference() || config().pool() != Pool.TOKEN || ForwardHook.active()) {
            return pooled(features(images, FeatureTap.NONE));
        }
        // Only the class (and distillation) token is read, so the last block computes no other.
        int last = blocks.size() - 1;
        var x = encoded(images, last, FeatureTap.NONE);
        x = blocks.get(last).applyToFirst(x, config().distilled() ? 2 : 1);
        return pooled(norm.apply(x));
    }

    /** {@code [B, T+N, D] → [B, D]}, or {@code [B, 2, D]} for class and distillation token (eq. 4). */
    @Override
    protected Tensor pooled(Tensor x) {
        var vector =
                switch (config().pool()) {
                    case TOKEN -> config().distilled() ? x.narrow(1, 0, 2) : x.select(1, 0);
                    case AVG -> patchesOf(x).mean(false, 1);
                    case MAX -> patchesOf(x).max(false, 1);
                    case AVGMAX ->
                        patchesOf(x)
                                .max(false, 1)
                                .plus(patchesOf(x).mean(false, 1))
                                .times(0.5);
                    case MAP -> attend(patchesOf(x));
                    case TOKEN_AVG -> Tensor.cat(1, x.select(1, 0), patchesOf(x).mean(false, 1));
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
        if (distillationHead == null) {
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
        return config().pooledWidth();
    }

    @Override
    public String firstConv() {
        return config().stem()
                .map(stem -> "patch_embed.backbone." + stem.firstConvolution())
                .orElse("patch_embed.proj");
    }

    @Override
    public Optional<Tensor> resample(String name, Tensor values, long[] wanted, Optional<ModelConfig> source) {
        if (name.equals("pos_embed")) {
            var from = source.map(c -> ((ViTConfig) c).grid());
            return Positions.fit(values, config().positionedPrefix(), from, config().grid(), config().width(), true);
        }
        return name.equals("patch_embed.proj.weight") ? Positions.fitPatch(values, wanted) : Optional.empty();
    }

    @Override
    public boolean noWeightDecay(String parameter) {
        return switch (parameter) {
            case "pos_embed", "cls_token", "dist_token", "reg_token" -> true;
            default -> false;
        };
    }

    @Override
    protected LayerGroups depths() {
        return LayerGroups.of("blocks", config().depth())
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

        Block(ViTConfig c, double dropPath) {
            hookPoint(HookPoint.BLOCK, "");
            int D = c.width();
            norm1 = child("norm1", new LayerNorm(D, c.normEps()));
            attention = child(
                    "attn",
                    new Attention(new Attention.Config(
                            D,
                            c.heads(),
                            c.qkvBias(),
                            c.qkNorm() ? c.normEps() : null,
                            1 / Math.sqrt((double) D / c.heads()),
                            c.attentionDropout(),
                            c.projectionDropout(),
                            c.matrixInit(D, 3L * D),
                            c.matrixInit(D, D))));
            scale1 = child("ls1", scale(c));
            dropPath1 = child("drop_path1", new DropPath(dropPath));
            norm2 = child("norm2", new LayerNorm(D, c.normEps()));
            mlp = child(
                    "mlp",
                    c.gatedMlp()
                            ? new GatedMlp(D, c.hidden())
                            : new Mlp(
                                    D,
                                    c.hidden(),
                                    c.activation(),
                                    c.projectionDropout(),
                                    c.matrixInit(D, c.hidden()),
                                    c.mlpBiasInit()));
            scale2 = child("ls2", scale(c));
            dropPath2 = child("drop_path2", new DropPath(dropPath));
        }

        private static Layer scale(ViTConfig c) {
            return c.layerScale().isPresent()
                    ? new LayerScale(c.width(), c.layerScale().getAsDouble())
                    : new Identity();
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
