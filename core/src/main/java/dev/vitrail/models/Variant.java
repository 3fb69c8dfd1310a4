package dev.vitrail.models;

/**
 * A named size of a family, such as {@code vit_tiny_patch16_224}.
 *
 * @param name the original's name for it, without the tag of a training
 * @param family its architecture
 * @param config its numbers
 */
public record Variant(String name, Family<?> family, ModelConfig config) {
    /** A model of this size, its parameters declared but without values. */
    public Model create() {
        return family.create(config);
    }

    /** This variant with the classes and the image size of published weights. */
    public Variant as(Pretrained weights) {
        var input = weights.input();
        var sized = input.height() == config.imageHeight() && input.width() == config.imageWidth()
                ? config
                : config.withImage(input.height(), input.width());
        return new Variant(name, family, sized.withClasses(weights.classes()));
    }
}
