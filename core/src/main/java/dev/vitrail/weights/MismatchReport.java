package dev.vitrail.weights;

import dev.vitrail.models.Model;
import dev.vitrail.models.ModelFamily;
import dev.vitrail.models.Variant;
import dev.vitrail.models.zoo.Catalog;
import dev.vitrail.nn.Parameter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/** Says what a checkpoint looks like that does not fit. */
final class MismatchReport {
    private static final int SHOWN = 5;

    /** Share of equal tensors from which on a checkpoint is that variant, at another image size perhaps. */
    private static final double SAME_VARIANT = 0.8;

    /** Share of equal names, numbers aside, from which on a checkpoint is of that family. */
    private static final double SAME_FAMILY = 0.7;

    private MismatchReport() {}

    /**
     * One sentence that lists what is wrong and what the file seems to be.
     *
     * @param model that was to be loaded
     * @param family of the model
     */
    static String sentence(
            StateDict state,
            Model model,
            ModelFamily family,
            List<String> missing,
            Collection<String> unexpected,
            List<String> misshapen) {
        var parts = new ArrayList<String>();
        if (!missing.isEmpty()) {
            parts.add("%d tensors are missing (%s)".formatted(missing.size(), some(missing)));
        }
        if (!unexpected.isEmpty()) {
            parts.add("%d are unexpected (%s)".formatted(unexpected.size(), some(unexpected)));
        }
        if (!misshapen.isEmpty()) {
            parts.add("%d have another shape (%s)".formatted(misshapen.size(), some(misshapen)));
        }
        var prefix = Wrappers.commonPrefix(state.names());
        if (!prefix.isEmpty()) {
            parts.add("all its names begin with %s, and without that they are not the model's either"
                    .formatted(FormatErrors.printable(prefix)));
        }
        return "%s does not fit the model: %s; %s"
                .formatted(
                        state.origin(),
                        String.join(", ", parts),
                        advice(Wrappers.without(state, prefix), model, family, missing, unexpected, misshapen));
    }

    private static String some(Collection<String> names) {
        var shown = String.join(
                ", ", names.stream().limit(SHOWN).map(FormatErrors::printable).toList());
        return names.size() > SHOWN ? shown + ", …" : shown;
    }

    private static String advice(
            StateDict state,
            Model model,
            ModelFamily family,
            List<String> missing,
            Collection<String> unexpected,
            List<String> misshapen) {
        var variant = variantOf(state);
        if (variant.filter(found -> isOf(model, found)).isPresent()) {
            return difference(model, missing, unexpected, misshapen);
        }
        return variant.map(found -> found.family().equals(family)
                        ? "it looks like %s, another size of the family %s: name that model"
                                .formatted(found.name(), family.name())
                        : "it looks like %s of the family %s: name that model"
                                .formatted(found.name(), found.family().name()))
                .or(() -> familyOf(state)
                        .map(other -> other.equals(family)
                                ? ("it is of the family %s as well, but of a size that the catalogue does not have: a"
                                                        + " config.json")
                                                .formatted(family.name())
                                        + " beside it can say so in model_args"
                                : "it looks like a model of the family %s, of a size that the catalogue does not have"
                                        .formatted(other.name())))
                .orElse("name the model that it was made from, or check that the file is complete");
    }

    /**
     * Returns whether a model is a variant, whatever its classes and the size of its images: it has tensors of the same
     * names and shapes.
     */
    private static boolean isOf(Model model, Variant variant) {
        try (var other = variant.create()) {
            var own = model.parameters();
            var theirs = other.parameters();
            return own.keySet().stream().filter(name -> !isBeside(model, name)).allMatch(theirs::containsKey)
                    && theirs.entrySet().stream()
                            .filter(entry -> !isBeside(other, entry.getKey()))
                            .allMatch(entry -> Optional.ofNullable(own.get(entry.getKey()))
                                    .map(parameter -> differsInSizeAlone(
                                            parameter.shape(), entry.getValue().shape()))
                                    .orElse(false));
        }
    }

    private static boolean differsInSizeAlone(long[] a, long[] b) {
        return a.length == b.length && (Arrays.equals(a, b) || a.length >= 3);
    }

    /** Differences of a checkpoint from a model of the very variant that was named, and what to do about them. */
    private static String difference(
            Model model, List<String> missing, Collection<String> unexpected, List<String> misshapen) {
        var differences = new ArrayList<String>();
        if (missing.stream().anyMatch(name -> model.isClassifier(name))) {
            differences.add("it has no classifier of this form");
        }
        if (misshapen.stream().anyMatch(name -> model.isClassifier(name))) {
            differences.add("its classifier is for other features or classes");
        }
        differences.addAll(added(unexpected));
        var lost = missing.stream().filter(name -> !model.isClassifier(name)).toList();
        if (!lost.isEmpty()) {
            differences.add("it lacks " + Wrappers.some(Heads.words(lost)));
        }
        if (misshapen.stream().anyMatch(name -> !model.isClassifier(name))) {
            differences.add("tensors of it are of another size, as for other images or patches");
        }
        return ("the model is the right one, and what differs is that %s: if it was made with other arguments, a"
                                + " config.json beside it")
                        .formatted(String.join(", and ", differences))
                + " can say so in model_args";
    }

    /** Parts that a checkpoint has and the model has not, in words where they are known. */
    private static List<String> added(Collection<String> unexpected) {
        var added = new ArrayList<String>();
        for (var word : Heads.words(unexpected)) {
            added.add(
                    switch (word) {
                        case "fc_norm" -> "it normalises after pooling (fc_norm; global_pool is avg in such models)";
                        case "pre_logits" -> "it has a layer before its classifier (pre_logits)";
                        case "norm_pre" -> "it normalises before the first block (norm_pre; pre_norm)";
                        case "reg_token" -> "it has register tokens (reg_token; reg_tokens)";
                        case "blocks" -> "its blocks have more (%s)".formatted(some(beginning(unexpected, word)));
                        default ->
                            Heads.isDecoder(word)
                                    ? "it has a decoder (%s)".formatted(FormatErrors.printable(word))
                                    : "it has %s besides".formatted(FormatErrors.printable(word));
                    });
        }
        return added;
    }

    private static List<String> beginning(Collection<String> names, String word) {
        return names.stream().filter(name -> name.startsWith(word + ".")).toList();
    }

    /**
     * A sentence for a checkpoint whose patches are resampled although another variant has them as they are; empty
     * where the patches fit, or no variant has such.
     */
    static Optional<String> ofAnotherPatch(StateDict state, Model model, ModelFamily family) {
        var own = patch(model);
        var stored = sides(Optional.ofNullable(shapes(model, family, state).get(kernel(model))));
        if (own.isEmpty() || stored.isEmpty() || own.equals(stored)) {
            return Optional.empty();
        }
        return variantOf(state)
                .filter(variant -> patch(variant).equals(stored))
                .map(variant ->
                        ("its patches of %s pixels were resampled to %s; it looks like %s: name that model to run it as"
                                        + " it was trained")
                                .formatted(stored.get(), own.get(), variant.name()));
    }

    private static Optional<String> patch(Variant variant) {
        try (var model = variant.create()) {
            return patch(model);
        }
    }

    private static Optional<String> patch(Model model) {
        return sides(Optional.ofNullable(model.parameters().get(kernel(model))).map(Parameter::shape));
    }

    private static String kernel(Model model) {
        return model.firstConv() + ".weight";
    }

    /** Rows and columns that a convolution sees; empty for what is none. */
    private static Optional<String> sides(Optional<long[]> kernel) {
        return kernel.filter(shape -> shape.length == 4).map(shape -> shape[2] + "×" + shape[3]);
    }

    /** The variant with most of whose tensors the checkpoint agrees in name and shape, classifier aside. */
    static Optional<Variant> variantOf(StateDict state) {
        Optional<Variant> best = Optional.empty();
        double most = SAME_VARIANT;
        for (var variant : Catalog.variants()) {
            double share = agreement(variant, state);
            if (share > most || (share == most && best.isEmpty())) {
                most = share;
                best = Optional.of(variant);
            }
        }
        return best;
    }

    /** Equal tensors over those that either side has. */
    private static double agreement(Variant variant, StateDict state) {
        try (var model = variant.create()) {
            var shapes = model.parameters();
            var stored = shapes(model, variant.family(), state);
            shapes.keySet().removeIf(name -> isBeside(model, name));
            stored.keySet().removeIf(name -> isBeside(model, name));
            long equal = shapes.entrySet().stream()
                    .filter(entry -> Optional.ofNullable(stored.get(entry.getKey()))
                            .map(shape -> Arrays.equals(shape, entry.getValue().shape()))
                            .orElse(false))
                    .count();
            return (double) equal / Math.max(shapes.size(), stored.size());
        }
    }

    /**
     * Returns whether a tensor tells nothing of the size: it is the classifier's, or a count of batches, which old
     * files lack.
     */
    private static boolean isBeside(Model model, String name) {
        return model.isClassifier(name) || name.endsWith(".num_batches_tracked");
    }

    /** The family whose names the checkpoint has, whatever their numbers. */
    private static Optional<ModelFamily> familyOf(StateDict state) {
        Optional<ModelFamily> best = Optional.empty();
        double most = SAME_FAMILY;
        for (var family : Catalog.FAMILIES) {
            for (var variant : family.variants()) {
                double share = likeness(variant, state);
                if (share > most) {
                    most = share;
                    best = Optional.of(family);
                }
            }
        }
        return best;
    }

    private static double likeness(Variant variant, StateDict state) {
        try (var model = variant.create()) {
            var own = kinds(model.parameters().keySet());
            var all = kinds(shapes(model, variant.family(), state).keySet());
            var both = new HashSet<>(own);
            both.retainAll(all);
            all.addAll(own);
            return (double) both.size() / all.size();
        }
    }

    private static Set<String> kinds(Set<String> names) {
        return names.stream().map(name -> name.replaceAll("\\d+", "#")).collect(Collectors.toSet());
    }

    /** The shapes of a checkpoint's tensors, by our names where it is in one of the family's formats. */
    private static Map<String, long[]> shapes(Model model, ModelFamily family, StateDict whole) {
        var state = whole.without(family::derives);
        if (FlaxVit.recognises(state, model)) {
            return FlaxVit.shapes(state, model);
        }
        var format = Checkpoint.format(model, family, state);
        var shapes = new LinkedHashMap<String, long[]>();
        (format == null ? state.tensors() : state.translated(format))
                .forEach((name, tensor) -> shapes.put(name, tensor.shape()));
        return shapes;
    }
}
