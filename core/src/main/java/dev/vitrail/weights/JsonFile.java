package dev.vitrail.weights;

import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vitrail.errors.VitrailException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** JSON files beside weights: one object each, nothing named twice, nothing after it. */
public final class JsonFile {
    /** An index of a large model has thousands of lines, never this many bytes; parsed, a byte may take thirty. */
    private static final long MAX_BYTES = 8L << 20;

    static final JsonMapper MAPPER = JsonMapper.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .enable(SerializationFeature.INDENT_OUTPUT)
            .build();

    private JsonFile() {}

    /** The object in {@code file}. */
    public static ObjectNode read(Path file) {
        try {
            long size = Files.size(file);
            VitrailException.require(
                    size <= MAX_BYTES,
                    "%s has %d bytes; a JSON file of at most %d was expected",
                    file,
                    size,
                    MAX_BYTES);
            return Allowance.guarded(file, () -> object(tree(file), file.toString()));
        } catch (IOException e) {
            throw ByteSource.unreadable(file, e);
        }
    }

    private static JsonNode tree(Path file) {
        try {
            return MAPPER.readTree(Files.readAllBytes(file));
        } catch (IOException e) {
            throw new VitrailException(
                    "could not read %s as JSON: %s"
                            .formatted(
                                    file,
                                    String.valueOf(e.getMessage())
                                            .lines()
                                            .findFirst()
                                            .orElse("")),
                    e);
        }
    }

    /** The object that {@code text} is. */
    static ObjectNode parse(String text, String origin) {
        try {
            return object(MAPPER.readTree(text), origin);
        } catch (IOException e) {
            throw new VitrailException("%s holds no JSON: %s".formatted(origin, e.getMessage()), e);
        }
    }

    private static ObjectNode object(JsonNode node, String file) {
        if (node instanceof ObjectNode object) {
            return object;
        }
        throw VitrailException.of("%s does not hold a JSON object, which was expected", file);
    }

    /** {@code node} as text. */
    static String text(JsonNode node) {
        try {
            return MAPPER.writeValueAsString(node);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The reverse of {@link #text}. */
    static JsonNode node(String text) {
        try {
            return MAPPER.readTree(text);
        } catch (IOException e) {
            throw new VitrailException("%s is no JSON value".formatted(text), e);
        }
    }
}
