package dev.vitrail.train;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.vitrail.engine.Tensor;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.LinkedHashMap;
import java.util.Map;

/** A golden case of {@code golden/misc}: its JSON and its tensors. */
public final class Fixture {
    public record Values(float[] numbers, long[] shape) {
        public Tensor tensor() {
            return Tensor.of(numbers, shape);
        }

        /** The numbers as classes. */
        public Tensor classes() {
            var whole = new long[numbers.length];
            for (int i = 0; i < whole.length; i++) {
                whole[i] = (long) numbers[i];
            }
            return Tensor.of(whole, shape);
        }
    }

    public final JsonNode json;
    private final Map<String, Values> tensors = new LinkedHashMap<>();

    public Fixture(String name) {
        try {
            json = new ObjectMapper().readTree(bytes(name + ".json"));
            if (json.has("file")) {
                read(bytes(name + ".safetensors"));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static byte[] bytes(String file) throws IOException {
        try (InputStream in = Fixture.class.getResourceAsStream("/golden/misc/" + file)) {
            if (in == null) {
                throw new IOException("no resource golden/misc/" + file);
            }
            return in.readAllBytes();
        }
    }

    private void read(byte[] bytes) throws IOException {
        var data = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        int header = (int) data.getLong();
        var entries = new ObjectMapper().readTree(bytes, 8, header).fields();
        while (entries.hasNext()) {
            var entry = entries.next();
            if (!entry.getKey().equals("__metadata__")) {
                tensors.put(entry.getKey(), values(data, 8 + header, entry.getValue()));
            }
        }
    }

    private static Values values(ByteBuffer data, int start, JsonNode entry) {
        var shape = new long[entry.get("shape").size()];
        int count = 1;
        for (int i = 0; i < shape.length; i++) {
            shape[i] = entry.get("shape").get(i).asLong();
            count *= (int) shape[i];
        }
        int at = start + entry.get("data_offsets").get(0).asInt();
        var numbers = new float[count];
        for (int i = 0; i < count; i++) {
            numbers[i] = switch (entry.get("dtype").asText()) {
                case "F32" -> data.getFloat(at + 4 * i);
                case "F64" -> (float) data.getDouble(at + 8 * i);
                case "I64" -> data.getLong(at + 8 * i);
                default -> throw new IllegalArgumentException(entry.toString());
            };
        }
        return new Values(numbers, shape);
    }

    public Values get(String name) {
        var values = tensors.get(name);
        if (values == null) {
            throw new IllegalArgumentException("the fixture has no tensor " + name);
        }
        return values;
    }

    /** What a map holds under a key that it must have. */
    public static <T> T of(Map<String, T> map, String key) {
        var value = map.get(key);
        if (value == null) {
            throw new IllegalArgumentException("nothing is called " + key);
        }
        return value;
    }

    /** Tensors whose names begin with the prefix, by the rest of their names. */
    public Map<String, Values> below(String prefix) {
        var found = new LinkedHashMap<String, Values>();
        tensors.forEach((name, values) -> {
            if (name.startsWith(prefix)) {
                found.put(name.substring(prefix.length()), values);
            }
        });
        return found;
    }
}
