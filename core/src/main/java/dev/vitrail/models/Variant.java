package dev.vitrail.models;

import java.util.Optional;

/**
 * A named size of a family, such as {@code vit_tiny_patch16_224}.
 *
 * @param name the original's name for it, without the tag of a training
 * @param family its architecture
 * @param config its numbers
 * @param origin the text that it was built from, where it is not of the catalogue: what a saved model must keep to
 *     be built again
 */
public record Variant(String name, ModelFamily family, ModelConfig config, Optional<String> origin) {
    /** A size of the catalogue, which its name tells. */
    public Variant(String name, ModelFamily family, ModelConfig config) {
        this(name, family, config, Optional.empty());
    }

    /** A model of this size, its parameters declared but without values. */
    public Model create() {
        return config.create();
    }
}
