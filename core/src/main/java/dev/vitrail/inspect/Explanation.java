package dev.vitrail.inspect;

import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * Explanation of a class of an image: maps by several methods, each with a measured score, and the classifier's reading
 * of every depth.
 *
 * @param target the explained class
 * @param label its name
 * @param probability of the class, 0 to 1
 * @param methods maps by method, the default one first
 * @param random the scores of random orders of cells; empty where scores were not asked for
 * @param lens what the classifier would say at each depth; empty where that is not defined
 * @param norms of the tokens after each block; none for models of maps
 */
public record Explanation(
        int target,
        String label,
        double probability,
        List<Method> methods,
        Optional<Faithfulness> random,
        Optional<LogitLens> lens,
        List<TokenNorms> norms) {
    /**
     * One map.
     *
     * @param name such as {@code relevance}
     * @param map on its own grid
     * @param score empty where scores were not asked for
     */
    public record Method(String name, GridMap map, Optional<Faithfulness> score) {
        /** The figure that it belongs to. */
        public Figure figure() {
            return switch (name) {
                case Inspector.RELEVANCE -> Figure.RELEVANCE;
                case Inspector.CAM -> Figure.CAM;
                case Inspector.GRAD_CAM -> Figure.GRAD_CAM;
                case Inspector.ROLLOUT -> Figure.ROLLOUT;
                case Inspector.ATTENTION -> Figure.CLASS_ATTENTION;
                default -> Figure.FAITHFULNESS;
            };
        }

        /** Returns true if the map is the same for every class. */
        public boolean classBlind() {
            return figure() == Figure.ROLLOUT || figure() == Figure.CLASS_ATTENTION;
        }

        /** Insertion less deletion, by which methods are ranked. */
        double rank() {
            return score.map(Faithfulness::score).orElse(Double.NEGATIVE_INFINITY);
        }
    }

    /** The method that computes an explanation by removing every cell, at a forward pass for each. */
    static final String OCCLUSION = "occlusion";

    public Explanation {
        methods = List.copyOf(methods);
        norms = List.copyOf(norms);
    }

    /** The method of one pass to trust: the largest insertion less deletion; empty without scores. */
    public Optional<Method> best() {
        return methods.stream()
                .filter(method -> method.score().isPresent() && !method.name().equals(OCCLUSION))
                .max(Comparator.comparingDouble(Method::rank));
    }

    /** Returns true if a method scores better than the removal of cells at random. */
    public boolean beatsRandom(Method method) {
        return random.isPresent() && method.rank() > random.get().score();
    }

    /**
     * Returns true if the answer hardly depends on the cells: with any of them removed at random, the class keeps at
     * least 90 % of its probability, so scores do not tell one explanation from another. False without scores.
     */
    public boolean insensitive() {
        return random.map(scores -> {
                    for (float p : scores.deletion()) {
                        if (p < 0.9 * probability) {
                            return false;
                        }
                    }
                    return true;
                })
                .orElse(false);
    }

    /** The findings in a sentence or two. */
    public String sentence() {
        var text = new StringBuilder(String.format(Locale.ROOT, "%s, %.0f %%.", label, 100 * probability));
        lens.ifPresent(read -> text.append(
                read.decided() == 0
                        ? " The answer leads at every depth."
                        : " The answer takes the lead at %s."
                                .formatted(ModelLayout.words(read.depths().get(read.decided())))));
        if (insensitive()) {
            return text.append(" The answer stays the same whatever is hidden, so scores cannot tell these "
                            + "explanations from chance.")
                    .toString();
        }
        best().ifPresent(method -> {
            var score = method.score().orElseThrow();
            text.append(String.format(
                    Locale.ROOT,
                    " %s is the explanation to trust (deletion %.2f, insertion %.2f; random %.2f, %.2f).",
                    capitalized(method.name()),
                    score.deletionArea(),
                    score.insertionArea(),
                    random.map(Faithfulness::deletionArea).orElse(0.0),
                    random.map(Faithfulness::insertionArea).orElse(0.0)));
            var chance = methods.stream()
                    .filter(other -> other.score().isPresent() && !beatsRandom(other))
                    .map(Method::name)
                    .toList();
            if (!chance.isEmpty()) {
                text.append(" No better than chance here: ")
                        .append(String.join(", ", chance))
                        .append('.');
            }
        });
        return text.toString();
    }

    static String capitalized(String name) {
        return name.substring(0, 1).toUpperCase(Locale.ROOT) + name.substring(1);
    }
}
