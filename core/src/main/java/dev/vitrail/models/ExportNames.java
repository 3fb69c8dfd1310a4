package dev.vitrail.models;

import dev.vitrail.engine.Tensor;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The names that another code base has for a family's parameters, to write them for it: the inverse of a
 * {@link CheckpointFormat}. A parameter without a name there has no place in that code base's model.
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

    /**
     * A parameter's place in the other code base.
     *
     * @param names one for each of as many equal parts along the first dimension
     * @param values from the parameter's values to those of the other code base
     */
    public record Place(List<String> names, UnaryOperator<Tensor> values) {}

    private record Rule(Pattern ours, Function<MatchResult, List<String>> theirs, UnaryOperator<Tensor> values) {}

    private final CodeBase codeBase;
    private final Predicate<ModelConfig> models;
    private final List<Rule> rules;

    private ExportNames(CodeBase codeBase, Predicate<ModelConfig> models, List<Rule> rules) {
        this.codeBase = codeBase;
        this.models = models;
        this.rules = rules;
    }

    /** Names of a code base, without rules yet. */
    public static ExportNames of(CodeBase codeBase) {
        return new ExportNames(codeBase, any -> true, List.of());
    }

    /** These rules, for some models of the family alone. */
    public ExportNames when(Predicate<ModelConfig> which) {
        return new ExportNames(codeBase, which, rules);
    }

    /** Returns whether a model has its parameters under these names there. */
    public boolean suits(ModelConfig model) {
        return models.test(model);
    }

    /**
     * These, and a rule after all others.
     *
     * @param ours expression for whole names of ours
     * @param theirs what they become; {@code $1} is the first group. Of several, each names one of as many equal parts
     *     along the first dimension, such as queries, keys and values
     */
    public ExportNames rule(String ours, String... theirs) {
        return with(ours, UnaryOperator.identity(), theirs);
    }

    /** {@link #rule}, for parameters that have another shape there. */
    public ExportNames reshaped(String ours, UnaryOperator<long[]> shape, String theirs) {
        return with(ours, reshaping(shape), theirs);
    }

    /** {@link #rule}, for parameters that have other values there. */
    public ExportNames changed(String ours, UnaryOperator<Tensor> values, String theirs) {
        return with(ours, values, theirs);
    }

    private static UnaryOperator<Tensor> reshaping(UnaryOperator<long[]> shape) {
        return values -> values.reshape(shape.apply(values.shape()));
    }

    private ExportNames with(String ours, UnaryOperator<Tensor> values, String... theirs) {
        return with(
                ours,
                match -> Stream.of(theirs).map(name -> substituted(name, match)).toList(),
                values);
    }

    /** A rule whose numbers change: {@code theirs} gets what {@code ours} matched. */
    public ExportNames computed(String ours, Function<MatchResult, String> theirs) {
        return with(ours, match -> List.of(theirs.apply(match)), UnaryOperator.identity());
    }

    /** {@link #computed(String, Function)}, for parameters that have another shape there. */
    public ExportNames computed(String ours, UnaryOperator<long[]> shape, Function<MatchResult, String> theirs) {
        return with(ours, match -> List.of(theirs.apply(match)), reshaping(shape));
    }

    private ExportNames with(String ours, Function<MatchResult, List<String>> theirs, UnaryOperator<Tensor> values) {
        return new ExportNames(
                codeBase,
                models,
                Stream.concat(rules.stream(), Stream.of(new Rule(Pattern.compile(ours), theirs, values)))
                        .toList());
    }

    private static String substituted(String name, MatchResult match) {
        return Pattern.compile("\\$(\\d)")
                .matcher(name)
                .replaceAll(group -> match.group(Integer.parseInt(group.group(1))));
    }

    /** The code base of the names. */
    public CodeBase codeBase() {
        return codeBase;
    }

    /** A parameter's place there; empty if it has none. */
    public Optional<Place> of(String ours) {
        for (var rule : rules) {
            var matcher = rule.ours.matcher(ours);
            if (matcher.matches()) {
                return Optional.of(new Place(rule.theirs.apply(matcher.toMatchResult()), rule.values));
            }
        }
        return Optional.empty();
    }

    @Override
    public String toString() {
        return rules.stream().map(rule -> rule.ours.pattern()).collect(Collectors.joining(", ", codeBase + "[", "]"));
    }
}
