package dev.vitrail.weights.torch;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.weights.FormatErrors;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * Finds the weights in what a training loop saved: at the top, or below entries such as {@code model_state_dict}, in
 * any depth that people nest them.
 */
final class Nest {
    /** Entries that hold weights as trained; of several the first is taken. */
    private static final List<String> TRAINED = List.of(
            "state_dict",
            "model_state_dict",
            "model",
            "module",
            "model_state",
            "model_weights",
            "net",
            "network",
            "net_state_dict",
            "teacher",
            "student",
            "encoder",
            "backbone",
            "weights",
            "params",
            "parameters");

    /** Entries that hold weights averaged over training. */
    private static final List<String> AVERAGED = List.of(
            "state_dict_ema",
            "model_ema",
            "ema_state_dict",
            "model_state_dict_ema",
            "model_ema_state_dict",
            "ema_model",
            "ema",
            "params_ema",
            "teacher");

    /** Entries that timm's tools look for, which need no mention. */
    private static final List<String> USUAL = List.of("state_dict", "model", "state_dict_ema", "model_ema");

    /** Entries whose tensors are a training's state and no model's. */
    private static final Pattern NO_WEIGHTS = Pattern.compile("(?i)opt|amp"
            + "|.*(optim|sched|scaler|rng|random|loss|criterion|metric|callback|hyper_?param|loops|sampler).*");

    private static final int DEPTH = 6;

    /**
     * Weights that were found.
     *
     * @param path the entries that lead to them, from the top
     * @param weights names and tensors
     * @param tensors how many
     * @param averaged whether they are the running average over training
     * @param besides other entries on the way that hold tensors too
     */
    record Found(List<String> path, PickleValues.Dict weights, int tensors, boolean averaged, List<String> besides) {
        private Found below(String entry, boolean isAverage, List<String> others) {
            var longer = new ArrayList<String>();
            longer.add(entry);
            longer.addAll(path);
            var all = new ArrayList<>(others);
            all.addAll(besides);
            return new Found(longer, weights, tensors, averaged || isAverage, all);
        }

        /** A sentence for a person; empty where the weights lie where everybody looks. */
        Optional<String> note() {
            if (path.isEmpty() || (path.size() == 1 && USUAL.contains(path.get(0)))) {
                return Optional.empty();
            }
            var left = besides.isEmpty() ? "" : " (%s holds tensors too)".formatted(String.join(", ", besides));
            return Optional.of("the weights were taken from the entry %s%s".formatted(String.join(" → ", path), left));
        }
    }

    private final String source;
    private final boolean preferAverages;
    private final Map<PickleValues.Dict, Optional<Found>> known = new IdentityHashMap<>();

    private Nest(String source, boolean preferAverages) {
        this.source = source;
        this.preferAverages = preferAverages;
    }

    /**
     * The weights below {@code top}; empty if there are none.
     *
     * @param source what to call the file in a sentence
     * @throws VitrailException if several entries hold tensors and none is known as a model's
     */
    static Optional<Found> search(PickleValues.Dict top, String source, boolean preferAverages) {
        return new Nest(source, preferAverages).search(top, 0);
    }

    private Optional<Found> search(PickleValues.Dict dict, int depth) {
        var before = known.get(dict);
        if (before != null) {
            return before;
        }
        known.put(dict, Optional.empty()); // where a dict holds itself, there is nothing more to be found in it
        var found = choose(dict, depth);
        known.put(dict, found);
        return found;
    }

    private Optional<Found> choose(PickleValues.Dict dict, int depth) {
        int direct = 0, own = 0; // all tensors that lie here, and those that may be a model's
        var inside = new LinkedHashMap<String, Found>();
        for (var entry : dict.items.entrySet()) {
            if (!(entry.getKey() instanceof String name)) {
                continue;
            }
            if (entry.getValue() instanceof TorchValues.Tensor) {
                direct++;
                own += NO_WEIGHTS.matcher(name).matches() ? 0 : 1;
            } else if (entry.getValue() instanceof PickleValues.Dict nested && depth < DEPTH) {
                boolean meant = TRAINED.contains(name) || AVERAGED.contains(name);
                if (meant || !NO_WEIGHTS.matcher(name).matches()) {
                    search(nested, depth + 1).ifPresent(found -> inside.put(name, found));
                }
            }
        }
        var averages = first(AVERAGED, inside);
        if (averages.isPresent() && preferAverages) {
            return Optional.of(taken(averages.get(), true, inside));
        }
        int tensors = own;
        var trained = first(TRAINED, inside);
        if (trained.isPresent()
                && Optional.ofNullable(inside.get(trained.get()))
                        .map(found -> found.tensors() >= tensors)
                        .orElse(false)) {
            return Optional.of(taken(trained.get(), false, inside));
        }
        var unknown = inside.keySet().stream()
                .filter(name -> !TRAINED.contains(name) && !AVERAGED.contains(name))
                .toList();
        int largest = inside.values().stream().mapToInt(Found::tensors).max().orElse(0);
        if (direct > 0 && (inside.isEmpty() || (own > 0 && own >= largest))) {
            return Optional.of(new Found(List.of(), dict, direct, false, List.copyOf(inside.keySet())));
        }
        if (unknown.size() == 1) {
            return Optional.of(taken(unknown.get(0), false, inside));
        }
        if (averages.isPresent()) {
            return Optional.of(taken(averages.get(), true, inside));
        }
        VitrailException.require(
                unknown.size() < 2,
                "%s holds tensors in several entries (%s), and which of them is the model is unspecified: save that one"
                        + " alone, as state_dict, and load that",
                source,
                FormatErrors.printable(String.join(", ", unknown)));
        return Optional.empty();
    }

    private static Optional<String> first(List<String> names, Map<String, Found> inside) {
        return names.stream().filter(inside::containsKey).findFirst();
    }

    private static Found taken(String name, boolean averaged, Map<String, Found> inside) {
        var others = inside.keySet().stream()
                .filter(other -> !other.equals(name))
                .map(FormatErrors::printable)
                .toList();
        var found = inside.get(name);
        if (found == null) {
            throw new IllegalArgumentException(name + " holds no weights");
        }
        return found.below(FormatErrors.printable(name), averaged, others);
    }
}
