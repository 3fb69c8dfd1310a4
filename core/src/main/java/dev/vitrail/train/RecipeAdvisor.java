package dev.vitrail.train;

import java.util.List;

/** Proposes a recipe from what is known before training, and says why. */
public final class RecipeAdvisor {
    /** Side of what counts as a small picture, pixels. */
    private static final int SMALL = 64;
    /** Images below which all layers would only learn them by heart. */
    private static final int FEW = 500;

    /**
     * A proposal.
     *
     * @param recipe its name
     * @param reasons why, a sentence each
     */
    public record Advice(String recipe, List<String> reasons) {}

    private RecipeAdvisor() {}

    /**
     * The recipe for a model and data.
     *
     * @param trained whether the model starts from trained weights
     * @param images to train on
     * @param imageSize shorter side of the model's input, pixels
     */
    public static Advice advise(boolean trained, int images, int imageSize) {
        if (trained) {
            return images < FEW
                    ? new Advice(
                            "classifier-only",
                            List.of(
                                    "the model is trained already, and %,d images are fewer than the %d below which all layers would learn them by heart"
                                            .formatted(images, FEW)))
                    : new Advice(
                            "fine-tune",
                            List.of("the model is trained already, and %,d images are enough for all of its layers"
                                    .formatted(images)));
        }
        return imageSize <= SMALL
                ? new Advice(
                        "quick-look",
                        List.of("the model starts from random weights on pictures of %d pixels".formatted(imageSize)))
                : new Advice(
                        "photos",
                        List.of("the model starts from random weights on pictures of %d pixels".formatted(imageSize)));
    }
}
