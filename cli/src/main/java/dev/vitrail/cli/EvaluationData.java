package dev.vitrail.cli;

import dev.vitrail.data.ClassNames;
import dev.vitrail.data.Dataset;
import dev.vitrail.data.Datasets;
import dev.vitrail.data.Relabelled;
import dev.vitrail.data.Split;
import dev.vitrail.data.StainedGlass;
import dev.vitrail.loading.LoadedModel;
import java.util.Optional;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** The labelled images that a model is evaluated on. */
final class EvaluationData {
    @Mixin
    private LabelledData labelled = new LabelledData();

    @Option(
            names = "--split",
            defaultValue = "validation",
            description = "${COMPLETION-CANDIDATES} (default ${DEFAULT-VALUE}).")
    private Split split = Split.VALIDATION;

    /** Returns whether data were named. */
    boolean given() {
        return labelled.path().isPresent();
    }

    Dataset open() {
        return labelled.path()
                .map(folder -> Datasets.open(folder, split, labelled.labels(), labelled.decoding()))
                .orElseGet(() -> StainedGlass.of(split));
    }

    /**
     * The set with the model's numbers of its classes: a model that knows the names of its classes tells which of its
     * outputs each class of the data is.
     *
     * @param given names of the model's classes from the command line
     */
    static Dataset matched(Dataset set, LoadedModel loaded, Optional<ClassNames> given) {
        return set.classes().isEmpty()
                ? set
                : given.or(() -> loaded.classNames().filter(names -> !isGuess(names, set)))
                        .map(names -> Relabelled.of(set, names))
                        .orElseGet(() ->
                                Relabelled.unnamed(set, loaded.model().config().classes()));
    }

    /**
     * Returns whether names are ImageNet's, taken for their number alone, and none of the data's classes is called so.
     */
    private static boolean isGuess(ClassNames names, Dataset set) {
        return !names.aliases().isEmpty()
                && set.classes().stream().noneMatch(name -> names.indexOf(name).isPresent());
    }
}
