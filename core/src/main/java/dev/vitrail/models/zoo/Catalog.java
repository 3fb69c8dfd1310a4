package dev.vitrail.models.zoo;

import dev.vitrail.errors.Names;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.models.ModelFamily;
import dev.vitrail.models.Variant;
import dev.vitrail.models.beit.BeitVariants;
import dev.vitrail.models.cait.CaiTVariants;
import dev.vitrail.models.compact.CompactVariants;
import dev.vitrail.models.convnext.ConvNeXtVariants;
import dev.vitrail.models.deit.DeitVariants;
import dev.vitrail.models.hybrid.HybridVariants;
import dev.vitrail.models.mixer.MlpMixerVariants;
import dev.vitrail.models.resnet.ResNetV2Variants;
import dev.vitrail.models.resnet.ResNetVariants;
import dev.vitrail.models.swin.SwinVariants;
import dev.vitrail.models.t2t.T2TVariants;
import dev.vitrail.models.vit.ViTVariants;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/** Every named variant of every family. */
public final class Catalog {
    /** The families, in the order in which their papers appeared. */
    public static final List<ModelFamily> FAMILIES = List.of(
            ResNetVariants.FAMILY,
            ResNetV2Variants.FAMILY,
            ViTVariants.FAMILY,
            HybridVariants.FAMILY,
            DeitVariants.FAMILY,
            T2TVariants.FAMILY,
            SwinVariants.FAMILY,
            CaiTVariants.FAMILY,
            MlpMixerVariants.FAMILY,
            BeitVariants.FAMILY,
            SwinVariants.FAMILY_V2,
            ConvNeXtVariants.FAMILY,
            CompactVariants.VIT,
            CompactVariants.SIMPLE,
            CompactVariants.T2T,
            CompactVariants.CAIT);

    private static final Map<String, Variant> BY_NAME = index();

    private Catalog() {}

    private static Map<String, Variant> index() {
        var all = new LinkedHashMap<String, Variant>();
        for (var family : FAMILIES) {
            for (var variant : family.variants()) {
                if (all.putIfAbsent(variant.name(), variant) != null) {
                    throw new IllegalStateException("two families have a variant '" + variant.name() + "'");
                }
            }
        }
        return all;
    }

    /** All variants, family by family. */
    public static List<Variant> variants() {
        return List.copyOf(BY_NAME.values());
    }

    /**
     * The variants whose name matches a pattern with {@code *} and {@code ?}; a pattern without either matches
     * as a part.
     */
    public static List<Variant> matching(String pattern) {
        var wildcard = pattern.contains("*") || pattern.contains("?") ? pattern : "*" + pattern + "*";
        var regex = new StringBuilder();
        for (char c : wildcard.toCharArray()) {
            regex.append(
                    switch (c) {
                        case '*' -> ".*";
                        case '?' -> ".";
                        default -> Pattern.quote(String.valueOf(c));
                    });
        }
        var compiled = Pattern.compile(regex.toString());
        return BY_NAME.values().stream()
                .filter(variant -> compiled.matcher(variant.name()).matches())
                .toList();
    }

    /**
     * The variant of that name.
     *
     * @param name a variant's name, or with the tag of published weights after the first dot: then the variant has the
     *     classes and the image size of those
     */
    public static Optional<Variant> find(String name) {
        return name.contains(".")
                ? Pretrained.find(name)
                        .flatMap(weights -> find(weights.variant()).map(weights::configured))
                : Optional.ofNullable(BY_NAME.get(name));
    }

    /**
     * Like {@link #find}.
     *
     * @throws VitrailException naming the nearest names, or the variant's tags, when there is none of that name
     */
    public static Variant get(String name) {
        return find(name).orElseThrow(() -> {
            int dot = name.indexOf('.');
            if (dot > 0 && BY_NAME.containsKey(name.substring(0, dot))) {
                return unknownTag(name.substring(0, dot), name.substring(dot + 1));
            }
            return VitrailException.of(
                    "there is no model '%s'; the nearest names are %s ('vitrail models' lists all)",
                    name,
                    String.join(", ", Names.nearest(dot < 0 ? name : name.substring(0, dot), BY_NAME.keySet(), 3)));
        });
    }

    private static VitrailException unknownTag(String variant, String tag) {
        var tags = Pretrained.of(variant).stream().map(Pretrained::tag).toList();
        return tags.isEmpty()
                ? VitrailException.of(
                        "%s has no published weights, so there is no '%s' of it: leave the tag out", variant, tag)
                : VitrailException.of(
                        "%s has no published weights '%s'; it has %s",
                        variant, tag, String.join(", ", Names.nearest(tag, tags, tags.size())));
    }
}
