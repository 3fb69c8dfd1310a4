package dev.vitrail.models.vit;

import dev.vitrail.models.Head;
import dev.vitrail.models.ModelFamily;
import dev.vitrail.nn.Activation;
import dev.vitrail.nn.Pool;
import java.util.OptionalDouble;
import java.util.function.Function;

/**
 * The published sizes of the {@link VisionTransformer}, by timm's names, and a few for images of 32 to 48 pixels.
 *
 * <p>Widths, depths and heads: Dosovitskiy et al., 2021, Table 1 (B, L, H); Steiner et al., 2021, arXiv:2106.10270
 * (Ti, S); Zhai et al., 2022, arXiv:2106.04560 (g); Alabdulmohsin et al., 2023, arXiv:2305.13035 (the shapes of So);
 * the others are timm's. A classifier has as many rows as the weights that are timm's default for the name; 0 where
 * those have none.
 */
public final class ViTVariants {
    private ViTVariants() {}

    // spotless:off
    public static final ModelFamily FAMILY = ModelFamily.of("ViT",
                    ViTCheckpointFormats.OFFICIAL_DEIT3, ViTCheckpointFormats.TORCHVISION,
                    ViTCheckpointFormats.DINO_V2)
            .exporting(ViTCheckpointFormats.TO_TORCHVISION, ViTCheckpointFormats.TO_TRANSFORMERS,
                    ViTCheckpointFormats.DINO_V2_TO_TRANSFORMERS,
                    ViTCheckpointFormats.GATED_DINO_V2_TO_TRANSFORMERS,
                    ViTCheckpointFormats.DINO_V2_WITH_REGISTERS_TO_TRANSFORMERS,
                    ViTCheckpointFormats.GATED_DINO_V2_WITH_REGISTERS_TO_TRANSFORMERS)
            // as published
            .variant("vit_tiny_patch16_224", tiny(224, 16))
            .variant("vit_tiny_patch16_384", tiny(384, 16))
            .variant("vit_small_patch32_224", small(224, 32))
            .variant("vit_small_patch32_384", small(384, 32))
            .variant("vit_small_patch16_224", small(224, 16))
            .variant("vit_small_patch16_384", small(384, 16))
            .variant("vit_small_patch8_224", small(224, 8).withClasses(0))
            .variant("vit_base_patch32_224", base(224, 32))
            .variant("vit_base_patch32_384", base(384, 32))
            .variant("vit_base_patch16_224", base(224, 16))
            .variant("vit_base_patch16_384", base(384, 16))
            .variant("vit_base_patch8_224", base(224, 8))
            .variant("vit_large_patch32_224", large(224, 32).withClasses(0))
            .variant("vit_large_patch32_384", large(384, 32))
            .variant("vit_large_patch16_224", large(224, 16))
            .variant("vit_large_patch16_384", large(384, 16))
            .variant("vit_large_patch14_224", large(224, 14))
            .variant("vit_huge_patch14_224", huge(224, 14).withClasses(0))
            .variant("vit_giant_patch14_224", giant(224, 14))
            // 36 narrow blocks, from Touvron et al., 2022, arXiv:2203.09795
            .variant("vit_small_patch16_36x1_224", ViTConfig.of(224, 16, 384, 36, 6).with(scaled(1e-5)))
            // ImageNet-21k-P, Ridnik et al., 2021, arXiv:2104.10972
            .variant("vit_base_patch16_224_miil", base(224, 16).withEncoder(e -> e.withQkvBias(false)).withClasses(11221))
            // wider than B, as OpenCLIP has it
            .variant("vit_base_patch32_plus_256", ViTConfig.of(256, 32, 896, 12, 14).with(scaled(1e-5)))
            .variant("vit_base_patch16_plus_240", ViTConfig.of(240, 16, 896, 12, 14).with(scaled(1e-5)))
            // FlexiViT, Beyer et al., 2022, arXiv:2212.08013
            .variant("flexivit_small", small(240, 16).with(withoutPrefixPositions()))
            .variant("flexivit_base", base(240, 16).with(withoutPrefixPositions()))
            .variant("flexivit_large", large(240, 16).with(withoutPrefixPositions()))
            // CLIP's image tower, Radford et al., 2021, arXiv:2103.00020
            .variant("vit_base_patch16_clip_224", base(224, 16).with(clip(Activation.GELU)))
            .variant("vit_base_patch16_clip_quickgelu_224", base(224, 16).with(clip(Activation.QUICK_GELU)).withClasses(512))
            // SigLIP's image tower, Zhai et al., 2023, arXiv:2303.15343
            .variant("vit_base_patch16_siglip_224", base(224, 16).with(pooledBy(Pool.MAP)).withClasses(0))
            // DINOv2, Oquab et al., 2023, arXiv:2304.07193; with registers, Darcet et al., 2023, arXiv:2309.16588
            .variant("vit_small_patch14_dinov2", small(518, 14).with(scaled(1e-5)).withClasses(0))
            .variant("vit_base_patch14_dinov2", base(518, 14).with(scaled(1e-5)).withClasses(0))
            .variant("vit_large_patch14_dinov2", large(518, 14).with(scaled(1e-5)).withClasses(0))
            .variant("vit_giant_patch14_dinov2", dinoGiant())
            .variant("vit_small_patch14_reg4_dinov2", small(518, 14).with(scaled(1e-5)).with(registers(4)).withClasses(0))
            .variant("vit_base_patch14_reg4_dinov2", base(518, 14).with(scaled(1e-5)).with(registers(4)).withClasses(0))
            .variant("vit_large_patch14_reg4_dinov2", large(518, 14).with(scaled(1e-5)).with(registers(4)).withClasses(0))
            .variant("vit_giant_patch14_reg4_dinov2", dinoGiant().with(registers(4)))
            // pooled over patches, tokens normalised before pooling: I-JEPA, Assran et al., 2023, arXiv:2301.08243
            .variant("vit_base_patch16_gap_224", ViTConfig.of(224, 16, 768, 12, 16).with(normThenMean()))
            .variant("vit_huge_patch14_gap_224", huge(224, 14).with(normThenMean()).withClasses(0))
            .variant("vit_huge_patch16_gap_448", huge(448, 16).with(normThenMean()).withClasses(0))
            .variant("vit_giant_patch16_gap_224", giant(224, 16).with(normThenMean()).withClasses(0))
            // between the letters, without biases on queries, keys and values
            .variant("vit_medium_patch16_gap_240", medium(240).with(withoutBiases()).withClasses(11821))
            .variant("vit_medium_patch16_gap_256", medium(256).with(withoutBiases()))
            .variant("vit_medium_patch16_gap_384", medium(384).with(withoutBiases()))
            .variant("vit_betwixt_patch16_gap_256", betwixt(256).with(withoutBiases()))
            // between the letters, with registers, pooled before the norm
            .variant("vit_wee_patch16_reg1_gap_256", ViTConfig.of(256, 16, 256, 14, 4).with(hidden(5)).with(registersThenMean(1)))
            .variant("vit_little_patch16_reg1_gap_256", ViTConfig.of(256, 16, 320, 14, 5).with(hidden(5.6)).with(registersThenMean(1)))
            .variant("vit_little_patch16_reg4_gap_256", ViTConfig.of(256, 16, 320, 14, 5).with(hidden(5.6)).with(registersThenMean(4)))
            .variant("vit_medium_patch16_reg1_gap_256", medium(256).with(registersThenMean(1)))
            .variant("vit_medium_patch16_reg4_gap_256", medium(256).with(registersThenMean(4)))
            .variant("vit_mediumd_patch16_reg4_gap_256", ViTConfig.of(256, 16, 512, 20, 8).with(registersThenMean(4)))
            .variant("vit_mediumd_patch16_reg4_gap_384", ViTConfig.of(384, 16, 512, 20, 8).with(registersThenMean(4)))
            .variant("vit_betwixt_patch16_reg1_gap_256", betwixt(256).with(registersThenMean(1)))
            .variant("vit_betwixt_patch16_reg4_gap_256", betwixt(256).with(registersThenMean(4)))
            .variant("vit_betwixt_patch16_reg4_gap_384", betwixt(384).with(registersThenMean(4)))
            .variant("vit_base_patch16_reg4_gap_256", base(256, 16).with(registersThenMean(4)).with(unscaled()))
            // shape-optimised, 150 M parameters
            .variant("vit_so150m_patch16_reg4_map_256", so150m(256).with(pooledBy(Pool.MAP)))
            .variant("vit_so150m_patch16_reg4_gap_256", so150m(256).with(normThenMean()))
            .variant("vit_so150m_patch16_reg4_gap_384", so150m(384).with(normThenMean()))
            .variant("vit_so150m2_patch16_reg1_gap_256", so150m2(256))
            .variant("vit_so150m2_patch16_reg1_gap_384", so150m2(384))
            .variant("vit_so150m2_patch16_reg1_gap_448", so150m2(448))
            // The paper's ViT in miniature: an 8×8 grid of patches on small images, 10 classes. mini: 1.2 M parameters;
            // tiny_d6: Ti's width at half its depth, 2.7 M. Ours, without published weights.
            .variant("vit_mini_patch4_32", mini(32, 4, 128, 6, 4))
            .variant("vit_mini_patch4_gap_32", mini(32, 4, 128, 5, 4).with(pooledBy(Pool.AVG)))
            .variant("vit_mini_patch6_48", mini(48, 6, 128, 6, 4))
            .variant("vit_tiny_d6_patch4_32", mini(32, 4, 192, 6, 3))
            .variant("vit_tiny_d6_patch6_48", mini(48, 6, 192, 6, 3));
    // spotless:on

    // ------------------------------------------------------------------ sizes: image, patch → width, depth, heads

    public static ViTConfig mini(int image, int patch, int width, int depth, int heads) {
        return ViTConfig.of(image, patch, width, depth, heads).withHead(new Head(10, Pool.TOKEN, 0));
    }

    public static ViTConfig tiny(int image, int patch) {
        return ViTConfig.of(image, patch, 192, 12, 3);
    }

    public static ViTConfig small(int image, int patch) {
        return ViTConfig.of(image, patch, 384, 12, 6);
    }

    public static ViTConfig medium(int image) {
        return ViTConfig.of(image, 16, 512, 12, 8);
    }

    private static ViTConfig betwixt(int image) {
        return ViTConfig.of(image, 16, 640, 12, 10);
    }

    public static ViTConfig base(int image, int patch) {
        return ViTConfig.of(image, patch, 768, 12, 12);
    }

    public static ViTConfig large(int image, int patch) {
        return ViTConfig.of(image, patch, 1024, 24, 16);
    }

    public static ViTConfig huge(int image, int patch) {
        return ViTConfig.of(image, patch, 1280, 32, 16);
    }

    private static ViTConfig giant(int image, int patch) {
        return ViTConfig.of(image, patch, 1408, 40, 16).with(hidden(48.0 / 11));
    }

    private static ViTConfig dinoGiant() {
        return ViTConfig.of(518, 14, 1536, 40, 24)
                .with(scaled(1e-5))
                .with(hidden(2.66667 * 2)) // 8192 channels: gates and values of 4096 each
                .withEncoder(e -> e.withActivation(Activation.SILU))
                .withBlocks(b -> b.withGatedMlp(true))
                .withHead(new Head(0, Pool.TOKEN, 0));
    }

    private static ViTConfig so150m(int image) {
        return ViTConfig.of(image, 16, 896, 18, 14)
                .with(hidden(2.572))
                .with(pooledBy(Pool.AVG))
                .withTokens(t -> t.withRegisters(4));
    }

    private static ViTConfig so150m2(int image) {
        return ViTConfig.of(image, 16, 832, 21, 13)
                .with(hidden(34.0 / 13))
                .with(scaled(1e-5))
                .with(pooledBy(Pool.AVG))
                .withTokens(t -> t.withRegisters(1))
                .withEncoder(e -> e.withQkvBias(false));
    }

    // ------------------------------------------------------------------------------------------------------- options

    /** LayerScale that starts at {@code initial}. */
    public static Function<ViTConfig, ViTConfig> scaled(double initial) {
        return c -> c.withBlocks(b -> b.withLayerScale(OptionalDouble.of(initial)));
    }

    private static Function<ViTConfig, ViTConfig> unscaled() {
        return c -> c.withBlocks(b -> b.withLayerScale(OptionalDouble.empty()));
    }

    private static Function<ViTConfig, ViTConfig> hidden(double ratio) {
        return c -> c.withEncoder(e -> e.withMlpRatio(ratio));
    }

    /** Prefix tokens without positions. */
    public static Function<ViTConfig, ViTConfig> withoutPrefixPositions() {
        return c -> c.withTokens(t -> t.withPositionsCoverPrefix(false));
    }

    /** Register tokens; prefix tokens have no position. */
    private static Function<ViTConfig, ViTConfig> registers(int count) {
        return withoutPrefixPositions().andThen(c -> c.withTokens(t -> t.withRegisters(count)));
    }

    /** A pool over patches, and no class token. */
    public static Function<ViTConfig, ViTConfig> pooledBy(Pool pool) {
        return c -> c.withHead(c.head().withPool(pool)).withTokens(t -> t.withClassToken(false));
    }

    private static Function<ViTConfig, ViTConfig> normThenMean() {
        return pooledBy(Pool.AVG).andThen(c -> c.withNorms(n -> n.withAfterPool(false)));
    }

    private static Function<ViTConfig, ViTConfig> registersThenMean(int count) {
        return pooledBy(Pool.AVG).andThen(registers(count)).andThen(scaled(1e-5));
    }

    private static Function<ViTConfig, ViTConfig> withoutBiases() {
        return normThenMean().andThen(scaled(1e-6)).andThen(c -> c.withEncoder(e -> e.withQkvBias(false)));
    }

    private static Function<ViTConfig, ViTConfig> clip(Activation activation) {
        return c -> c.withNorms(n -> n.withPre(true))
                .withEncoder(e -> e.withNormEps(1e-5).withActivation(activation));
    }
}
