package dev.vitrail.study;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.models.zoo.Catalog;
import dev.vitrail.train.Recipe;
import dev.vitrail.train.TrainingConfig;
import dev.vitrail.train.TrainingConfigFile;
import dev.vitrail.train.TrainingOptions;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;

/**
 * Definition of a study: each model is trained by each recipe on each share of the data, as often as there are seeds.
 *
 * @param name of its file, without the ending; names its folder too
 * @param scale the part of the file that was chosen; empty where it has no such parts
 * @param title what it asks, in one line
 * @param source where the question is from; may be empty
 * @param data what is learned from: a folder or file, or the name of the built-in set
 * @param models names of the catalogue, or weights to go on from
 * @param recipes names of recipes, or files
 * @param shares of the training images, of each class alike, in (0, 1]; drawn by the seed, the smaller part of the
 *     larger
 * @param seeds from which weights, shares and orders are drawn
 * @param baseline the model or recipe that the best run is compared with; empty for the first other that is named
 * @param options training options over those of the recipes, as YAML
 * @param budgetMinutes that one call may take
 */
public record Study(
        String name,
        String scale,
        String title,
        String source,
        String data,
        List<String> models,
        List<String> recipes,
        List<Double> shares,
        List<Long> seeds,
        Optional<String> baseline,
        String options,
        double budgetMinutes) {
    public Study {
        models = axis("models", models, name);
        recipes = axis("recipes", recipes, name);
        shares = axis("shares", shares, name);
        seeds = axis("seeds", seeds, name);
        require(
                baseline.isEmpty() || models.contains(baseline.get()) || recipes.contains(baseline.get()),
                "the study %s has the baseline '%s': expected one of its models or recipes, %s, %s",
                name,
                baseline.orElse(""),
                String.join(", ", models),
                String.join(", ", recipes));
        require(budgetMinutes > 0, "the study %s has %s minutes: let budget_minutes be positive", name, budgetMinutes);
    }

    private static <T> List<T> axis(String key, List<T> values, String name) {
        require(!values.isEmpty(), "the study %s has no %s: name at least one", name, key);
        require(
                new HashSet<>(values).size() == values.size(),
                "the study %s names one of its %s twice: %s",
                name,
                key,
                values);
        return List.copyOf(values);
    }

    /** Changes the data. */
    public Study withData(String other) {
        return new Study(
                name, scale, title, source, other, models, recipes, shares, seeds, baseline, options, budgetMinutes);
    }

    /** Changes the time limit of a call. */
    public Study withBudget(double minutes) {
        return new Study(name, scale, title, source, data, models, recipes, shares, seeds, baseline, options, minutes);
    }

    /** Default name of its folder. */
    public String folderName() {
        return scale.isEmpty() ? name : name + "-" + scale;
    }

    /**
     * The runs, in the order in which they are made: all of the first seed before the second, so that a study that is
     * cut short is a whole one with fewer seeds.
     *
     * @throws dev.vitrail.errors.VitrailException if the options of one do not fit, or two runs cannot be told apart
     */
    public List<StudyRun> runs() {
        var runs = new ArrayList<StudyRun>();
        for (long seed : seeds) {
            for (double share : shares) {
                for (var recipe : recipes) {
                    for (var model : models) {
                        runs.add(new StudyRun(model, recipe, share, seed, config(model, recipe, share, seed)));
                    }
                }
            }
        }
        models.forEach(Study::requireKnown);
        var folders = new HashSet<String>();
        for (var run : runs) {
            require(
                    folders.add(run.folderName()),
                    "two runs of the study %s would share the folder %s: rename a model's folder or a recipe's file",
                    name,
                    run.folderName());
        }
        return runs;
    }

    /** A name that can only be of the catalogue is of the catalogue: better said now than after hours. */
    private static void requireKnown(String model) {
        if (model.matches("\\w+") && !Files.exists(Path.of(model))) {
            Catalog.get(model);
        }
    }

    private TrainingConfig config(String model, String recipe, double share, long seed) {
        var start = TrainingConfig.STANDARD;
        var config = TrainingConfigFile.with(Recipe.get(recipe).apply(start), options, "options of the study " + name);
        return config.with(TrainingOptions.MODEL, model)
                .with(TrainingOptions.DATA, data)
                .with(TrainingOptions.TRAIN_FRACTION, share)
                .with(TrainingOptions.SEED, seed)
                .checked();
    }
}
