package dev.vitrail.images.augment;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.errors.Names;
import dev.vitrail.errors.VitrailException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.TreeSet;
import java.util.regex.Pattern;

/**
 * An automatic augmentation in timm's notation: a name, and parts of a letter and a number between dashes, such as
 * {@code rand-m9-mstd0.5-inc1}.
 *
 * <table>
 *   <caption>What there is</caption>
 *   <tr><td>{@code rand}</td><td>RandAugment. {@code m}: level, 10 if not said. {@code n}: operations for an image, 2.
 *       {@code p}: probability of each, 0.5. {@code mstd}: std of the level, 0; above 100: any level up to m.
 *       {@code mmax}: highest level, 10. {@code inc1}: operations that are stronger at a higher level.
 *       {@code tweights}, {@code t3a}, {@code t3aw}: other sets of operations. {@code w0}: older weights</td></tr>
 *   <tr><td>{@code original}, {@code originalr}, {@code v0}, {@code v0r}</td><td>AutoAugment's
 *       policies. {@code mstd}</td></tr>
 *   <tr><td>{@code 3a}</td><td>3-Augment without its colour jitter. {@code mstd}</td></tr>
 *   <tr><td>{@code augmix}</td><td>AugMix. {@code m}: level, 3. {@code w}: chains, 3. {@code d}: operations in a chain,
 *       1 to 3 by chance. {@code a}: alpha, 1. {@code b1}: blended one after another. {@code mstd}: if not said, any
 *       level up to m</td></tr>
 * </table>
 *
 * <p>We differ from timm in what is wrong: it passes over parts that it does not know, and here they are refused.
 *
 * @param text the notation
 */
public record AugmentationSpec(String text) {
    private static final Pattern PART = Pattern.compile("([a-z]+)(\\d+(?:\\.\\d+)?)");
    private static final List<String> RAND_PARTS = List.of("m", "n", "p", "mstd", "mmax", "inc", "t", "w");
    private static final List<String> AUGMIX_PARTS = List.of("m", "w", "d", "a", "b", "mstd");
    private static final List<String> WHOLE = List.of("m", "n", "mmax", "inc", "w", "d", "b");
    private static final List<String> SWITCHES = List.of("inc", "b");
    /** Levels beyond it would leave nothing of an image. */
    private static final double HIGHEST_LEVEL = 100;
    /** A std beyond it stands for a uniform distribution. */
    private static final double UNIFORM = 100;
    /** timm's reach of AugMix's shifts. */
    private static final double AUGMIX_REACH = 0.3;

    public AugmentationSpec {
        Parts.of(text);
    }

    /**
     * Returns whether timm keeps its colour jitter beside this augmentation; it switches it off for all but 3-Augment.
     */
    public boolean keepsColorJitter() {
        return text.contains("3a");
    }

    /** The augmentation itself. */
    public ImageTransform transform(AffineSettings motion) {
        var parts = Parts.of(text);
        return switch (parts.name()) {
            case "rand" -> rand(parts, motion);
            case "augmix" -> augMix(parts, motion.withReach(AUGMIX_REACH));
            default -> autoAugment(parts, motion);
        };
    }

    private static RandAugment rand(Parts parts, AffineSettings motion) {
        boolean increasing = parts.number("inc", 0) == 1;
        List<String> names = increasing ? AugmentationTables.RAND_INCREASING : AugmentationTables.RAND;
        Optional<List<Double>> weights = Optional.empty();
        if (parts.set().equals("3a")) {
            names = AugmentationTables.RAND_3A;
        } else if (!parts.set().isEmpty()) {
            var set = AugmentationTables.RAND_SETS.getOrDefault(parts.set(), Map.of());
            names = List.copyOf(set.keySet());
            weights = Optional.of(List.copyOf(set.values()));
        } else if (parts.has("w")) {
            weights = Optional.of(AugmentationTables.RAND_WEIGHTS_0);
        }
        double std = parts.number("mstd", 0);
        double level = parts.number("m", AugmentOperation.FULL_LEVEL);
        double limit = parts.number("mmax", AugmentOperation.FULL_LEVEL);
        var operations = operations(
                names,
                parts.number("p", 0.5),
                level,
                std > UNIFORM ? Double.POSITIVE_INFINITY : std,
                limit > 0 ? limit : AugmentOperation.FULL_LEVEL,
                motion);
        return new RandAugment(operations, (int) parts.number("n", 2), weights);
    }

    private static AugMix augMix(Parts parts, AffineSettings motion) {
        var operations = operations(
                AugmentationTables.AUGMIX,
                1,
                parts.number("m", 3),
                parts.number("mstd", Double.POSITIVE_INFINITY),
                AugmentOperation.FULL_LEVEL,
                motion);
        int depth = (int) parts.number("d", 0);
        return new AugMix(
                operations,
                parts.number("a", 1),
                (int) parts.number("w", 3),
                depth > 0 ? OptionalInt.of(depth) : OptionalInt.empty(),
                parts.number("b", 0) == 1);
    }

    private static AutoAugment autoAugment(Parts parts, AffineSettings motion) {
        double std = parts.number("mstd", 0);
        var policies = AugmentationTables.POLICIES.getOrDefault(parts.name(), List.of()).stream()
                .map(policy -> policy.stream()
                        .map(entry -> new RandomOperation(
                                entry.operation(),
                                entry.probability(),
                                entry.magnitude(),
                                std,
                                AugmentOperation.FULL_LEVEL,
                                motion))
                        .toList())
                .toList();
        return new AutoAugment(policies);
    }

    private static List<RandomOperation> operations(
            List<String> names, double probability, double level, double std, double limit, AffineSettings motion) {
        return names.stream()
                .map(name -> new RandomOperation(AugmentOperation.of(name), probability, level, std, limit, motion))
                .toList();
    }

    @Override
    public String toString() {
        return text;
    }

    /**
     * The notation, taken apart.
     *
     * @param set the name after {@code t}; empty if there is none
     * @param numbers the number after each other letter
     */
    private record Parts(String name, String set, Map<String, Double> numbers) {
        static Parts of(String text) {
            var pieces = text.split("-", -1);
            var name = pieces[0];
            var names = new TreeSet<>(AugmentationTables.POLICIES.keySet());
            names.add("rand");
            names.add("augmix");
            require(
                    names.contains(name),
                    "No augmentation begins with \"%s\", found \"%s\"; did you mean %s? There are %s.",
                    name,
                    text,
                    Names.nearest(name, names, 1).get(0),
                    String.join(", ", names));
            List<String> known =
                    switch (name) {
                        case "rand" -> RAND_PARTS;
                        case "augmix" -> AUGMIX_PARTS;
                        default -> List.of("mstd");
                    };
            var set = "";
            var numbers = new LinkedHashMap<String, Double>();
            for (int i = 1; i < pieces.length; i++) {
                var piece = pieces[i];
                if (known.contains("t") && piece.startsWith("t")) {
                    set = set(text, piece);
                    continue;
                }
                var matcher = PART.matcher(piece);
                if (!matcher.matches() || !known.contains(matcher.group(1))) {
                    throw unknown(text, piece, known);
                }
                var key = matcher.group(1);
                double number = Double.parseDouble(matcher.group(2));
                check(text, piece, key, number);
                require(
                        numbers.put(key, number) == null,
                        "The augmentation \"%s\" says %s twice; keep one of them.",
                        text,
                        key);
            }
            var parts = new Parts(name, set, numbers);
            parts.checkTogether(text);
            return parts;
        }

        private static String set(String text, String piece) {
            var sets = new ArrayList<>(AugmentationTables.RAND_SETS.keySet());
            sets.add("3a");
            var set = piece.substring(1);
            require(
                    sets.contains(set),
                    "The augmentation \"%s\" draws from a set of operations \"%s\" that is not known; did you mean"
                            + " t%s?",
                    text,
                    piece,
                    Names.nearest(set, sets, 1).get(0));
            return set;
        }

        private static VitrailException unknown(String text, String piece, List<String> known) {
            var letters = piece.replaceFirst("[\\d.].*", "");
            var number = piece.substring(letters.length());
            // Of single letters none is nearer than another.
            var nearest = letters.length() < 2 && known.size() > 1
                    ? example(text)
                    : Names.nearest(letters, known, 1).get(0) + (number.isEmpty() ? "1" : number);
            return VitrailException.of(
                    "The augmentation \"%s\" has a part \"%s\" that is not known; did you mean %s? Known are %s, each"
                            + " with a number.",
                    text, piece, nearest, String.join(", ", known));
        }

        private static String example(String text) {
            if (text.startsWith("rand")) {
                return "rand-m9-mstd0.5-inc1";
            }
            return text.startsWith("augmix") ? "augmix-m5-w4-d2" : "original-mstd0.5";
        }

        private static void check(String text, String piece, String key, double number) {
            require(
                    !WHOLE.contains(key) || number == Math.rint(number),
                    "The augmentation \"%s\" needs a whole number after %s, found %s; write %s%d.",
                    text,
                    key,
                    piece,
                    key,
                    Math.round(number));
            boolean good =
                    switch (key) {
                        case "m", "mmax" -> number <= HIGHEST_LEVEL;
                        case "p" -> number <= 1;
                        case "a" -> number > 0;
                        default -> number <= Integer.MAX_VALUE;
                    };
            require(
                    good,
                    "The augmentation \"%s\" has a part %s out of range: levels go to 100, probabilities to 1, and"
                            + " alpha is above 0.",
                    text,
                    piece);
            require(
                    !SWITCHES.contains(key) || number <= 1,
                    "The augmentation \"%s\" switches %s on with 1 and off with 0, found %s.",
                    text,
                    key,
                    piece);
        }

        private void checkTogether(String text) {
            boolean rand = name.equals("rand");
            require(
                    !rand || !has("w") || (number("w", 0) == 0 && set.isEmpty()),
                    "The augmentation \"%s\" has a w; there is w0 alone, and not together with t: write tweights for"
                            + " today's weights.",
                    text);
            int most = set.isEmpty()
                    ? 11
                    : AugmentationTables.RAND_SETS.getOrDefault(set, Map.of()).size();
            boolean weighed = has("w") || (!set.isEmpty() && !set.equals("3a"));
            require(
                    !rand || !weighed || number("n", 2) <= most,
                    "The augmentation \"%s\" draws weighed operations without repetition, of which there are %d; write"
                            + " n%d at most.",
                    text,
                    most,
                    most);
            require(
                    rand || number("w", 1) >= 1,
                    "The augmentation \"%s\" needs at least one chain; write w1 or more.",
                    text);
        }

        boolean has(String key) {
            return numbers.containsKey(key);
        }

        double number(String key, double otherwise) {
            return numbers.getOrDefault(key, otherwise);
        }
    }
}
