package dev.vitrail.cli;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.datatype.jdk8.Jdk8Module;
import java.nio.charset.StandardCharsets;

/**
 * The JSON that commands print: records, with their components in order. {@code peakRss} is printed as
 * {@code peak_rss}, and an empty {@code Optional} is left out.
 */
final class JsonOutput {
    static final ObjectMapper LINES = JsonMapper.builder()
            .addModule(new Jdk8Module())
            .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
            .defaultPropertyInclusion(
                    JsonInclude.Value.construct(JsonInclude.Include.NON_ABSENT, JsonInclude.Include.ALWAYS))
            .build();
    private static final ObjectMapper MAPPER = LINES.copy().enable(SerializationFeature.INDENT_OUTPUT);

    private JsonOutput() {}

    /** Prints the object on stdout, in UTF-8 whatever the terminal. */
    static void print(Object value) {
        var bytes = (text(MAPPER, value) + "\n").getBytes(StandardCharsets.UTF_8);
        StandardStreams.write(bytes, bytes.length);
    }

    /** One line, for a JSON Lines file. */
    static String line(Object value) {
        return text(LINES, value);
    }

    private static String text(ObjectMapper mapper, Object value) {
        try {
            return mapper.writeValueAsString(value);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a result cannot be written as JSON", e);
        }
    }
}
