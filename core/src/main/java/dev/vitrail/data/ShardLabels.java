package dev.vitrail.data;

import static dev.vitrail.errors.VitrailException.require;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.function.IntFunction;
import java.util.stream.IntStream;

/**
 * Labels as shards give them, numbers or names, turned into classes and indices. A sample whose label cannot be used is
 * left out and counted; where no sample has a label, all are kept without.
 *
 * @param classes names of the classes
 * @param kept places of the samples that are kept
 * @param indices for each of those, its class, or {@link Dataset#NO_LABEL}
 */
@SuppressWarnings("ArrayRecordComponent") // compared by nobody
record ShardLabels(List<String> classes, int[] kept, int[] indices) {
    /** More classes than this are a mistake: an identity number that was taken for a label. */
    private static final int MOST = 1_000_000;

    /**
     * @param given for each sample what it says, a number or a name
     * @param name what samples are called in messages
     * @param known the classes, if anything names them: the part that is trained on, a list, or the file itself
     * @param where what the set is called
     */
    static ShardLabels of(
            List<Optional<String>> given,
            IntFunction<String> name,
            Optional<List<String>> known,
            String where,
            DataProblems.Collector faults) {
        var present = given.stream().flatMap(Optional::stream).toList();
        if (present.isEmpty()) {
            var none = new int[given.size()];
            Arrays.fill(none, Dataset.NO_LABEL);
            return new ShardLabels(
                    known.orElse(List.of()), IntStream.range(0, none.length).toArray(), none);
        }
        boolean numbers = present.stream().allMatch(text -> Csv.integer(text).isPresent());
        var classes = known.orElseGet(() -> numbers ? numbered(present, where) : named(present));
        Map<String, Integer> lookup = new HashMap<>();
        for (int i = 0; i < classes.size(); i++) {
            lookup.putIfAbsent(numbers ? Integer.toString(i) : classes.get(i), i);
        }
        var kept = IntStream.builder();
        var indices = IntStream.builder();
        for (int i = 0; i < given.size(); i++) {
            var label = given.get(i).map(text -> numbers ? plain(text) : text);
            var index = label.map(lookup::get);
            if (index.isPresent()) {
                kept.add(i);
                indices.add(index.get());
            } else {
                faults.add(name.apply(i)
                        + label.map(text -> ": the label '%s' is none of the %s, so it is left out"
                                        .formatted(text, Descriptions.count(classes.size(), "class")))
                                .orElse(" has no label, so it is left out"));
            }
        }
        return new ShardLabels(classes, kept.build().toArray(), indices.build().toArray());
    }

    /** A number without leading zeros. */
    private static String plain(String number) {
        return Integer.toString(Csv.integer(number).orElseThrow());
    }

    private static List<String> numbered(List<String> given, String where) {
        int largest = given.stream()
                .mapToInt(text -> Csv.integer(text).orElseThrow())
                .max()
                .orElseThrow();
        require(largest < MOST, "%s: expected class numbers below %,d, found %d", where, MOST, largest);
        return IntStream.rangeClosed(0, largest).mapToObj(Integer::toString).toList();
    }

    private static List<String> named(List<String> given) {
        var names = new TreeSet<>(ImageFiles.BY_CODE_POINT);
        names.addAll(given);
        return List.copyOf(names);
    }
}
