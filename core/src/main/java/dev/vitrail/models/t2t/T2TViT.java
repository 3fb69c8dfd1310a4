package dev.vitrail.models.t2t;

import dev.vitrail.engine.Tensor;
import dev.vitrail.models.Channels;
import dev.vitrail.models.FeatureInfo;
import dev.vitrail.models.LayerGroups;
import dev.vitrail.models.Model;
import dev.vitrail.models.ModelConfig;
import dev.vitrail.models.layers.Positions;
import dev.vitrail.models.layers.SinCos;
import dev.vitrail.models.layers.SoftSplit;
import dev.vitrail.models.t2t.T2TViTConfig.TokenAttention;
import dev.vitrail.nn.Dropout;
import dev.vitrail.nn.ForwardHook;
import dev.vitrail.nn.Init;
import dev.vitrail.nn.Layer;
import dev.vitrail.nn.LayerNorm;
import dev.vitrail.nn.Linear;
import dev.vitrail.nn.Parameter;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * T2T-ViT: a vision transformer that is trained from scratch on a dataset of ImageNet's size, because it builds its
 * tokens in steps and because its backbone is deep and narrow; with the other backbones that its authors compared.
 *
 * <p>Yuan et al., <i>Tokens-to-Token ViT</i>, ICCV 2021,
 * <a href="https://arxiv.org/abs/2101.11986">arXiv:2101.11986</a>. {@link TokensToToken} is section 3.1,
 * {@link T2TBlocks} section 3.2. Weights carry the names of the authors' code (yitu-opensource/T2T-ViT).
 *
 * <p>Shapes: {@code B} images in a batch, {@code C} colour channels, {@code H×W} pixels, {@code N} tokens, {@code D}
 * embedding width, {@code h} heads.
 */
public final class T2TViT extends Model {
    /** Epsilon of every layer normalization. */
    static final double EPS = 1e-5;

    /** Channels for each one that channel attention squeezes them into. */
    static final int SQUEEZE = 16;

    /** Hidden channels of Ghost's MLP over its width: one part is computed, two follow. */
    static final int GHOST_RATIO = 3;

    private final TokensToToken tokens;
    private final Parameter cls;
    private final Parameter positions;
    private final Dropout positionDropout;
    private final List<Layer> blocks;
    private final LayerNorm norm;

    public T2TViT(T2TViTConfig c) {
        super(c);
        int D = c.backbone().width();
        int count = 1 + (int) c.grid().patches();
        cls = parameter("cls_token", Init.truncatedNormal(0.02), 1, 1, D);
        positions = fixedParameter("pos_embed", values -> values.copyInPlace(SinCos.sequence(count, D)), 1, count, D);
        tokens = child("tokens_to_token", new TokensToToken(c));
        positionDropout = child("pos_drop", new Dropout(c.dropout()));
        var backbone = T2TBlocks.of(c);
        blocks = children("blocks", backbone.size(), backbone::get);
        norm = child("norm", new LayerNorm(c.backbone().outputWidth(), EPS));
        classifier("head", classes -> new Linear(c.backbone().outputWidth(), classes));
    }

    @Override
    public T2TViTConfig config() {
        return (T2TViTConfig) super.config();
    }

    /**
     * Tokens after the last block, normalized: the model's column from the images to what is pooled,
     * {@code [B, 1+N, D]}.
     *
     * @param classTokenAlone whether the last block computes no more than the class token
     */
    private Tensor encode(Tensor images, boolean classTokenAlone) {
        var x = tokens.apply(images); //                                                [B, N, D], section 3.1
        x = Tensor.cat(1, cls.value().expand(x.size(0), -1, -1), x);
        x = positionDropout.apply(x.plus(positions.value())); //                        [B, 1+N, D]
        int last = blocks.size() - 1;
        for (int i = 0; i <= last; i++) { //                                            section 3.2
            x = classTokenAlone && i == last
                    ? ((T2TBlocks.Block) blocks.get(i)).applyToFirst(x, 1)
                    : blocks.get(i).apply(x);
        }
        return norm.apply(x);
    }

    /**
     * Tokens after the last block, normalized; the first is the class token.
     *
     * @param images {@code [B, C, H, W]}, normalized
     * @return {@code [B, 1+N, D]}
     */
    @Override
    protected Tensor features(Tensor images) {
        return encode(images, false);
    }

    @Override
    public List<FeatureInfo> featureInfo() {
        int stride =
                config().tokens().splits().stream().mapToInt(SoftSplit::stride).reduce(1, Math::multiplyExact);
        var widths = T2TBlocks.widths(config());
        return IntStream.range(0, widths.size())
                .mapToObj(i -> FeatureInfo.square("blocks." + i, widths.get(i), stride))
                .toList();
    }

    /** The last normalization fits blocks of the last width alone: in a dense backbone, the last block. */
    @Override
    protected Tensor normalised(FeatureInfo info, Tensor output) {
        return info.channels() == config().backbone().outputWidth() ? norm.apply(output) : output;
    }

    @Override
    protected Tensor map(FeatureInfo info, Tensor output, Tensor images) {
        return Positions.map(output.narrow(1, 1, output.size(1) - 1), config().grid());
    }

    /** The class token, {@code [B, 1+N, D] → [B, D]}. */
    @Override
    protected Tensor pooled(Tensor features) {
        return features.select(1, 0);
    }

    /** While only the result counts, the last block computes the class token alone, where it can. */
    @Override
    protected Tensor pooledOf(Tensor images) {
        boolean classTokenAlone = inference()
                && !ForwardHook.active()
                && blocks.get(blocks.size() - 1) instanceof T2TBlocks.Block block
                && block.mayStopAtFirst();
        return pooled(encode(images, classTokenAlone));
    }

    @Override
    public int width() {
        return config().backbone().outputWidth();
    }

    /** The first layer that sees pixels: no convolution, but a linear layer on windows, channel by channel. */
    @Override
    public String firstConv() {
        if (config().tokens().splits().size() == 1) {
            return "tokens_to_token.project";
        }
        return config().tokens().attention() == TokenAttention.PERFORMER
                ? "tokens_to_token.attention1.kqv"
                : "tokens_to_token.attention1.attn.qkv";
    }

    /**
     * Positions for another grid are resampled, bicubic without antialiasing, as the authors do to fine-tune
     * at 384 pixels.
     */
    @Override
    public Optional<Tensor> resample(String name, Tensor values, long[] wanted, Optional<ModelConfig> source) {
        if (name.equals("pos_embed")) {
            return Positions.fit(
                    values,
                    1,
                    source.map(c -> ((T2TViTConfig) c).grid()),
                    config().grid(),
                    config().backbone().width(),
                    false);
        }
        boolean first = name.equals(firstConv() + ".weight") || name.startsWith("tokens_to_token.attention1.norm1.");
        return first ? Channels.fitWindows(values, config().channels(), wanted, false) : Optional.empty();
    }

    @Override
    public boolean noWeightDecay(String parameter) {
        return parameter.equals("cls_token");
    }

    @Override
    protected LayerGroups layerGroups() {
        return LayerGroups.of("blocks", blocks.size())
                .embedding("cls_token", "pos_embed", "tokens_to_token")
                .last("norm");
    }
}
