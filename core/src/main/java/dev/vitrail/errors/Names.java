package dev.vitrail.errors;

import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;

/** Suggestions for names that were mistyped. */
public final class Names {
    private Names() {}

    /**
     * The {@code count} candidates nearest to {@code name}: first those that begin with it, then those that need the
     * fewest changed letters.
     */
    public static List<String> nearest(String name, Collection<String> candidates, int count) {
        var wanted = name.toLowerCase(Locale.ROOT);
        return candidates.stream()
                .sorted(Comparator.comparing((String candidate) ->
                                !candidate.toLowerCase(Locale.ROOT).startsWith(wanted))
                        .thenComparingInt(candidate -> distance(wanted, candidate.toLowerCase(Locale.ROOT)))
                        .thenComparing(Comparator.naturalOrder()))
                .limit(count)
                .toList();
    }

    /** The candidate that a name may be a slip of: it differs in a third of its letters at most, or begins with it. */
    public static Optional<String> like(String name, Collection<String> candidates) {
        var wanted = name.toLowerCase(Locale.ROOT);
        return nearest(name, candidates, 1).stream()
                .filter(candidate -> {
                    var found = candidate.toLowerCase(Locale.ROOT);
                    int slips = Math.max(1, Math.min(wanted.length(), found.length()) / 3);
                    return sorted(wanted).equals(sorted(found))
                            || wanted.length() > 2 && found.startsWith(wanted)
                            || distance(wanted, found) <= slips;
                })
                .findFirst();
    }

    private static String sorted(String letters) {
        return letters.chars().sorted().mapToObj(Character::toString).collect(Collectors.joining());
    }

    /** Levenshtein's distance. */
    private static int distance(String a, String b) {
        var row = new int[b.length() + 1];
        for (int j = 0; j <= b.length(); j++) {
            row[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.length(); j++) {
                int replaced = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.min(replaced, 1 + Math.min(row[j], row[j - 1]));
            }
        }
        return row[b.length()];
    }
}
