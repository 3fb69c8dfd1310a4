package dev.vitrail;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.vitrail.engine.DType;
import dev.vitrail.engine.Tensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A golden case, for tests: its JSON file and the tensors beside it. */
public record Golden(JsonNode json, JsonNode header, ByteBuffer data) {
    private static final ObjectMapper MAPPER = new ObjectMapper();

    /** The folder of all fixtures, which may be absent. */
    public static final Path FIXTURES = Path.of("../../shared/fixtures");

    /** Reads {@code <path>.json} and {@code <path>.safetensors}. */
    public static Golden read(Path path) {
        try {
            var json = MAPPER.readTree(Path.of(path + ".json").toFile());
            var file = ByteBuffer.wrap(Files.readAllBytes(Path.of(path + ".safetensors")))
                    .order(ByteOrder.LITTLE_ENDIAN);
            var header = new byte[(int) file.getLong()];
            file.get(header);
            return new Golden(json, MAPPER.readTree(new String(header, StandardCharsets.UTF_8)), file.slice());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    public boolean has(String name) {
        return header.has(name);
    }

    /** The names that start with a prefix, without it. */
    public List<String> below(String prefix) {
        var names = new ArrayList<String>();
        header.fieldNames().forEachRemaining(name -> {
            if (name.startsWith(prefix)) {
                names.add(name.substring(prefix.length()));
            }
        });
        return names;
    }

    public Tensor tensor(String name) {
        var entry = header.get(name);
        int begin = entry.get("data_offsets").get(0).asInt();
        int end = entry.get("data_offsets").get(1).asInt();
        var shape = new long[entry.get("shape").size()];
        for (int i = 0; i < shape.length; i++) {
            shape[i] = entry.get("shape").get(i).asLong();
        }
        return Tensor.of(
                data.slice(begin, end - begin),
                entry.get("dtype").asText().equals("I64") ? DType.I64 : DType.F32,
                shape);
    }
}
