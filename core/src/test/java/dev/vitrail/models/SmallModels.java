package dev.vitrail.models;

import dev.vitrail.models.beit.Beit;
import dev.vitrail.models.beit.BeitVariants;
import dev.vitrail.models.deit.DeitVariants;
import dev.vitrail.models.hybrid.Hybrid;
import dev.vitrail.models.hybrid.HybridVariants;
import dev.vitrail.models.mixer.MlpMixer;
import dev.vitrail.models.mixer.MlpMixerVariants;
import dev.vitrail.models.resnet.ResNetV2Config;
import dev.vitrail.models.resnet.ResNetV2Variants;
import dev.vitrail.models.resnet.ResNetVariants;
import dev.vitrail.models.vit.ViTConfig;
import dev.vitrail.models.vit.ViTVariants;
import dev.vitrail.models.zoo.Catalog;
import dev.vitrail.nn.Pool;
import java.util.List;
import java.util.stream.Stream;

/** A model of every family and of every kind of backbone, small enough to run in milliseconds. */
public final class SmallModels {
    private static final ResNetV2Config BIT = ResNetV2Config.of(1, 1)
            .withImage(ImageInput.square(64))
            .withBlocks(b -> b.withWidths(List.of(32, 64)))
            .withStem(s -> new ResNetV2Config.Stem(ResNetV2Config.StemType.FIXED, 16))
            .withLayers(l -> l.withGroups(8))
            .withHead(new Head(5, Pool.AVG, 0));

    private SmallModels() {}

    /** Miniatures of the catalogue, and families that have none. */
    public static Stream<Variant> all() {
        return Stream.concat(
                Stream.of(
                                "vit_mini_patch4_32",
                                "vit_mini_patch4_gap_32",
                                "resnet_mini_32",
                                "vit_mini_r5_s4_gap_32",
                                "convnext_mini_32",
                                "t2t_mini_32",
                                "t2t_mini_32_dense",
                                "t2t_mini_32_se",
                                "t2t_mini_32_ghost",
                                "swin_mini_32",
                                "swinv2_mini_32",
                                "cait_mini_32",
                                "compact_vit_mini_32",
                                "simple_vit_mini_32",
                                "compact_t2t_mini_32",
                                "compact_cait_mini_32")
                        .map(Catalog::get),
                Stream.of(
                        new Variant("bit", ResNetV2Variants.FAMILY, BIT),
                        new Variant(
                                "hybrid",
                                HybridVariants.FAMILY,
                                vit(64, 1).withPatches(p -> p.withStem(new Hybrid.NetworkStem(BIT)))),
                        new Variant("distilled", DeitVariants.FAMILY, vit(32, 8).withTokens(t -> t.withDistilled(true)
                                .withRegisters(1))),
                        new Variant(
                                "map_pool",
                                ViTVariants.FAMILY,
                                vit(32, 8).withHead(new Head(5, Pool.MAP, 0)).withImage(32, 40)),
                        new Variant("beit", BeitVariants.FAMILY, Beit.Config.of(48, 24, 2, 3, 0.1)),
                        new Variant(
                                "beit_token",
                                BeitVariants.FAMILY,
                                Beit.Config.of(48, 24, 2, 3, 0.1).withPool("token")),
                        new Variant("mixer", MlpMixerVariants.FAMILY, MlpMixer.Config.of(32, 8, 24, 2)),
                        new Variant(
                                "resnet_catavgmax",
                                ResNetVariants.FAMILY,
                                Catalog.get("resnet_mini_32").config().withPool("catavgmax"))));
    }

    private static ViTConfig vit(int image, int patch) {
        return ViTConfig.of(image, patch, 24, 2, 3).withHead(new Head(5, Pool.TOKEN, 0));
    }
}
