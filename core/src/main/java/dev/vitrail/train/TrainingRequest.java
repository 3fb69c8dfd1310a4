package dev.vitrail.train;

import static dev.vitrail.train.TrainingOptions.DATA;
import static dev.vitrail.train.TrainingOptions.MODEL;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.models.zoo.Catalog;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;
import java.util.stream.Collectors;

/**
 * Request for a run: a recipe, and options that override it.
 *
 * @param recipe a name of {@link Recipe#shipped}, a file, or {@link #AUTO}
 * @param named options that override the recipe's
 */
public record TrainingRequest(String recipe, TrainingOverrides named) {
    /** The recipe that {@link RecipeAdvisor} chooses by the data and the model. */
    public static final String AUTO = "auto";

    /**
     * The configuration of a new run. Unless named, the data is the built-in set and the model follows from the size of
     * its images.
     *
     * @param reasons receives why a recipe was chosen, a sentence each
     * @throws VitrailException if the recipe, data or model do not exist, or weights are to be fine-tuned without data
     */
    public TrainingConfig configure(Consumer<String> reasons) {
        var start = named.applyTo(TrainingConfig.STANDARD.with(DATA, TrainingData.BUILT_IN));
        var config = recipe.equals(AUTO)
                ? advised(start, reasons)
                : Recipe.get(recipe).apply(start);
        if (config.get(MODEL).isEmpty()) {
            config = config.with(
                    MODEL, RecipeAdvisor.model(TrainingData.open(start).train()));
        }
        return named.applyTo(config);
    }

    /** All that is named, a line each. */
    public String text() {
        return named.texts().entrySet().stream()
                .map(entry -> "%s: %s\n".formatted(entry.getKey(), entry.getValue()))
                .collect(Collectors.joining("", "recipe: %s\n".formatted(recipe), ""));
    }

    /** The configuration of a run that has begun, with what is named. */
    public TrainingConfig over(TrainingConfig begun) {
        return named.applyTo(recipe.equals(AUTO) ? begun : Recipe.get(recipe).apply(begun));
    }

    private TrainingConfig advised(TrainingConfig start, Consumer<String> reasons) {
        var model = start.get(MODEL);
        boolean trained = !model.isEmpty() && namesWeights(model);
        VitrailException.require(
                !trained || named.get(DATA).isPresent(),
                "fine-tuning needs --data D, the images of your classes; without it only scratch training works");
        var train = TrainingData.open(start).train();
        var config = model.isEmpty() ? start.with(MODEL, RecipeAdvisor.model(train)) : start;
        var advice = RecipeAdvisor.advise(config, trained, train);
        advice.reasons().forEach(reason -> reasons.accept(advice.recipe() + ": " + reason));
        return advice.apply(config);
    }

    /**
     * Returns whether a model's name is that of weights: a path, a tagged name or one of the hub; else it must be in
     * the catalogue.
     */
    private static boolean namesWeights(String name) {
        if (Files.exists(Path.of(name)) || name.matches(".*[./:].*")) {
            return true;
        }
        Catalog.get(name);
        return false;
    }
}
