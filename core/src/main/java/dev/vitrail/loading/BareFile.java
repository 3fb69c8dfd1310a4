package dev.vitrail.loading;

import dev.vitrail.images.CropMode;
import dev.vitrail.images.Interpolation;
import dev.vitrail.images.Normalization;
import dev.vitrail.images.Preprocessing;
import dev.vitrail.models.Variant;
import dev.vitrail.models.zoo.Pretrained;
import dev.vitrail.weights.StateDict;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * Preprocessing for a weights file that has none: as those do it whose names its tensors have. It is a guess, and is
 * told.
 *
 * @param preprocessing the guess
 * @param note whose it is, in a sentence; empty where the tag of published weights was named, which says it
 */
record BareFile(Preprocessing preprocessing, Optional<String> note) {
    /**
     * Side of torchvision's resized images by the variant, where it differs from 256 (torchvision 0.28,
     * the weights' transforms).
     */
    private static final Map<String, Integer> TORCHVISION_RESIZED = Map.ofEntries(
            Map.entry("vit_large_patch16_224", 242),
            Map.entry("swin_tiny_patch4_window7_224", 232),
            Map.entry("swin_small_patch4_window7_224", 246),
            Map.entry("swin_base_patch4_window7_224", 238),
            Map.entry("swinv2_tiny_window8_256", 260),
            Map.entry("swinv2_small_window8_256", 260),
            Map.entry("swinv2_base_window8_256", 272),
            Map.entry("convnext_tiny", 236),
            Map.entry("convnext_small", 230),
            Map.entry("convnext_base", 232),
            Map.entry("convnext_large", 232));

    private static final int USUAL_RESIZED = 256;

    /**
     * @param file what to call it
     * @param architecture the name that was asked for, with a tag or without
     * @param stored the weights by the names that the file has
     */
    static BareFile of(String file, String architecture, Variant variant, StateDict stored) {
        var tagged = architecture.contains(".") ? Pretrained.find(architecture) : Optional.<Pretrained>empty();
        if (tagged.isPresent()) {
            return new BareFile(ModelInput.preprocessing(tagged.get().input()), Optional.empty());
        }
        if (isTorchvisions(stored)) {
            return guess(file, torchvision(variant), "torchvision's weights of %s".formatted(variant.name()));
        }
        if (stored.names().stream().anyMatch(name -> name.contains("embeddings.patch_embeddings."))) {
            return guess(
                    file,
                    transformers(variant),
                    "the transformers library's published models of the family %s"
                            .formatted(variant.family().name()));
        }
        var weights = Pretrained.of(variant.name()).stream().findFirst();
        return guess(
                file,
                ModelInput.preprocessing(variant),
                weights.map(published -> "the weights " + published.name())
                        .orElse("models of %s".formatted(variant.name())));
    }

    private static BareFile guess(String file, Preprocessing input, String whose) {
        return new BareFile(
                input,
                Optional.of(
                        ("%s does not say how its images are prepared: it is done as for %s (mean %s, std %s, crop %s"
                                        + " %s, %s); --mean, --std, --crop and --interpolation say otherwise")
                                .formatted(
                                        file,
                                        whose,
                                        input.mean(),
                                        input.std(),
                                        input.cropMode().key(),
                                        String.format(Locale.ROOT, "%.3f", input.cropPct()),
                                        input.interpolation().key())));
    }

    private static boolean isTorchvisions(StateDict stored) {
        return stored.names().stream().anyMatch(name -> name.matches("(.*\\.)?(conv_proj|features\\.0\\.0)\\.weight"));
    }

    private static Preprocessing torchvision(Variant variant) {
        int size = variant.config().imageHeight();
        boolean vit = variant.name().startsWith("vit_");
        // The larger ViTs, and its H at any size, were fine-tuned by SWAG, whose images are not cut.
        boolean swag = vit && (size > 224 || variant.name().startsWith("vit_huge"));
        int resized = swag ? size : TORCHVISION_RESIZED.getOrDefault(variant.name(), USUAL_RESIZED);
        boolean bicubic = swag || variant.name().startsWith("swin");
        return Preprocessing.of(
                size,
                Preprocessing.shareOf(size, Math.max(size, resized)),
                bicubic ? Interpolation.BICUBIC : Interpolation.BILINEAR,
                Normalization.IMAGENET);
    }

    /** The image processors' settings that the families' published folders have. */
    private static Preprocessing transformers(Variant variant) {
        int size = variant.config().imageHeight();
        boolean dino = variant.name().contains("dinov2");
        return switch (variant.family().name()) {
            case "DeiT" ->
                made(
                        size,
                        Preprocessing.shareOf(size, size * 8 / 7),
                        CropMode.SQUASH_FLOOR,
                        Interpolation.BICUBIC,
                        Normalization.IMAGENET);
            case "BEiT" -> made(size, 1, CropMode.SQUASH, Interpolation.BICUBIC, Normalization.INCEPTION);
            case "ViT" ->
                dino
                        ? made(
                                size,
                                Preprocessing.shareOf(size, size * 8 / 7),
                                CropMode.CENTER_FLOOR,
                                Interpolation.BICUBIC,
                                Normalization.IMAGENET)
                        : made(size, 1, CropMode.SQUASH, Interpolation.BILINEAR, Normalization.INCEPTION);
            default -> made(size, 1, CropMode.SQUASH, Interpolation.BICUBIC, Normalization.IMAGENET);
        };
    }

    private static Preprocessing made(
            int size, double share, CropMode mode, Interpolation interpolation, Normalization statistics) {
        return new Preprocessing(3, size, size, share, mode, interpolation, statistics.mean(), statistics.std());
    }
}
