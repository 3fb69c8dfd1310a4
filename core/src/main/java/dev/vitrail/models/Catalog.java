package dev.vitrail.models;

import dev.vitrail.Names;
import dev.vitrail.VitrailException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/** Every named variant of every family. */
public final class Catalog {
    /** The families, in the order in which their papers appeared. */
    public static final List<Family<?>> FAMILIES = List.of(
            VisionTransformerVariants.FAMILY,
            DeitVariants.FAMILY,
            ResNetVariants.FAMILY,
            ResNetV2Variants.FAMILY,
            HybridVariants.FAMILY,
            ConvNeXtVariants.FAMILY,
            TokensToTokenVariants.FAMILY,
            CaiTVariants.FAMILY,
            SwinTransformerVariants.FAMILY,
            SwinTransformerVariants.FAMILY_V2);

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

    public static List<Variant> variants() {
        return List.copyOf(BY_NAME.values());
    }

    /** The variants whose name matches a pattern with {@code *} and {@code ?}; a pattern without either matches as a part. */
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

    public static Optional<Variant> find(String name) {
        return Optional.ofNullable(BY_NAME.get(name));
    }

    /**
     * The variant of that name.
     *
     * @throws VitrailException naming the nearest names when there is none
     */
    public static Variant get(String name) {
        return find(name)
                .orElseThrow(() -> VitrailException.of(
                        "there is no model '%s'; the nearest names are %s ('vitrail models' lists all)",
                        name, String.join(", ", Names.nearest(name, BY_NAME.keySet(), 3))));
    }
}
