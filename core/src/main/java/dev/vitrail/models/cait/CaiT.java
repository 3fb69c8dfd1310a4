package dev.vitrail.models.cait;

import dev.vitrail.engine.Functional;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.Tensor;
import dev.vitrail.models.FeatureInfo;
import dev.vitrail.models.LayerGroups;
import dev.vitrail.models.Model;
import dev.vitrail.models.ModelConfig;
import dev.vitrail.models.layers.PatchProjection;
import dev.vitrail.models.layers.Positions;
import dev.vitrail.nn.Attention;
import dev.vitrail.nn.DropPath;
import dev.vitrail.nn.Dropout;
import dev.vitrail.nn.HookPoint;
import dev.vitrail.nn.Init;
import dev.vitrail.nn.Layer;
import dev.vitrail.nn.LayerNorm;
import dev.vitrail.nn.LayerScale;
import dev.vitrail.nn.Linear;
import dev.vitrail.nn.Mlp;
import dev.vitrail.nn.Module;
import dev.vitrail.nn.Parameter;
import dev.vitrail.nn.Pool;
import dev.vitrail.nn.Residual;
import java.util.List;
import java.util.Optional;

/**
 * CaiT: a deep vision transformer whose residual branches are scaled from almost nothing, and whose class token comes
 * in only after the patches are done with each other.
 *
 * <p>Touvron et al., <i>Going deeper with Image Transformers</i>, ICCV 2021,
 * <a href="https://arxiv.org/abs/2103.17239">arXiv:2103.17239</a>; equation numbers below are the paper's. The heads
 * talk to each other (Shazeer et al., <i>Talking-Heads Attention</i>, 2020, arXiv:2003.02436). Weights carry the names
 * of the authors' code, which timm kept.
 *
 * <p>Shapes: {@code B} images in a batch, {@code N} patches, {@code D} embedding width, {@code h} heads of
 * {@code d = D/h} channels.
 */
public final class CaiT extends Model {
    private final PatchEmbedding patches;
    private final Parameter cls;
    private final Parameter positions;
    private final Dropout positionDropout;
    private final List<Block> blocks;
    private final List<ClassBlock> classBlocks;
    private final LayerNorm norm;

    public CaiT(CaiTConfig c) {
        super(c);
        cls = parameter(
                "cls_token", Init.truncatedNormal(0.02), 1, 1, c.encoder().width());
        positions = parameter(
                "pos_embed",
                Init.truncatedNormal(0.02),
                1,
                c.grid().patches(),
                c.encoder().width());
        patches = child("patch_embed", new PatchEmbedding(c));
        positionDropout = child("pos_drop", new Dropout(c.dropouts().position()));
        blocks = children("blocks", c.encoder().depth(), i -> new Block(c));
        classBlocks = children("blocks_token_only", c.classDepth(), i -> new ClassBlock(c));
        norm = child("norm", new LayerNorm(c.encoder().width(), c.encoder().normEps()));
        classifier("head", classes -> new Linear(c.encoder().width(), classes));
    }

    @Override
    public CaiTConfig config() {
        return (CaiTConfig) super.config();
    }

    /**
     * The class token and the patches after the last block, normalised.
     *
     * @param images {@code [B, channels, H, W]}, normalised
     * @return {@code [B, 1+N, D]}
     */
    @Override
    protected Tensor features(Tensor images) {
        var x = positionDropout.apply(patches.apply(images).plus(positions.value())); //  [B, N, D]
        for (var block : blocks) {
            x = block.apply(x);
        }
        var token = cls.value().expand(x.size(0), -1, -1); //                             [B, 1, D]
        for (var block : classBlocks) {
            token = block.apply(x, token);
        }
        return norm.apply(Tensor.cat(1, token, x));
    }

    /** Blocks of class attention do not change the patches. */
    @Override
    public List<FeatureInfo> featureInfo() {
        return FeatureInfo.each(
                "blocks", config().encoder().depth(), config().encoder().width(), config().patch());
    }

    @Override
    protected Tensor normalised(FeatureInfo info, Tensor output) {
        return norm.apply(output);
    }

    @Override
    protected Tensor map(FeatureInfo info, Tensor output, Tensor images) {
        return Positions.map(output, config().grid());
    }

    /** {@code [B, 1+N, D] → [B, D]}. */
    @Override
    protected Tensor pooled(Tensor x) {
        return config().head().pool() == Pool.TOKEN
                ? x.select(1, 0)
                : x.narrow(1, 1, x.size(1) - 1).mean(false, 1);
    }

    @Override
    public int width() {
        return config().encoder().width();
    }

    @Override
    public String firstConv() {
        return "patch_embed.proj";
    }

    @Override
    public Optional<Tensor> resample(String name, Tensor values, long[] wanted, Optional<ModelConfig> source) {
        if (name.equals("pos_embed")) {
            return Positions.fit(
                    values,
                    0,
                    source.map(c -> ((CaiTConfig) c).grid()),
                    config().grid(),
                    config().encoder().width(),
                    true);
        }
        return name.equals("patch_embed.proj.weight") ? Positions.fitPatch(values, wanted) : Optional.empty();
    }

    @Override
    public boolean noWeightDecay(String parameter) {
        return parameter.equals("pos_embed") || parameter.equals("cls_token");
    }

    /** Blocks of class attention count as the last blocks of self-attention, as timm has it. */
    @Override
    protected LayerGroups layerGroups() {
        return LayerGroups.of("blocks", config().encoder().depth())
                .alongside("blocks_token_only", config().classDepth())
                .embedding("cls_token", "pos_embed", "patch_embed")
                .last("norm");
    }

    /** {@code [B, channels, H, W] → [B, N, D]}. */
    private static final class PatchEmbedding extends Layer {
        private final CaiTConfig config;
        private final PatchProjection projection;

        PatchEmbedding(CaiTConfig c) {
            config = c;
            projection =
                    child("proj", new PatchProjection(c.channels(), c.encoder().width(), c.patch()));
        }

        @Override
        protected Tensor forward(Tensor images) {
            config.image().requireSize(images);
            return projection.apply(images).flatten(1, 2);
        }
    }

    /** A block of self-attention among patches (eq. 4), {@code [B, N, D] → [B, N, D]}. */
    private static final class Block extends Layer {
        private final Parameter gamma1;
        private final Parameter gamma2;
        private final LayerNorm norm1;
        private final TalkingHeads attention;
        private final DropPath dropPath;
        private final LayerNorm norm2;
        private final Mlp mlp;

        Block(CaiTConfig c) {
            hookPoint(HookPoint.BLOCK, "");
            gamma1 = parameter(
                    "gamma_1", Init.constant(c.layerScale()), c.encoder().width());
            gamma2 = parameter(
                    "gamma_2", Init.constant(c.layerScale()), c.encoder().width());
            norm1 = child(
                    "norm1", new LayerNorm(c.encoder().width(), c.encoder().normEps()));
            attention = child("attn", new TalkingHeads(c));
            dropPath = child("drop_path", new DropPath(c.dropouts().path()));
            norm2 = child(
                    "norm2", new LayerNorm(c.encoder().width(), c.encoder().normEps()));
            mlp = child(
                    "mlp",
                    new Mlp(
                            c.encoder().width(),
                            c.encoder().hidden(),
                            c.encoder().activation(),
                            c.dropouts().projection()));
        }

        @Override
        protected Tensor forward(Tensor x) {
            x = Residual.addInPlace(
                    x, dropPath.apply(LayerScale.scaleInPlace(attention.apply(norm1.apply(x)), gamma1)));
            return Residual.addInPlace(x, dropPath.apply(LayerScale.scaleInPlace(mlp.apply(norm2.apply(x)), gamma2)));
        }
    }

    /**
     * Self-attention whose heads are mixed before and after the softmax, {@code [B, N, D] → [B, N, D]}. No fused kernel
     * knows the mixing, so scores are computed explicitly.
     */
    private static final class TalkingHeads extends Layer {
        private final int heads;
        private final double scale;
        private final Linear qkv;
        private final Mixing before;
        private final Mixing after;
        private final Dropout dropout;
        private final Linear out;
        private final Dropout outDropout;

        TalkingHeads(CaiTConfig c) {
            hookPoint(HookPoint.ATTENTION, Attention.WEIGHTS);
            int D = c.encoder().width();
            heads = c.encoder().heads();
            scale = c.scale();
            qkv = child("qkv", new Linear(D, 3L * D, c.encoder().qkvBias()));
            dropout = child(Attention.WEIGHTS, new Dropout(c.dropouts().attention()));
            out = child("proj", new Linear(D, D));
            before = child("proj_l", new Mixing(c.encoder().heads()));
            after = child("proj_w", new Mixing(c.encoder().heads()));
            outDropout = child("proj_drop", new Dropout(c.dropouts().projection()));
        }

        @Override
        protected Tensor forward(Tensor x) {
            long B = x.size(0), N = x.size(1), D = x.size(2);
            var parts = qkv.apply(x)
                    .reshape(B, N, 3, heads, D / heads)
                    .permute(2, 0, 3, 1, 4)
                    .unbind(0); //                                                    q, k, v: [B, h, N, d]
            var scores = parts.get(0).times(scale).matmul(parts.get(1).transpose(-2, -1));
            var weights = Functional.softmax(before.apply(scores), -1); //                [B, h, N, N]
            var y = dropout.apply(after.apply(weights)).matmul(parts.get(2));
            return outDropout.apply(out.apply(y.transpose(1, 2).reshape(B, N, D)));
        }
    }

    /**
     * A linear map of heads to heads, {@code [B, h, N, N] → [B, h, N, N]}. As a product from the left it needs no other
     * layout of the scores; measured, it is five times as fast as a 1×1 convolution of so few channels.
     */
    private static final class Mixing extends Layer {
        private final int heads;
        private final Parameter weight;
        private final Parameter bias;

        Mixing(int heads) {
            this.heads = heads;
            weight = parameter("weight", Init.truncatedNormal(0.02), heads, heads);
            bias = parameter("bias", Init.zeros(), heads);
        }

        @Override
        protected Tensor forward(Tensor x) {
            var mixed = weight.value().expand(x.size(0), heads, heads).matmul(x.flatten(2)); // [B, h, N²]
            var offsets = bias.value().reshape(heads, 1);
            var sum = Gradients.recorded() ? mixed.plus(offsets) : mixed.plusInPlace(offsets);
            return sum.reshape(x.shape());
        }
    }

    /** A block in which only the class token asks and changes (eq. 5 and 6), {@code [B, 1, D] → [B, 1, D]}. */
    private static final class ClassBlock extends Module {
        private final Parameter gamma1;
        private final Parameter gamma2;
        private final LayerNorm norm1;
        private final ClassAttention attention;
        private final LayerNorm norm2;
        private final Mlp mlp;

        ClassBlock(CaiTConfig c) {
            hookPoint(HookPoint.BLOCK, "");
            gamma1 = parameter(
                    "gamma_1", Init.constant(c.layerScale()), c.encoder().width());
            gamma2 = parameter(
                    "gamma_2", Init.constant(c.layerScale()), c.encoder().width());
            norm1 = child(
                    "norm1", new LayerNorm(c.encoder().width(), c.encoder().normEps()));
            attention = child("attn", new ClassAttention(c));
            norm2 = child(
                    "norm2", new LayerNorm(c.encoder().width(), c.encoder().normEps()));
            mlp = child(
                    "mlp",
                    new Mlp(
                            c.encoder().width(),
                            (int) (c.encoder().width() * c.classMlpRatio()),
                            c.encoder().activation(),
                            0));
        }

        /**
         * @param x the patches, {@code [B, N, D]}
         * @param token {@code [B, 1, D]}
         */
        Tensor apply(Tensor x, Tensor token) {
            return framed(() -> {
                var all = norm1.apply(Tensor.cat(1, token, x)); //                      [B, 1+N, D]
                var y = Residual.addInPlace(token, LayerScale.scaleInPlace(attention.apply(all), gamma1));
                return Residual.addInPlace(y, LayerScale.scaleInPlace(mlp.apply(norm2.apply(y)), gamma2));
            });
        }
    }

    /** Attention whose only query is the class token (eq. 5 and 6), {@code [B, 1+N, D] → [B, 1, D]}. */
    private static final class ClassAttention extends Layer {
        private final int heads;
        private final double scale;
        private final Linear q;
        private final Linear k;
        private final Linear v;
        private final Linear out;

        ClassAttention(CaiTConfig c) {
            hookPoint(HookPoint.ATTENTION, Attention.WEIGHTS);
            int D = c.encoder().width();
            heads = c.encoder().heads();
            scale = c.scale();
            q = child("q", new Linear(D, D, c.encoder().qkvBias()));
            k = child("k", new Linear(D, D, c.encoder().qkvBias()));
            v = child("v", new Linear(D, D, c.encoder().qkvBias()));
            out = child("proj", new Linear(D, D));
        }

        @Override
        protected Tensor forward(Tensor x) {
            long B = x.size(0), D = x.size(2);
            var token = x.narrow(1, 0, 1).contiguous();
            var y = Attention.attention(
                    this, split(q.apply(token)), split(k.apply(x)), split(v.apply(x)), null, 0, scale);
            return out.apply(y.transpose(1, 2).reshape(B, 1, D));
        }

        private Tensor split(Tensor x) {
            return x.reshape(x.size(0), x.size(1), heads, x.size(2) / heads).transpose(1, 2);
        }
    }
}
