package dev.vitrail.models;

import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Function;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The names that another code base has for a family's parameters, to write them for it: the inverse of a {@link CheckpointFormat}.
 * A parameter without a name there has no place in that code base's model.
 */
public final class ExportNames {
    /** A code base that reads weights. */
    public enum CodeBase {
        /** The authors' own repository. */
        ORIGINAL,
        TRANSFORMERS,
        TORCHVISION;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    private record Rule(Pattern ours, Function<MatchResult, List<String>> theirs) {}

    private final CodeBase codeBase;
    private final List<Rule> rules;

    private ExportNames(CodeBase codeBase, List<Rule> rules) {
        this.codeBase = codeBase;
        this.rules = rules;
    }

    /** Names of a code base, without rules yet. */
    public static ExportNames of(CodeBase codeBase) {
        return new ExportNames(codeBase, List.of());
    }

    /**
     * These, and a rule after all others.
     *
     * @param ours expression for whole names of ours
     * @param theirs what they become; {@code $1} is the first group. Of several, each names one of as many equal parts along the first
     *     dimension, such as queries, keys and values
     */
    public ExportNames rule(String ours, String... theirs) {
        return rule(
                ours,
                match -> Stream.of(theirs).map(name -> substituted(name, match)).toList());
    }

    /** The same, where a number changes: {@code theirs} gets what {@code ours} matched. */
    public ExportNames computed(String ours, Function<MatchResult, String> theirs) {
        return rule(ours, match -> List.of(theirs.apply(match)));
    }

    private ExportNames rule(String ours, Function<MatchResult, List<String>> theirs) {
        return new ExportNames(
                codeBase,
                Stream.concat(rules.stream(), Stream.of(new Rule(Pattern.compile(ours), theirs)))
                        .toList());
    }

    private static String substituted(String name, MatchResult match) {
        return Pattern.compile("\\$(\\d)")
                .matcher(name)
                .replaceAll(group -> match.group(Integer.parseInt(group.group(1))));
    }

    /** Whose names they are. */
    public CodeBase codeBase() {
        return codeBase;
    }

    /** Their names for a parameter of ours, one for each of its parts; empty if it has no place there. */
    public Optional<List<String>> of(String ours) {
        for (var rule : rules) {
            var matcher = rule.ours.matcher(ours);
            if (matcher.matches()) {
                return Optional.of(rule.theirs.apply(matcher.toMatchResult()));
            }
        }
        return Optional.empty();
    }

    @Override
    public String toString() {
        return rules.stream().map(rule -> rule.ours.pattern()).collect(Collectors.joining(", ", codeBase + "[", "]"));
    }
}
