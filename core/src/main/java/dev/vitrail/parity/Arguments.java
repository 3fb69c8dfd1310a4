package dev.vitrail.parity;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.models.ImageInput;
import dev.vitrail.nn.Activation;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.OptionalDouble;
import java.util.Set;

/** The arguments of an original's constructor. What nobody reads is an error, so that no option is silently ignored. */
final class Arguments {
    private final String of;
    private final JsonNode values;
    private final Set<String> read = new HashSet<>();

    Arguments(String of, JsonNode values) {
        this.of = of;
        this.values = values;
    }

    /** The raw value; missing if the argument is not given, so that the original's default applies. */
    JsonNode get(String name) {
        read.add(name);
        return values.has(name) ? values.get(name) : MissingNode.getInstance();
    }

    boolean has(String name) {
        return values.hasNonNull(name);
    }

    int integer(String name, int otherwise) {
        var value = get(name);
        return value.isNumber() ? value.asInt() : otherwise;
    }

    double number(String name, double otherwise) {
        var value = get(name);
        return value.isNumber() ? value.asDouble() : otherwise;
    }

    /** A number that may be left out or null. */
    OptionalDouble optional(String name) {
        var value = get(name);
        return value.isNumber() ? OptionalDouble.of(value.asDouble()) : OptionalDouble.empty();
    }

    boolean flag(String name, boolean otherwise) {
        var value = get(name);
        return value.isBoolean() ? value.asBoolean() : otherwise;
    }

    String text(String name, String otherwise) {
        var value = get(name);
        return value.isTextual() ? value.asText() : otherwise;
    }

    int[] integers(String name, int... otherwise) {
        var value = get(name);
        if (!value.isArray()) {
            return value.isNumber() ? new int[] {value.asInt()} : otherwise;
        }
        var list = new int[value.size()];
        for (int i = 0; i < list.length; i++) {
            list[i] = value.get(i).asInt();
        }
        return list;
    }

    /** A side or a pair of sides, always as a pair: rows, columns. */
    int[] pair(String name, int otherwise) {
        var sides = integers(name, otherwise);
        return sides.length == 1 ? new int[] {sides[0], sides[0]} : sides;
    }

    /** The arguments of an argument that is itself a constructor call. */
    Arguments nested(String name) {
        var value = get(name);
        return new Arguments(of + "." + name, value.path("args"));
    }

    /** The eps of a {@code norm_layer} that is a partial LayerNorm. */
    double normEps(String name, double otherwise) {
        var value = get(name);
        return value.path("args").path("eps").asDouble(otherwise);
    }

    /** The images that timm's constructor is told to expect. */
    ImageInput image() {
        var sides = pair("img_size", 224);
        return new ImageInput(sides[0], sides[1], integer("in_chans", 3));
    }

    /** The non-linearity that an argument names, or GELU. */
    Activation activation(String name) {
        var value = get(name);
        var text = value.isTextual() ? value.asText() : value.path("$partial").asText("gelu");
        return switch (text) {
            case "gelu", "torch.nn/GELU" ->
                value.path("args").path("approximate").asText("none").equals("tanh")
                        ? Activation.GELU_TANH
                        : Activation.GELU;
            case "gelu_tanh" -> Activation.GELU_TANH;
            case "quick_gelu" -> Activation.QUICK_GELU;
            case "silu", "swish" -> Activation.SILU;
            case "relu" -> Activation.RELU;
            default -> throw VitrailException.of("the activation '%s' has no counterpart here", text);
        };
    }

    /** Throws if an argument was given that nobody asked for. */
    void requireAllRead() {
        List<String> unread = new ArrayList<>();
        values.fieldNames().forEachRemaining(name -> {
            if (!read.contains(name)) {
                unread.add(name);
            }
        });
        VitrailException.require(
                unread.isEmpty(), "the arguments %s of %s have no counterpart here", String.join(", ", unread), of);
    }
}
