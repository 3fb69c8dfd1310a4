package dev.vitrail.train;

import static dev.vitrail.errors.VitrailException.require;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.NullNode;
import dev.vitrail.data.CacheLimit;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.images.ImageSize;
import dev.vitrail.images.augment.RandomResizedCrop;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.BiFunction;
import java.util.function.BiPredicate;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.ToDoubleFunction;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/**
 * One option of a training run: its name in YAML and on the command line, what it means, the values it may take, and
 * the value it has by default. All of them are in {@link TrainingOptions}; a {@link TrainingConfig} holds a value for
 * each.
 *
 * @param <T> its values
 */
public final class TrainingOption<T> {
    private static final JsonNodeFactory NODES = JsonNodeFactory.instance;

    /**
     * Text form of a type of values.
     *
     * @param expected what a value must be, in words
     * @param fits whether a node is such a value
     */
    private record ValueType<T>(
            String expected, Predicate<JsonNode> fits, Function<JsonNode, T> read, Function<T, JsonNode> write) {}

    /** A demand on values beyond their type. */
    private record Rule<T>(Predicate<T> holds, String demand) {}

    private final String name;
    private final T standard;
    private final String meaning;
    private final ValueType<T> type;
    private final List<Rule<T>> rules;

    private TrainingOption(String name, T standard, String meaning, ValueType<T> type, List<Rule<T>> rules) {
        this.name = name;
        this.standard = standard;
        this.meaning = meaning;
        this.type = type;
        this.rules = rules;
    }

    static TrainingOption<String> text(String name, String standard, String meaning) {
        return new TrainingOption<>(
                name,
                standard,
                meaning,
                new ValueType<>("text", JsonNode::isTextual, JsonNode::asText, NODES::textNode),
                List.of());
    }

    static TrainingOption<Integer> whole(String name, int standard, String meaning) {
        return new TrainingOption<>(
                name,
                standard,
                meaning,
                new ValueType<>(
                        "a whole number",
                        node -> node.isIntegralNumber() && node.canConvertToInt(),
                        JsonNode::asInt,
                        NODES::numberNode),
                List.of());
    }

    /** A size of images, none by default. */
    static TrainingOption<Optional<ImageSize>> size(String name, String meaning) {
        return new TrainingOption<>(
                        name,
                        new ImageSize(1, 1),
                        meaning,
                        new ValueType<>(
                                "a side in pixels, such as 224, or height and width, such as 300x200",
                                node -> node.isIntegralNumber() ? node.asLong() > 0 : node.isTextual(),
                                node -> ImageSize.parse(node.asText()),
                                size -> size.height() == size.width()
                                        ? NODES.numberNode(size.height())
                                        : NODES.textNode(size.toString())),
                        List.<Rule<ImageSize>>of())
                .orNone();
    }

    /** Memory for decoded images. */
    static TrainingOption<CacheLimit> cache(String name, CacheLimit standard, String meaning) {
        return new TrainingOption<>(
                name,
                standard,
                meaning,
                new ValueType<>(
                        "auto, off, or a number of MiB",
                        // Some readers of YAML take off for false.
                        node -> node.isBoolean() ? !node.asBoolean() : CacheLimit.known(node.asText()),
                        node -> node.isBoolean() ? CacheLimit.OFF : CacheLimit.parse(node.asText()),
                        limit -> limit.mebibytes() > 0
                                ? NODES.numberNode(limit.mebibytes())
                                : NODES.textNode(limit.toString())),
                List.of());
    }

    /** A number for each channel of images, none by default. */
    static TrainingOption<Optional<List<Double>>> channels(String name, String meaning) {
        return new TrainingOption<>(
                        name,
                        List.<Double>of(),
                        meaning,
                        new ValueType<>(
                                "a list of numbers, one for each channel, such as [0.485, 0.456, 0.406]",
                                node -> node.isArray()
                                        && !node.isEmpty()
                                        && StreamSupport.stream(node.spliterator(), false)
                                                .allMatch(TrainingOption::isNumber),
                                node -> StreamSupport.stream(node.spliterator(), false)
                                        .map(JsonNode::asDouble)
                                        .toList(),
                                values -> {
                                    var array = NODES.arrayNode();
                                    values.forEach(array::add);
                                    return array;
                                }),
                        List.<Rule<List<Double>>>of())
                .orNone();
    }

    /** Two sides of a rectangle as fractions of the image's; none by default. */
    static TrainingOption<Optional<Mixing.Sides>> sides(String name, String meaning) {
        return new TrainingOption<>(
                        name,
                        new Mixing.Sides(0, 1),
                        meaning,
                        pair(
                                "two numbers from 0 to 1, the smaller first, such as [0.2, 0.8]",
                                (low, high) -> low >= 0 && low < high && high <= 1,
                                Mixing.Sides::new,
                                Mixing.Sides::smallest,
                                Mixing.Sides::largest),
                        List.<Rule<Mixing.Sides>>of())
                .orNone();
    }

    /** A minimum and a maximum in (0, 1]. */
    static TrainingOption<RandomResizedCrop.Range> range(
            String name, RandomResizedCrop.Range standard, String meaning) {
        return new TrainingOption<>(
                name,
                standard,
                meaning,
                pair(
                        "two numbers above 0 and up to 1, the smaller first, such as [0.08, 1]",
                        (low, high) -> low > 0 && low <= high && high <= 1,
                        RandomResizedCrop.Range::new,
                        RandomResizedCrop.Range::low,
                        RandomResizedCrop.Range::high),
                List.of());
    }

    private static <P> ValueType<P> pair(
            String expected,
            BiPredicate<Double, Double> valid,
            BiFunction<Double, Double, P> make,
            ToDoubleFunction<P> first,
            ToDoubleFunction<P> second) {
        return new ValueType<>(
                expected,
                node -> node.isArray()
                        && node.size() == 2
                        && isNumber(node.get(0))
                        && isNumber(node.get(1))
                        && valid.test(node.get(0).asDouble(), node.get(1).asDouble()),
                node -> make.apply(node.get(0).asDouble(), node.get(1).asDouble()),
                pair -> NODES.arrayNode().add(first.applyAsDouble(pair)).add(second.applyAsDouble(pair)));
    }

    static TrainingOption<Long> seed(String name, long standard, String meaning) {
        return new TrainingOption<>(
                name,
                standard,
                meaning,
                new ValueType<>(
                        "a whole number", JsonNode::canConvertToExactIntegral, JsonNode::asLong, NODES::numberNode),
                List.of());
    }

    static TrainingOption<Double> number(String name, double standard, String meaning) {
        return new TrainingOption<>(
                name,
                standard,
                meaning,
                new ValueType<>("a number", TrainingOption::isNumber, JsonNode::asDouble, NODES::numberNode),
                List.of(new Rule<>(Double::isFinite, "finite")));
    }

    /** YAML 1.1 takes 1e-3, which has no point, for text; people write it all the same. */
    private static boolean isNumber(JsonNode node) {
        if (!node.isTextual()) {
            return node.isNumber();
        }
        try {
            Double.parseDouble(node.asText());
            return true;
        } catch (NumberFormatException e) {
            return false;
        }
    }

    static TrainingOption<Boolean> flag(String name, boolean standard, String meaning) {
        return new TrainingOption<>(
                name,
                standard,
                meaning,
                new ValueType<>("true or false", JsonNode::isBoolean, JsonNode::asBoolean, NODES::booleanNode),
                List.of());
    }

    static <E extends Enum<E>> TrainingOption<E> choice(String name, E standard, String meaning) {
        var type = standard.getDeclaringClass();
        var words =
                Arrays.stream(type.getEnumConstants()).map(TrainingOption::word).toList();
        return new TrainingOption<>(
                name,
                standard,
                meaning,
                new ValueType<>(
                        "one of " + String.join(", ", words),
                        node -> node.isTextual() && words.contains(node.asText()),
                        node -> Enum.valueOf(type, node.asText().toUpperCase(Locale.ROOT)),
                        value -> NODES.textNode(word(value))),
                List.of());
    }

    /** Allows none, which becomes the default. */
    TrainingOption<Optional<T>> orNone() {
        return orNone(Optional.empty());
    }

    /** Allows none; the default stays a value. */
    TrainingOption<Optional<T>> unlessNone() {
        return orNone(Optional.of(standard));
    }

    private TrainingOption<Optional<T>> orNone(Optional<T> unsaid) {
        return new TrainingOption<>(
                name,
                unsaid,
                meaning,
                new ValueType<>(
                        type.expected + ", or null for none",
                        node -> node.isNull() || type.fits.test(node),
                        node -> node.isNull() ? Optional.empty() : Optional.of(type.read.apply(node)),
                        value -> value.map(type.write).orElse(NullNode.getInstance())),
                rules.stream()
                        .map(rule -> new Rule<Optional<T>>(
                                value -> value.isEmpty() || rule.holds.test(value.get()), rule.demand))
                        .toList());
    }

    /** Adds a condition on values; its description follows "must be". */
    TrainingOption<T> that(Predicate<T> holds, String demand) {
        var more = new java.util.ArrayList<>(rules);
        more.add(new Rule<>(holds, demand));
        return new TrainingOption<>(name, standard, meaning, type, List.copyOf(more));
    }

    /** Returns whether values are true or false. */
    public boolean isFlag() {
        return standard instanceof Boolean;
    }

    /** Name in YAML and {@code --set}. */
    public String name() {
        return name;
    }

    /** Description with the unit, one line. */
    public String meaning() {
        return meaning;
    }

    /** Description of the values allowed. */
    public String expected() {
        return type.expected;
    }

    /** The default value. */
    public T standard() {
        return standard;
    }

    /** The value, if it is allowed. */
    T checked(T value) {
        for (var rule : rules) {
            require(rule.holds.test(value), "'%s' must be %s, found %s", name, rule.demand, shown(value));
        }
        return value;
    }

    /**
     * The value that a node of YAML stands for.
     *
     * @param origin what to call the YAML in errors
     */
    T read(JsonNode node, String origin) {
        require(type.fits.test(node), "%s: '%s' must be %s, found %s", origin, name, type.expected, node);
        return checked(type.read.apply(node));
    }

    /**
     * The value that a word of a command line stands for: text as it stands, anything else as YAML has it; a list goes
     * without brackets.
     *
     * @throws VitrailException saying what a value must be
     */
    public T parse(String text) {
        var candidates = Stream.of(text, "[" + text + "]").flatMap(yaml -> TrainingConfigFile.node(yaml).stream());
        var node = Stream.concat(Stream.<JsonNode>of(NODES.textNode(text)), candidates)
                .filter(type.fits)
                .findFirst()
                .orElseThrow(() -> VitrailException.of("'%s' must be %s", name, type.expected));
        return checked(type.read.apply(node));
    }

    JsonNode write(T value) {
        return type.write.apply(value);
    }

    /** A value as YAML has it on one line. */
    String shown(T value) {
        var node = write(value);
        return node.isValueNode() ? node.asText() : node.toString();
    }

    private static String word(Enum<?> value) {
        return value.name().toLowerCase(Locale.ROOT);
    }

    @Override
    public String toString() {
        return name;
    }
}
