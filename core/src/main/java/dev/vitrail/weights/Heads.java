package dev.vitrail.weights;

import dev.vitrail.models.Model;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Layers of a checkpoint above the features that a model gives: a classifier by another name, a head of another form,
 * or a decoder.
 */
final class Heads {
    /** Common names of a classifier: the first word of its parameters' names. */
    private static final Set<String> WORDS = Set.of(
            "head",
            "heads",
            "fc",
            "classifier",
            "linear",
            "linear_head",
            "mlp_head",
            "cls_head",
            "classification_head",
            "last_linear",
            "logits",
            "output");

    /** Layers that change the features, and so are no heads. */
    private static final Set<String> FEATURES =
            Set.of("pre_logits", "repr", "fc_norm", "norm", "norm_pre", "attn_pool");

    private Heads() {}

    /**
     * Gives the only linear classifier that a checkpoint has the model's own name for it, where the model's is missing.
     *
     * @param stored tensors by the model's names, as far as they are known; changed
     */
    static void adopt(Model model, Map<String, StoredTensor> stored, List<String> notes) {
        if (model.classifiers().size() != 1) {
            return;
        }
        var own = model.parameters().keySet();
        var classifier = model.classifiers().get(0);
        if (stored.containsKey(classifier + ".weight")
                || !own.contains(classifier + ".weight")
                || !own.contains(classifier + ".bias")) {
            return;
        }
        var found = new ArrayList<String>();
        groups(model, stored).forEach((word, names) -> {
            if (WORDS.contains(word)) {
                linear(model, stored, names).ifPresent(found::add);
            }
        });
        if (found.size() == 1) {
            var theirs = found.get(0);
            for (var leaf : List.of(".weight", ".bias")) {
                Optional.ofNullable(stored.remove(theirs + leaf))
                        .ifPresent(tensor -> stored.put(classifier + leaf, tensor.named(classifier + leaf)));
            }
            notes.add("%s was taken for the classifier %s".formatted(FormatErrors.printable(theirs), classifier));
        }
    }

    /** Tensors that the model has no place for, by the first word of their names. */
    private static Map<String, List<String>> groups(Model model, Map<String, StoredTensor> stored) {
        var own = model.parameters().keySet();
        return new TreeMap<>(Wrappers.byFirstWord(
                stored.keySet().stream().filter(name -> !own.contains(name)).toList()));
    }

    /** The layer of a group that is a weight for the model's features and a bias, and nothing else. */
    private static Optional<String> linear(Model model, Map<String, StoredTensor> stored, List<String> names) {
        var weights = names.stream()
                .filter(name -> name.endsWith(".weight") && sees(model, stored.get(name)))
                .toList();
        if (names.size() != 2 || weights.size() != 1) {
            return Optional.empty();
        }
        var layer = weights.get(0).substring(0, weights.get(0).length() - ".weight".length());
        return names.contains(layer + ".bias") ? Optional.of(layer) : Optional.empty();
    }

    private static boolean sees(Model model, @Nullable StoredTensor weight) {
        return weight != null && weight.shape().length == 2 && weight.shape()[1] == model.width();
    }

    /**
     * Tensors that the model has no place for and that stand above its features, so that the features are
     * right without them.
     *
     * @param stored tensors by the model's names, as far as they are known
     */
    static List<String> above(Model model, Map<String, StoredTensor> stored) {
        var others = Wrappers.byFirstWord(model.parameters().keySet().stream()
                        .filter(name -> !model.isClassifier(name))
                        .toList())
                .keySet();
        var above = new ArrayList<String>();
        groups(model, stored).forEach((word, names) -> {
            boolean head = WORDS.contains(word)
                    || (!FEATURES.contains(word)
                            && !others.contains(word)
                            && names.stream().anyMatch(name -> sees(model, stored.get(name))));
            if (head || isDecoder(word)) {
                above.addAll(names);
            }
        });
        return above;
    }

    /**
     * Returns whether names that begin so belong to masked image modeling: the decoder, and the token that stands for
     * what is hidden.
     */
    static boolean isDecoder(String word) {
        return word.equals("mask_token") || word.startsWith("decoder");
    }

    /**
     * Rows of the model's classifier in a checkpoint.
     *
     * @param model with a classifier, of any number of classes
     * @param stored tensors by the model's names
     * @return 0 if there is no classifier; empty if it is no layer for the model's features
     */
    static OptionalInt rows(Model model, Map<String, StoredTensor> stored) {
        int classes = model.config().classes();
        var layers = model.parameters().entrySet().stream()
                .filter(entry -> model.isClassifier(entry.getKey()))
                .filter(entry ->
                        entry.getValue().shape().length >= 2 && entry.getValue().shape()[0] == classes)
                .toList();
        for (var layer : layers) {
            var weight = stored.get(layer.getKey());
            if (weight != null) {
                long[] shape = weight.shape();
                boolean fits = shape.length >= 2
                        && elements(shape) == elements(layer.getValue().shape())
                        && shape[0] < Integer.MAX_VALUE;
                return fits ? OptionalInt.of((int) shape[0]) : OptionalInt.empty();
            }
        }
        return OptionalInt.of(0);
    }

    /** Numbers in a row. */
    private static long elements(long[] shape) {
        return Arrays.stream(shape).skip(1).reduce(1, (a, b) -> a * b);
    }

    /** The first words of some names. */
    static Collection<String> words(Collection<String> names) {
        return new TreeMap<>(Wrappers.byFirstWord(names)).keySet();
    }
}
