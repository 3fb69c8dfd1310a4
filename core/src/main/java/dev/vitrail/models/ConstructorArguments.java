package dev.vitrail.models;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.nn.Activation;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.function.DoubleConsumer;
import java.util.function.IntConsumer;

/**
 * What a constructor of timm is to be told beyond a variant's name ({@code model_args} of a {@code config.json}).
 *
 * <p>A configuration takes those that it knows ({@link ModelConfig#withArguments}); what nobody took is {@link #unread}, so that no
 * argument is silently passed over. An argument that is null counts as not given, save for {@link #layerScale}, where it means none.
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

    public void integer(String name, IntConsumer use) {
        take(name).ifPresent(value -> use.accept(asInteger(name, value)));
    }

    private static int asInteger(String name, Object value) {
        if (value instanceof Number number && number.doubleValue() == number.intValue()) {
            return number.intValue();
        }
        throw wrong(name, value, "an integer");
    }

    public void number(String name, DoubleConsumer use) {
        take(name).ifPresent(value -> use.accept(asNumber(name, value)));
    }

    private static double asNumber(String name, Object value) {
        if (value instanceof Number number) {
            return number.doubleValue();
        }
        throw wrong(name, value, "a number");
    }

    public void flag(String name, Consumer<Boolean> use) {
        take(name).ifPresent(value -> {
            if (!(value instanceof Boolean flag)) {
                throw wrong(name, value, "true or false");
            }
            use.accept(flag);
        });
    }

    public void text(String name, Consumer<String> use) {
        take(name).ifPresent(value -> {
            if (!(value instanceof String text)) {
                throw wrong(name, value, "a text");
            }
            use.accept(text);
        });
    }

    /** A number, or a list of them. */
    public void numbers(String name, Consumer<List<Double>> use) {
        take(name)
                .ifPresent(value -> use.accept(
                        value instanceof List<?> list
                                ? list.stream()
                                        .map(item -> asNumber(name, item))
                                        .toList()
                                : List.of(asNumber(name, value))));
    }

    /** An integer, or a list of them. */
    public void integers(String name, Consumer<List<Integer>> use) {
        take(name)
                .ifPresent(value -> use.accept(
                        value instanceof List<?> list
                                ? list.stream()
                                        .map(item -> asInteger(name, item))
                                        .toList()
                                : List.of(asInteger(name, value))));
    }

    /** A list of integers, one for each of some stages; a single one serves all. */
    public void stages(String name, int count, Consumer<List<Integer>> use) {
        integers(name, list -> {
            if (list.size() != 1 && list.size() != count) {
                throw wrong(name, list, "one integer, or one for each of %d stages".formatted(count));
            }
            use.accept(list.size() == 1 ? Collections.nCopies(count, list.get(0)) : list);
        });
    }

    /** A side, or a pair of rows and columns. */
    public void pair(String name, BiConsumer<Integer, Integer> use) {
        integers(name, sides -> {
            if (sides.isEmpty() || sides.size() > 2 || sides.stream().anyMatch(side -> side <= 0)) {
                throw wrong(name, sides, "one side, or height and width, in pixels");
            }
            use.accept(sides.get(0), sides.get(sides.size() - 1));
        });
    }

    /** A side of squares. */
    public void side(String name, IntConsumer use) {
        pair(name, (height, width) -> {
            if (!height.equals(width)) {
                throw wrong(name, List.of(height, width), "one side, as this architecture's are square");
            }
            use.accept(height);
        });
    }

    /** The sides of the images, for a configuration whose patches change as well; it stays to be taken by whoever checks it. */
    public void image(BiConsumer<Integer, Integer> use) {
        boolean before = read.contains("img_size");
        pair("img_size", use);
        if (!before) {
            read.remove("img_size");
        }
    }

    /** Whether an argument is given, if only as null. */
    public boolean has(String name) {
        return values.containsKey(name);
    }

    /** The initial value of LayerScale; null for none. */
    public void layerScale(String name, Consumer<OptionalDouble> use) {
        if (has(name)) {
            take(name)
                    .ifPresentOrElse(
                            value -> use.accept(OptionalDouble.of(asNumber(name, value))),
                            () -> use.accept(OptionalDouble.empty()));
        }
    }

    /** A non-linearity by timm's name for it. */
    public void activation(String name, Consumer<Activation> use) {
        text(
                name,
                text -> use.accept(
                        switch (text.toLowerCase(Locale.ROOT)) {
                            case "gelu" -> Activation.GELU;
                            case "gelu_tanh" -> Activation.GELU_TANH;
                            case "quick_gelu", "quickgelu" -> Activation.QUICK_GELU;
                            case "relu" -> Activation.RELU;
                            case "silu", "swish" -> Activation.SILU;
                            default ->
                                throw wrong(
                                        name, text, "gelu, gelu_tanh, quick_gelu, relu or silu: others are not here");
                        }));
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
