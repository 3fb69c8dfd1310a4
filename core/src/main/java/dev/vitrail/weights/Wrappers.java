package dev.vitrail.weights;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.models.Model;
import dev.vitrail.models.ModelFamily;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * Takes off what wrappers put before a model's names: compilers, data-parallel and Lightning modules, and whatever
 * class held the model as one of its parts.
 *
 * <p>Which prefix that is, the model tells: the one without which most of its names are there. So any word may stand
 * there, and several of them.
 */
final class Wrappers {
    /** Marks that torch's own wrappers leave wherever they stand, and that are no model's names. */
    private static final Pattern MARKS = Pattern.compile(
            "(^|\\.)((?:_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module|_forward_module)\\.)+");

    /** Share of a model's names from which on nothing needs to be taken off. */
    private static final double SURE = 0.9;

    /** Share of a model's names that must appear when a prefix is taken off; a smaller model of the family has some. */
    private static final double PLAUSIBLE = 0.4;

    /** Share of a file's tensors that have a prefix worth a trial. */
    private static final double COMMON = 0.2;

    private static final int MOST_WORDS = 5;

    /** Parts of a file's names that tell another copy of the model, which is not the one that is usually meant. */
    private static final Pattern OTHER_COPY = Pattern.compile("(^|[._])(student|momentum|ema|target|k)([._]|$)");

    private static final int SHOWN = 3;

    /**
     * A checkpoint whose names are as the model's, or one of its formats'.
     *
     * @param state its tensors
     * @param outside names of those that had another prefix: whatever of them the model has no place for may
     *     be left out
     * @param notes sentences for a person
     */
    record Unwrapped(StateDict state, Set<String> outside, List<String> notes) {}

    private Wrappers() {}

    /** The checkpoint without prefixes, as far as what follows them is the model's. */
    static Unwrapped takenOff(Model model, ModelFamily family, StateDict whole) {
        var notes = new ArrayList<String>();
        var state = withoutMarks(whole, notes);
        if (FlaxVit.recognises(state, model)) {
            return new Unwrapped(state, Set.of(), notes);
        }
        double best = coverage(model, family, state);
        if (best >= SURE) {
            return new Unwrapped(state, Set.of(), notes);
        }
        best = Math.max(best, PLAUSIBLE);
        var prefixes = new ArrayList<String>();
        for (var prefix : candidates(state.names())) {
            double share = coverage(model, family, below(state, prefix));
            if (share > best) {
                prefixes.clear();
            }
            if (share >= best && share > 0) {
                best = share;
                prefixes.add(prefix);
            }
        }
        var usual = prefixes.stream()
                .filter(prefix -> !OTHER_COPY.matcher(prefix).find())
                .toList();
        var meant = usual.isEmpty() ? prefixes : usual;
        VitrailException.require(
                meant.size() < 2,
                "%s holds several models (%s): save the one that is meant alone, and load that",
                state.origin(),
                FormatErrors.printable(String.join(", ", meant)));
        return meant.isEmpty() ? new Unwrapped(state, Set.of(), notes) : unwrapped(model, state, meant.get(0), notes);
    }

    private static StateDict withoutMarks(StateDict whole, List<String> notes) {
        var marks = new LinkedHashSet<String>();
        var tensors = new ArrayList<StoredTensor>();
        for (var tensor : whole) {
            var found = MARKS.matcher(tensor.name());
            tensors.add(found.find() ? tensor.named(found.replaceAll("$1")) : tensor);
            if (found.reset().find()) {
                marks.add(found.group(2));
            }
        }
        if (marks.isEmpty()) {
            return whole;
        }
        notes.add("the prefix %s was taken off the names".formatted(String.join(", ", marks)));
        return whole.with(tensors);
    }

    /** Beginnings of names, up to a dot, that many of them share; shorter ones first. */
    private static List<String> candidates(Set<String> names) {
        var counts = new LinkedHashMap<String, Integer>();
        for (var name : names) {
            int dot = name.indexOf('.');
            for (int words = 0; dot >= 0 && words < MOST_WORDS; words++) {
                counts.merge(name.substring(0, dot + 1), 1, Integer::sum);
                dot = name.indexOf('.', dot + 1);
            }
        }
        return counts.entrySet().stream()
                .filter(entry -> entry.getValue() >= Math.max(2, COMMON * names.size()))
                .map(Map.Entry::getKey)
                .sorted(java.util.Comparator.comparingInt(String::length))
                .toList();
    }

    private static StateDict below(StateDict state, String prefix) {
        var tensors = new ArrayList<StoredTensor>();
        for (var tensor : state) {
            if (tensor.name().startsWith(prefix) && tensor.name().length() > prefix.length()) {
                tensors.add(tensor.named(tensor.name().substring(prefix.length())));
            }
        }
        return state.with(tensors);
    }

    /** The share of a model's names, its classifiers aside, that a checkpoint has. */
    private static double coverage(Model model, ModelFamily family, StateDict state) {
        var format = Checkpoint.format(model, family, state);
        Collection<String> stored =
                format == null ? state.names() : state.translated(format).keySet();
        var own = model.parameters().keySet().stream()
                .filter(name -> !Checkpoint.isClassifier(model, name))
                .collect(Collectors.toSet());
        return own.isEmpty()
                ? 0
                : (double) own.stream().filter(stored::contains).count() / own.size();
    }

    /**
     * Tensors below a prefix, and those beside it, with as much of the prefix taken off as there is: perhaps the
     * classifier is there.
     */
    private static Unwrapped unwrapped(Model model, StateDict state, String prefix, List<String> notes) {
        var inside = below(state, prefix);
        var tensors = new LinkedHashMap<>(inside.tensors());
        var outside = new LinkedHashMap<String, String>();
        for (var tensor : state) {
            var name = tensor.name();
            if (!name.startsWith(prefix)) {
                var rest = name.substring(common(name, prefix));
                if (tensors.putIfAbsent(rest, tensor.named(rest)) == null) {
                    outside.put(rest, name);
                }
            }
        }
        notes.add("the prefix %s was taken off the names of %d tensors"
                .formatted(FormatErrors.printable(prefix), inside.size()));
        return new Unwrapped(state.with(tensors.values()), outside.keySet(), notes);
    }

    /** Characters of the longest beginning, up to a dot, that a name and a prefix share. */
    private static int common(String name, String prefix) {
        int shared = 0;
        for (int dot = prefix.indexOf('.'); dot >= 0; dot = prefix.indexOf('.', dot + 1)) {
            if (name.startsWith(prefix.substring(0, dot + 1))) {
                shared = dot + 1;
            }
        }
        return shared;
    }

    /** The beginning that all names of a checkpoint share, up to a dot; empty if they share none. */
    static String commonPrefix(Collection<String> names) {
        Optional<String> shared = Optional.empty();
        for (var name : names) {
            var upTo = name.substring(0, name.lastIndexOf('.') + 1);
            shared = Optional.of(shared.map(prefix -> prefix.substring(0, common(upTo, prefix)))
                    .orElse(upTo));
        }
        return shared.orElse("");
    }

    /** These tensors without a prefix that all their names share. */
    static StateDict without(StateDict state, String prefix) {
        return prefix.isEmpty() ? state : below(state, prefix);
    }

    /** Some names, for a sentence. */
    static String some(Collection<String> names) {
        var shown = names.stream().limit(SHOWN).map(FormatErrors::printable).collect(Collectors.joining(", "));
        return names.size() > SHOWN ? shown + ", …" : shown;
    }

    /** A table of how many tensors lie below each first word of names. */
    static Map<String, List<String>> byFirstWord(Collection<String> names) {
        var groups = new HashMap<String, List<String>>();
        for (var name : names) {
            int dot = name.indexOf('.');
            groups.computeIfAbsent(dot < 0 ? name : name.substring(0, dot), word -> new ArrayList<>())
                    .add(name);
        }
        return groups;
    }
}
