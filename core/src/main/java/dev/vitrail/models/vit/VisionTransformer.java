package dev.vitrail.models.vit;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.engine.Tensor;
import dev.vitrail.models.FeatureInfo;
import dev.vitrail.models.LayerGroups;
import dev.vitrail.models.Model;
import dev.vitrail.models.ModelConfig;
import dev.vitrail.models.PatchTokens;
import dev.vitrail.models.layers.Positions;
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
import dev.vitrail.nn.Pool;
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
 * {@code N = HW/P²} patches, {@code T} prefix tokens (class, distillation, registers), {@code D} embedding width,
 * {@code h} heads.
 */
public final class VisionTransformer extends Model implements PatchTokens {
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
    private final Classifier head;
    private final @Nullable Classifier distillationHead;

    public VisionTransformer(ViTConfig c) {
        super(c);
        var tokens = c.tokens();
        var encoder = c.encoder();
        int D = encoder.width();
        cls = tokens.classToken() ? parameter("cls_token", Init.normal(1e-6), 1, 1, D) : null;
        registers = tokens.registers() > 0 ? parameter("reg_token", Init.normal(1e-6), 1, tokens.registers(), D) : null;
        positions = parameter(
                "pos_embed",
                Init.truncatedNormal(0.02),
                1,
                tokens.positionedPrefix() + c.grid().patches(),
                D);
        // DeiT's authors and timm add this token to a finished ViT, so it comes after the positions in
        // every list of parameters.
        distillation = tokens.distilled() ? parameter("dist_token", Init.truncatedNormal(0.02), 1, 1, D) : null;
        patches = child("patch_embed", new PatchEmbedding(c));
        positionDropout = child("pos_drop", new Dropout(c.dropouts().position()));
        normPre = child("norm_pre", norm(c, c.norms().pre()));
        var dropPaths = c.dropPaths();
        blocks = children("blocks", encoder.depth(), i -> new Block(c, dropPaths[i]));
        norm = child("norm", norm(c, c.norms().last() && !c.normsAfterPooling()));
        attentionPool = c.head().pool() == Pool.MAP
                ? child(
                        "attn_pool",
                        new AttentionPool(
                                D, encoder.heads(), encoder.hidden(), encoder.normEps(), encoder.activation()))
                : null;
        fcNorm = child("fc_norm", norm(c, c.normsAfterPooling()));
        head = classifier("head", classes -> linear(c, classes));
        distillationHead = tokens.distilled() ? classifier("head_dist", classes -> linear(c, classes)) : null;
    }

    private static Layer norm(ViTConfig c, boolean present) {
        return present ? new LayerNorm(c.encoder().width(), c.encoder().normEps()) : new Identity();
    }

    @Override
    public ViTConfig config() {
        return (ViTConfig) super.config();
    }

    private static Linear linear(ViTConfig c, int classes) {
        return switch (c.weightInit()) {
            case TIMM -> new Linear(c.pooledWidth(), classes);
            case JAX -> new Linear(c.pooledWidth(), classes, true, Init.zeros(), Init.zeros());
            case JAX_NLHB ->
                new Linear(c.pooledWidth(), classes, true, Init.zeros(), Init.constant(-Math.log(classes)));
        };
    }

    /**
     * Tokens after the last block, normalized: the model's column from the images to what is pooled,
     * {@code [B, T+N, D]}.
     *
     * @param change of the embedded patches before they get their positions, {@code [B, N, D] → [B, N, D]}
     * @param prefixAlone whether the last block computes no more than the class (and distillation) token
     */
    private Tensor encode(Tensor images, UnaryOperator<Tensor> change, boolean prefixAlone) {
        var x = change.apply(patches.apply(images)); //                                   [B, N, D]
        x = normPre.apply(embedded(x, images)); //                                        [B, T+N, D], eq. 1
        int last = blocks.size() - 1;
        for (int i = 0; i <= last; i++) {
            x = prefixAlone && i == last //                                               eq. 2, 3
                    ? blocks.get(i).applyToFirst(x, config().tokens().distilled() ? 2 : 1)
                    : blocks.get(i).apply(x);
        }
        return norm.apply(x);
    }

    /**
     * Patches with positions and prefix tokens, {@code [B, N, D] → [B, T+N, D]}; while training some patches may
     * be left out.
     */
    private Tensor embedded(Tensor x, Tensor images) {
        var tokens = config().tokens();
        var table = positions.value();
        if (config().patches().dynamicSize() || config().patches().dynamicPad()) {
            table = Positions.resample(
                    table,
                    tokens.positionedPrefix(),
                    config().grid().rows(),
                    config().grid().columns(),
                    patches.rows(images.size(2)),
                    patches.columns(images.size(3)));
        }
        x = tokens.positionsCoverPrefix() ? withPrefix(x).plus(table) : withPrefix(x.plus(table));
        x = positionDropout.apply(x);
        return training() && tokens.patchDropout() > 0
                ? Positions.dropPatches(x, tokens.prefix(), tokens.patchDropout())
                : x;
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
     * @param images {@code [B, C, H, W]}, normalized
     * @return {@code [B, T+N, D]}
     */
    @Override
    protected Tensor features(Tensor images) {
        return encode(images, UnaryOperator.identity(), false);
    }

    /**
     * While only the result counts, the last block computes the class (and distillation) token alone where no
     * other is read.
     */
    @Override
    protected Tensor pooledOf(Tensor images) {
        boolean prefixAlone = inference() && config().head().pool() == Pool.TOKEN && !ForwardHook.active();
        return pooled(encode(images, UnaryOperator.identity(), prefixAlone));
    }

    @Override
    public Tensor patchTokens(Tensor images, UnaryOperator<Tensor> change) {
        require(
                config().tokens().patchDropout() == 0,
                "the patches of a model that drops some (patch dropout %s) cannot be told apart: set it to 0",
                config().tokens().patchDropout());
        // What normalizes after pooling, where nothing does before, fits the patches too.
        return framed(() -> fcNorm.apply(patchesOf(encode(images, change, false))));
    }

    @Override
    public int tokenHeight() {
        return config().patches().unit().height();
    }

    @Override
    public int tokenWidth() {
        return config().patches().unit().width();
    }

    @Override
    public List<FeatureInfo> featureInfo() {
        var blocks = FeatureInfo.each(
                "blocks", config().encoder().depth(), config().encoder().width(), tokenHeight(), tokenWidth());
        return Stream.concat(config().stemMaps().stream(), blocks.stream()).toList();
    }

    /** The stem's maps stay as they are. */
    @Override
    protected Tensor normalised(FeatureInfo info, Tensor output) {
        return isBlock(info) ? norm.apply(output) : output;
    }

    /**
     * The patches' tokens where they lie in the images, {@code [B, T+N, D] → [B, D, H/P, W/P]}; the stem's outputs are
     * maps.
     */
    @Override
    protected Tensor map(FeatureInfo info, Tensor output, Tensor images) {
        return isBlock(info)
                ? Positions.map(patchesOf(output), patches.rows(images.size(2)), patches.columns(images.size(3)))
                : output;
    }

    private boolean isBlock(FeatureInfo info) {
        return !config().stemMaps().contains(info);
    }

    /** {@code [B, T+N, D] → [B, D]}, or {@code [B, 2, D]} for class and distillation token (eq. 4). */
    @Override
    protected Tensor pooled(Tensor x) {
        var vector =
                switch (config().head().pool()) {
                    case TOKEN -> config().tokens().distilled() ? x.narrow(1, 0, 2) : x.select(1, 0);
                    case AVG -> patchesOf(x).mean(false, 1);
                    case MAX -> patchesOf(x).max(false, 1);
                    case AVGMAX ->
                        patchesOf(x)
                                .max(false, 1)
                                .plus(patchesOf(x).mean(false, 1))
                                .times(0.5);
                    case MAP -> attend(patchesOf(x));
                    case TOKEN_AVG -> Tensor.cat(1, x.select(1, 0), patchesOf(x).mean(false, 1));
                    case CATAVGMAX, NONE -> throw new IllegalStateException("a ViT has no such pool");
                };
        return fcNorm.apply(vector);
    }

    private Tensor attend(Tensor x) {
        return attentionPool == null ? x : attentionPool.apply(x);
    }

    private Tensor patchesOf(Tensor x) {
        long prefix = config().tokens().prefix();
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
        return config().patches()
                .stem()
                .map(stem -> "patch_embed.backbone." + stem.firstConvolution())
                .orElse("patch_embed.proj");
    }

    @Override
    public Optional<Tensor> resample(String name, Tensor values, long[] wanted, Optional<ModelConfig> source) {
        if (name.equals("pos_embed")) {
            var from = source.map(c -> ((ViTConfig) c).grid());
            return Positions.fit(
                    values,
                    config().tokens().positionedPrefix(),
                    from,
                    config().grid(),
                    config().encoder().width(),
                    true);
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
    protected LayerGroups layerGroups() {
        return LayerGroups.of("blocks", config().encoder().depth())
                .embedding("cls_token", "dist_token", "reg_token", "pos_embed", "patch_embed", "norm_pre")
                .last("norm");
    }

    /** A pre-norm encoder block (eq. 2 and 3), {@code [B, T+N, D] → [B, T+N, D]}. */
    static final class Block extends Layer {
        private final LayerNorm norm1;
        private final Attention attention;
        private final @Nullable LayerScale scale1;
        private final DropPath dropPath1;
        private final LayerNorm norm2;
        private final Layer mlp;
        private final @Nullable LayerScale scale2;
        private final DropPath dropPath2;

        Block(ViTConfig c, double dropPath) {
            hookPoint(HookPoint.BLOCK, "");
            var encoder = c.encoder();
            int D = encoder.width();
            norm1 = child("norm1", new LayerNorm(D, encoder.normEps()));
            attention = child(
                    "attn",
                    new Attention(new Attention.Config(
                            D,
                            encoder.heads(),
                            encoder.qkvBias(),
                            c.blocks().qkNorm() ? encoder.normEps() : null,
                            encoder.scale(),
                            c.dropouts().attention(),
                            c.dropouts().projection(),
                            c.matrixInit(D, 3L * D),
                            c.matrixInit(D, D))));
            scale1 = c.blocks().layerScale().isPresent() ? child("ls1", scale(c)) : null;
            dropPath1 = child("drop_path1", new DropPath(dropPath));
            norm2 = child("norm2", new LayerNorm(D, encoder.normEps()));
            mlp = child("mlp", mlp(c));
            scale2 = c.blocks().layerScale().isPresent() ? child("ls2", scale(c)) : null;
            dropPath2 = child("drop_path2", new DropPath(dropPath));
        }

        private static Layer mlp(ViTConfig c) {
            int D = c.encoder().width(), hidden = c.encoder().hidden();
            return c.blocks().gatedMlp()
                    ? new GatedMlp(D, hidden)
                    : new Mlp(
                            D,
                            hidden,
                            c.encoder().activation(),
                            c.dropouts().projection(),
                            c.matrixInit(D, hidden),
                            c.mlpBiasInit());
        }

        private static LayerScale scale(ViTConfig c) {
            return new LayerScale(c.encoder().width(), c.blocks().layerScale().orElseThrow());
        }

        /** A branch that is this block's own, scaled. */
        private static Tensor scaled(@Nullable LayerScale scale, Tensor branch) {
            return scale == null ? branch : scale.applyInPlace(branch);
        }

        @Override
        protected Tensor forward(Tensor x) {
            x = Residual.addInPlace(x, dropPath1.apply(scaled(scale1, attention.apply(norm1.apply(x))))); // eq. 2
            return Residual.addInPlace(x, dropPath2.apply(scaled(scale2, mlp.apply(norm2.apply(x))))); //    eq. 3
        }

        /** The block's result for the first {@code count} tokens alone, {@code [B, count, D]}. */
        Tensor applyToFirst(Tensor x, long count) {
            return framed(() -> {
                var first = x.narrow(1, 0, count);
                var y = Residual.addInPlace(first, scaled(scale1, attention.applyToFirst(norm1.apply(x), count)));
                return Residual.addInPlace(y, scaled(scale2, mlp.apply(norm2.apply(y))));
            });
        }
    }
}
