package dev.vitrail.models.swin;

import static dev.vitrail.models.swin.SwinConfig.Version.V1;
import static dev.vitrail.models.swin.SwinConfig.Version.V2;

import dev.vitrail.models.ModelConfig;
import dev.vitrail.models.ModelFamily;
import dev.vitrail.models.layers.Window;
import dev.vitrail.models.swin.SwinConfig.Windows;
import java.util.Arrays;
import java.util.List;

/**
 * The published sizes of the {@link SwinTransformer}, by timm's names: the paper's section 3.3, the searched windows
 * of S3 (Chen et al., AutoFormerV2, 2021, arXiv:2111.14725), and version 2's section 4.1; and miniatures for images
 * of 32 pixels.
 */
public final class SwinVariants {
    private SwinVariants() {}

    private static final List<Integer> T = List.of(2, 2, 6, 2);
    private static final List<Integer> S = List.of(2, 2, 18, 2);

    public static final ModelFamily FAMILY = ModelFamily.of(
                    "Swin", SwinCheckpointFormats.TORCHVISION, SwinCheckpointFormats.OFFICIAL)
            .exporting(
                    SwinCheckpointFormats.TO_ORIGINAL,
                    SwinCheckpointFormats.TO_TORCHVISION,
                    SwinCheckpointFormats.TO_TRANSFORMERS)
            .deriving(SwinCheckpointFormats::isDerived)
            // spotless:off
            .variant("swin_tiny_patch4_window7_224",   v1(224,  96, T, 3, 7))
            .variant("swin_small_patch4_window7_224",  v1(224,  96, S, 3, 7))
            .variant("swin_base_patch4_window7_224",   v1(224, 128, S, 4, 7))
            .variant("swin_base_patch4_window12_384",  v1(384, 128, S, 4, 12))
            .variant("swin_large_patch4_window7_224",  v1(224, 192, S, 6, 7))
            .variant("swin_large_patch4_window12_384", v1(384, 192, S, 6, 12))
            .variant("swin_s3_tiny_224",  s3(T, 7, 7, 14, 7))
            .variant("swin_s3_small_224", s3(S, 14, 14, 14, 7))
            .variant("swin_s3_base_224",  s3(List.of(2, 2, 30, 2), 7, 7, 14, 7))
            .variant("swin_mini_32", mini(SwinConfig.of(V1, 32, 48, List.of(2, 4, 2), List.of(3, 6, 12), 4)));
            // spotless:on

    public static final ModelFamily FAMILY_V2 = ModelFamily.of(
                    "Swin V2", SwinCheckpointFormats.TORCHVISION_V2, SwinCheckpointFormats.OFFICIAL)
            .exporting(SwinCheckpointFormats.TO_ORIGINAL, SwinCheckpointFormats.V2_TO_TRANSFORMERS)
            .deriving(SwinCheckpointFormats::isDerived)
            // spotless:off
            .variant("swinv2_tiny_window8_256",   v2(256,  96, T, 3, 8))
            .variant("swinv2_tiny_window16_256",  v2(256,  96, T, 3, 16))
            .variant("swinv2_small_window8_256",  v2(256,  96, S, 3, 8))
            .variant("swinv2_small_window16_256", v2(256,  96, S, 3, 16))
            .variant("swinv2_base_window8_256",   v2(256, 128, S, 4, 8))
            .variant("swinv2_base_window16_256",  v2(256, 128, S, 4, 16))
            .variant("swinv2_base_window12_192",           v2(192, 128, S, 4, 12).withClasses(21841))
            .variant("swinv2_base_window12to16_192to256",  pretrained(v2(256, 128, S, 4, 16)))
            .variant("swinv2_base_window12to24_192to384",  pretrained(v2(384, 128, S, 4, 24)))
            .variant("swinv2_large_window12_192",          v2(192, 192, S, 6, 12).withClasses(21841))
            .variant("swinv2_large_window12to16_192to256", pretrained(v2(256, 192, S, 6, 16)))
            .variant("swinv2_large_window12to24_192to384", pretrained(v2(384, 192, S, 6, 24)))
            .variant("swinv2_mini_32", mini(SwinConfig.of(V2, 32, 48, List.of(2, 4, 2), List.of(3, 6, 12), 4)));
            // spotless:on

    private static SwinConfig v1(int image, int width, List<Integer> depths, int heads, int window) {
        return SwinConfig.of(V1, image, width, depths, doubled(heads), window);
    }

    private static SwinConfig v2(int image, int width, List<Integer> depths, int heads, int window) {
        return SwinConfig.of(V2, image, width, depths, doubled(heads), window);
    }

    private static List<Integer> doubled(int heads) {
        return List.of(heads, 2 * heads, 4 * heads, 8 * heads);
    }

    private static SwinConfig s3(List<Integer> depths, int... windows) {
        var sizes =
                Arrays.stream(windows).mapToObj(side -> new Window(side, side)).toList();
        return v1(224, 96, depths, 3, 7).withWindows(w -> Windows.of(sizes));
    }

    private static SwinConfig pretrained(SwinConfig config) {
        return config.withWindows(w -> new Windows(w.sizes(), List.of(12, 12, 12, 6), w.fixed()));
    }

    /** Patches of 2 pixels: at 32 pixels a patch covers about the share of the image that 4 pixels cover at 64. */
    private static ModelConfig mini(SwinConfig config) {
        return config.withPatches(new SwinConfig.Patches(2, true, false)).withClasses(10);
    }
}
