package dev.vitrail.models;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.nn.Activation;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.function.BiFunction;
import java.util.stream.Collectors;

/**
 * Arguments of a timm model's constructor beyond the variant's name ({@code model_args} of a {@code config.json}).
 *
 * <p>A configuration takes those that it knows ({@link ModelConfig#withArguments}); what nobody took is
 * {@link #unread}, so that no argument is silently passed over. An argument that is null counts as not given, save for
 * {@link #layerScale}, where it means none.
 */
public final class ConstructorArguments {
    private final Map<String, Optional<Object>> values;
    private final Set<String> read = new LinkedHashSet<>();

    /** @param values numbers, booleans, texts and lists of numbers by name; empty for null */
    public ConstructorArguments(Map<String, Optional<Object>> values) {
        this.values = Collections.unmodifiableMap(new LinkedHashMap<>(values));
    }

    /** Names of the arguments that nobody took and that are not null. */
    public List<String> unread() {
        return values.entrySet().stream()
                .filter(entry -> entry.getValue().isPresent() && !read.contains(entry.getKey()))
                .map(Map.Entry::getKey)
                .toList();
    }

    private Optional<Object> take(String name) {
        read.add(name);
        return values.getOrDefault(name, Optional.empty());
    }

    private static VitrailException wrong(String name, Object found, String expected) {
        return VitrailException.of(
                "%s in model_args of config.json is %s; expected %s",
                name, String.valueOf(found).replaceAll("\\p{Cntrl}", "?"), expected);
    }

    public int integer(String name, int otherwise) {
        return take(name).map(value -> asInteger(name, value)).orElse(otherwise);
    }

    private static int asInteger(String name, Object value) {
        if (value instanceof Number number && number.doubleValue() == number.intValue()) {
            return number.intValue();
        }
        throw wrong(name, value, "an integer");
    }

    public double number(String name, double otherwise) {
        return take(name).map(value -> asNumber(name, value)).orElse(otherwise);
    }

    private static double asNumber(String name, Object value) {
        if (value instanceof Number number) {
            return number.doubleValue();
        }
        throw wrong(name, value, "a number");
    }

    public boolean flag(String name, boolean otherwise) {
        return take(name)
                .map(value -> {
                    if (!(value instanceof Boolean flag)) {
                        throw wrong(name, value, "true or false");
                    }
                    return flag;
                })
                .orElse(otherwise);
    }

    public String text(String name, String otherwise) {
        return take(name)
                .map(value -> {
                    if (!(value instanceof String text)) {
                        throw wrong(name, value, "a text");
                    }
                    return text;
                })
                .orElse(otherwise);
    }

    /** A number, or a list of them; empty if absent. */
    public List<Double> numbers(String name) {
        return list(name, ConstructorArguments::asNumber);
    }

    /** An integer, or a list of them; empty if absent. */
    public List<Integer> integers(String name) {
        return list(name, ConstructorArguments::asInteger);
    }

    /** A list of integers. */
    public List<Integer> integers(String name, List<Integer> otherwise) {
        var given = integers(name);
        return given.isEmpty() ? otherwise : given;
    }

    private <T> List<T> list(String name, BiFunction<String, Object, T> item) {
        return take(name)
                .map(value -> value instanceof List<?> list
                        ? list.stream().map(one -> item.apply(name, one)).toList()
                        : List.of(item.apply(name, value)))
                .orElse(List.of());
    }

    /** A list of integers, one for each of some stages; a single one serves all. */
    public List<Integer> stages(String name, int count, List<Integer> otherwise) {
        var list = integers(name);
        if (list.isEmpty()) {
            return otherwise;
        }
        if (list.size() != 1 && list.size() != count) {
            throw wrong(name, list, "one integer, or one for each of %d stages".formatted(count));
        }
        return list.size() == 1 ? Collections.nCopies(count, list.get(0)) : list;
    }

    /** Rows and columns, given as a side or a pair; empty if absent. */
    public Optional<int[]> pair(String name) {
        return take(name).map(value -> {
            var sides = value instanceof List<?> list
                    ? list.stream().map(one -> asInteger(name, one)).toList()
                    : List.of(asInteger(name, value));
            if (sides.isEmpty() || sides.size() > 2 || sides.stream().anyMatch(side -> side <= 0)) {
                throw wrong(name, sides, "one side, or height and width, in pixels");
            }
            return new int[] {sides.get(0), sides.get(sides.size() - 1)};
        });
    }

    /** A side of squares. */
    public int side(String name, int otherwise) {
        var pair = pair(name).orElse(new int[] {otherwise, otherwise});
        if (pair[0] != pair[1]) {
            throw wrong(name, List.of(pair[0], pair[1]), "one side, as this architecture's are square");
        }
        return pair[0];
    }

    /**
     * The images, for a configuration whose patches change as well; their size stays to be taken by whoever checks it.
     */
    public ImageInput image(ImageInput otherwise) {
        boolean before = read.contains("img_size");
        var image = pair("img_size").map(sides -> otherwise.withSize(sides[0], sides[1]));
        if (!before) {
            read.remove("img_size");
        }
        return image.orElse(otherwise);
    }

    /** Returns whether an argument is given, if only as null. */
    public boolean has(String name) {
        return values.containsKey(name);
    }

    /** The initial value of LayerScale; null for none. */
    public OptionalDouble layerScale(String name, OptionalDouble otherwise) {
        if (!has(name)) {
            return otherwise;
        }
        return take(name).map(value -> OptionalDouble.of(asNumber(name, value))).orElse(OptionalDouble.empty());
    }

    /** One of some constants, by its name in small letters. */
    public <E extends Enum<E>> E constant(String name, E[] all, E otherwise) {
        var text = text(name, label(otherwise));
        return Arrays.stream(all)
                .filter(one -> label(one).equals(text))
                .findFirst()
                .orElseThrow(() -> wrong(
                        name,
                        text,
                        Arrays.stream(all).map(ConstructorArguments::label).collect(Collectors.joining(" or "))));
    }

    private static String label(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT);
    }

    /** A non-linearity by timm's name for it. */
    public Activation activation(String name, Activation otherwise) {
        var text = text(name, label(otherwise));
        return switch (text.toLowerCase(Locale.ROOT)) {
            case "gelu" -> Activation.GELU;
            case "gelu_tanh" -> Activation.GELU_TANH;
            case "quick_gelu", "quickgelu" -> Activation.QUICK_GELU;
            case "relu" -> Activation.RELU;
            case "silu", "swish" -> Activation.SILU;
            default -> throw wrong(name, text, "gelu, gelu_tanh, quick_gelu, relu or silu: others are not here");
        };
    }

    /** An argument of which this architecture can do one thing alone. */
    public void only(String name, Object supported) {
        take(name).ifPresent(value -> {
            if (!value.equals(supported)) {
                throw wrong(name, value, supported + ", which is all that this architecture can do here");
            }
        });
    }

    /** Arguments that change nothing of what a model computes. */
    public void pass(String... names) {
        for (var name : names) {
            take(name);
        }
    }
}
