package dev.vitrail.models;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;

/** One architecture: its published variants, and the formats that its checkpoints come in. */
public final class ModelFamily {
    private final String name;
    private final List<CheckpointFormat> formats;
    private final Predicate<String> derived;
    private final List<ExportNames> exports;
    private final Map<String, Variant> variants = new LinkedHashMap<>();

    private ModelFamily(
            String name, List<CheckpointFormat> formats, Predicate<String> derived, List<ExportNames> exports) {
        this.name = name;
        this.formats = formats;
        this.derived = derived;
        this.exports = exports;
    }

    /**
     * A family without variants yet.
     *
     * @param name as people call it, such as {@code ViT}
     * @param formats other code bases' names for its parameters; the model's own need none
     */
    public static ModelFamily of(String name, CheckpointFormat... formats) {
        return new ModelFamily(name, List.of(formats), any -> false, List.of());
    }

    /**
     * This family, without variants yet, some of whose checkpoints carry what follows from the configuration.
     *
     * @param other whether a tensor of that name, in any format, is such: an index or a mask, which we do not store
     */
    public ModelFamily deriving(Predicate<String> other) {
        return new ModelFamily(name, formats, other, exports);
    }

    /** This family, without variants yet, whose weights can be written with these names of other code bases. */
    public ModelFamily exporting(ExportNames... names) {
        return new ModelFamily(name, formats, derived, List.of(names));
    }

    /** Adds a variant. */
    public ModelFamily variant(String variant, ModelConfig config) {
        if (variants.putIfAbsent(variant, new Variant(variant, this, config)) != null) {
            throw new IllegalStateException("the variant '" + variant + "' is listed twice");
        }
        return this;
    }

    public String name() {
        return name;
    }

    public List<Variant> variants() {
        return List.copyOf(variants.values());
    }

    public List<CheckpointFormat> formats() {
        return formats;
    }

    /** Names of other code bases that weights can be written with. */
    public List<ExportNames> exports() {
        return exports;
    }

    /**
     * Returns whether a checkpoint's tensor of that name follows from the configuration, so that no model stores it.
     */
    public boolean derives(String tensor) {
        return derived.test(tensor);
    }
}
