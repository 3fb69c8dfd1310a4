package dev.vitrail.weights;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vitrail.errors.VitrailException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Predicate;

/**
 * Takes known fields out of a JSON object with a sentence for each wrong type, and hands back the rest. A field that is
 * {@code null} counts as absent and stays in the rest.
 */
final class JsonFields {
    private final ObjectNode object;
    private final String source;
    private final Set<String> taken = new HashSet<>();

    JsonFields(ObjectNode object, String source) {
        this.object = object;
        this.source = source;
    }

    Optional<String> text(String name) {
        return take(name, JsonNode::isTextual, "a text").map(JsonNode::textValue);
    }

    Optional<Boolean> flag(String name) {
        return take(name, JsonNode::isBoolean, "true or false").map(JsonNode::booleanValue);
    }

    OptionalInt integer(String name) {
        var value = take(name, node -> node.canConvertToInt() && node.isIntegralNumber(), "an integer");
        return value.map(node -> OptionalInt.of(node.intValue())).orElse(OptionalInt.empty());
    }

    OptionalDouble number(String name) {
        var value = take(name, JsonNode::isNumber, "a number");
        return value.map(node -> OptionalDouble.of(node.doubleValue())).orElse(OptionalDouble.empty());
    }

    List<Integer> integers(String name) {
        return list(name, node -> node.canConvertToInt() && node.isIntegralNumber(), "integers", JsonNode::intValue)
                .orElse(List.of());
    }

    List<Integer> integerOrIntegers(String name) {
        var node = object.get(name);
        return node != null && node.isNumber() ? integer(name).stream().boxed().toList() : integers(name);
    }

    List<Double> numbers(String name) {
        return list(name, JsonNode::isNumber, "numbers", JsonNode::doubleValue).orElse(List.of());
    }

    Optional<List<String>> texts(String name) {
        return list(name, JsonNode::isTextual, "texts", JsonNode::textValue);
    }

    List<String> textOrTexts(String name) {
        var node = object.get(name);
        return node != null && node.isTextual()
                ? text(name).map(List::of).orElse(List.of())
                : texts(name).orElse(List.of());
    }

    Optional<JsonFields> object(String name) {
        return take(name, JsonNode::isObject, "an object")
                .map(node -> new JsonFields((ObjectNode) node, name + " of " + source));
    }

    /** An object's fields, each as JSON text. */
    Map<String, String> objectOfJson(String name) {
        return object(name).map(JsonFields::rest).orElse(Map.of());
    }

    Map<String, String> objectOfTexts(String name) {
        var texts = new LinkedHashMap<String, String>();
        take(name, node -> node.isObject() && all(node, JsonNode::isTextual), "an object of texts")
                .ifPresent(node -> node.properties()
                        .forEach(entry ->
                                texts.put(entry.getKey(), entry.getValue().textValue())));
        return texts;
    }

    /** The fields that nobody took, each as JSON text, in the file's order. */
    Map<String, String> rest() {
        var rest = new LinkedHashMap<String, String>();
        for (var entry : object.properties()) {
            if (!taken.contains(entry.getKey())) {
                rest.put(entry.getKey(), JsonFile.text(entry.getValue()));
            }
        }
        return rest;
    }

    /** The reverse of {@link #rest}. */
    static ObjectNode parsed(Map<String, String> fields) {
        var object = JsonFile.MAPPER.createObjectNode();
        fields.forEach((name, text) -> object.set(name, JsonFile.node(text)));
        return object;
    }

    /** An unmodifiable copy in the same order. */
    static Map<String, String> copy(Map<String, String> map) {
        return Collections.unmodifiableMap(new LinkedHashMap<>(map));
    }

    private <T> Optional<List<T>> list(
            String name, Predicate<JsonNode> fits, String expected, Function<JsonNode, T> value) {
        return take(name, node -> node instanceof ArrayNode && all(node, fits), "a list of " + expected)
                .map(node -> {
                    var values = new ArrayList<T>();
                    node.forEach(item -> values.add(value.apply(item)));
                    return values;
                });
    }

    private static boolean all(JsonNode node, Predicate<JsonNode> fits) {
        for (var item : node) {
            if (!fits.test(item)) {
                return false;
            }
        }
        return true;
    }

    private Optional<JsonNode> take(String name, Predicate<JsonNode> fits, String expected) {
        var node = object.get(name);
        if (node == null || node.isNull()) {
            return Optional.empty();
        }
        VitrailException.require(fits.test(node), "%s of %s is %s; expected %s", name, source, node, expected);
        taken.add(name);
        return Optional.of(node);
    }
}
