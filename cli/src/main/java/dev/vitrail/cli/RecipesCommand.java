package dev.vitrail.cli;

import dev.vitrail.train.Recipe;
import dev.vitrail.train.TrainingConfig;
import dev.vitrail.train.TrainingConfigFile;
import dev.vitrail.train.TrainingOption;
import dev.vitrail.train.TrainingOptions;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Lists the recipes, shows one, or explains the options they are made of. */
@Command(
        name = "recipes",
        description = {"Lists the recipes of 'train --recipe', or prints one."},
        footer = {
            "",
            "A recipe is a YAML file of training options: vitrail recipes deit > mine.yaml",
            "",
            "Examples:",
            "  vitrail recipes",
            "  vitrail recipes fine-tune",
            "  vitrail recipes --options"
        })
final class RecipesCommand implements Callable<Integer> {
    @Parameters(arity = "0..1", paramLabel = "NAME", description = "The recipe to show.")
    private @Nullable String name;

    @Option(names = "--options", description = "Describe all training options instead.")
    private boolean options;

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    @Override
    public Integer call() {
        if (options) {
            explain();
        } else if (json) {
            var recipes = name == null ? Recipe.shipped() : List.of(Recipe.get(name));
            JsonOutput.print(new Result(recipes.stream().map(Entry::of).toList()));
        } else if (name == null) {
            list();
        } else {
            System.out.print(Recipe.get(name).yaml());
        }
        return 0;
    }

    private static void list() {
        for (var recipe : Recipe.shipped()) {
            System.out.printf(
                    Locale.ROOT,
                    "%-22s %s%n%-22s source: %s%n%-22s cost: %s; known for: %s%n%n",
                    recipe.name(),
                    recipe.summary(),
                    "",
                    recipe.source(),
                    "",
                    recipe.cost(),
                    recipe.knownFor());
        }
        System.out.println("show one: vitrail recipes NAME; train by it: vitrail train --recipe NAME");
    }

    private static void explain() {
        for (var section : TrainingOptions.SECTIONS) {
            System.out.printf("%s%n", section.title());
            for (var option : section.options()) {
                System.out.printf(
                        Locale.ROOT,
                        "  %-24s %s%n%-26s %s; %s%n",
                        option.name(),
                        option.meaning(),
                        "",
                        option.expected(),
                        standard(option));
            }
            System.out.println();
        }
        System.out.println("set one with: vitrail train --set NAME=VALUE");
    }

    private static String standard(TrainingOption<?> option) {
        var value = TrainingConfigFile.value(TrainingConfig.STANDARD, option);
        return Optional.of(value)
                .filter(text -> !text.isEmpty())
                .map(text -> "default " + text)
                .orElse("no default");
    }

    /** Output of {@code --json}. */
    private record Result(List<Entry> recipes) {}

    private record Entry(
            String name, String summary, String source, String cost, String knownFor, Map<String, String> options) {
        static Entry of(Recipe recipe) {
            return new Entry(
                    recipe.name(),
                    recipe.summary(),
                    recipe.source(),
                    recipe.cost(),
                    recipe.knownFor(),
                    recipe.options().texts());
        }
    }
}
