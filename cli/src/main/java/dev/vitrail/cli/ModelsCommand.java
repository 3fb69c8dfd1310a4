package dev.vitrail.cli;

import dev.vitrail.engine.FlopCounter;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.models.Variant;
import dev.vitrail.models.zoo.Catalog;
import dev.vitrail.models.zoo.Pretrained;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Lists the catalogue. */
@Command(
        name = "models",
        description = {"Lists model architectures or pretrained weights, with parameters, cost and input size."},
        footer = {"", "Examples:", "  vitrail models 'vit_*_patch16_224'", "  vitrail models --weights 'deit3*'"})
final class ModelsCommand implements Callable<Integer> {
    @Parameters(
            arity = "0..1",
            paramLabel = "PATTERN",
            defaultValue = "*",
            description = "Names to list: * and ? are wildcards; without them, any part of a name.")
    private String pattern = "*";

    @Option(names = "--weights", description = "List published weights instead of architectures.")
    private boolean weights;

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    @Override
    public Integer call() {
        var variants = Catalog.matching(pattern);
        VitrailException.require(
                !variants.isEmpty(), "no model's name matches '%s': 'vitrail models' lists all", pattern);
        if (json) {
            JsonOutput.print(new Result(variants.stream().map(Entry::of).toList()));
        } else if (weights) {
            listWeights(variants);
        } else {
            listModels(variants);
        }
        return 0;
    }

    private static void listModels(List<Variant> variants) {
        System.out.printf(
                Locale.ROOT,
                "%-42s %-14s %10s %9s %9s  %s%n",
                "name",
                "family",
                "params (M)",
                "GMACs",
                "input",
                "weights");
        for (var variant : variants) {
            var facts = Facts.of(variant);
            System.out.printf(
                    Locale.ROOT,
                    "%-42s %-14s %10.2f %9.2f %9s  %s%n",
                    variant.name(),
                    variant.family().name(),
                    facts.parameters / 1e6,
                    facts.cost.multiplyAccumulates() / 1e9,
                    variant.config().imageHeight() + "×" + variant.config().imageWidth(),
                    Pretrained.of(variant.name()).isEmpty()
                            ? "–"
                            : Pretrained.of(variant.name()).get(0).tag());
        }
        System.out.printf(Locale.ROOT, "%n%d models%n", variants.size());
    }

    private static void listWeights(List<Variant> variants) {
        System.out.printf(Locale.ROOT, "%-64s %8s %8s %6s  %s%n", "name", "input", "classes", "top-1", "licence");
        int count = 0;
        for (var variant : variants) {
            for (var published : Pretrained.of(variant.name())) {
                count++;
                System.out.printf(
                        Locale.ROOT,
                        "%-64s %8s %8d %6s  %s%n",
                        published.name(),
                        published.input().height() + "×" + published.input().width(),
                        published.classes(),
                        published
                                .accuracy()
                                .map(accuracy -> String.format(Locale.ROOT, "%.2f", accuracy.top1()))
                                .orElse("–"),
                        published.licence().orElse("–"));
            }
        }
        System.out.printf(Locale.ROOT, "%n%d published weights%n", count);
    }

    /** Output of {@code --json}. */
    private record Result(List<Entry> models) {}

    private record Entry(
            String name,
            String family,
            long params,
            double gmacs,
            long activations,
            List<Integer> inputSize,
            int classes,
            List<String> weights) {
        static Entry of(Variant variant) {
            var facts = Facts.of(variant);
            var config = variant.config();
            return new Entry(
                    variant.name(),
                    variant.family().name(),
                    facts.parameters,
                    facts.cost.multiplyAccumulates() / 1e9,
                    facts.cost.activations(),
                    List.of(config.channels(), config.imageHeight(), config.imageWidth()),
                    config.classes(),
                    Pretrained.of(variant.name()).stream().map(Pretrained::name).toList());
        }
    }

    /** Figures computed from shapes alone. */
    private record Facts(long parameters, FlopCounter.Count cost) {
        static Facts of(Variant variant) {
            try (var model = variant.create()) {
                return new Facts(model.parameterCount(), model.cost());
            }
        }
    }
}
