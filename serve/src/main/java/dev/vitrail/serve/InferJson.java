package dev.vitrail.serve;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Reads requests of the REST protocol: JSON, and behind it the values of tensors that the JSON says the size of. Read
 * as a stream, so that a tensor takes no more memory than its values.
 */
final class InferJson {
    private static final int MAX_DEPTH = 64;

    private static final JsonFactory FACTORY = JsonFactory.builder()
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxNestingDepth(MAX_DEPTH)
                    .maxStringLength(Integer.MAX_VALUE)
                    .build())
            .disable(StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION)
            .build();

    /** An input as the JSON describes it; its values may follow as binary. */
    private static final class Described {
        private String name = "";
        private String datatype = "";
        private List<Long> shape = List.of();
        private Map<String, Object> parameters = Map.of();
        private float[] numbers = new float[16];
        private int count;
        private final List<String> strings = new ArrayList<>();
        private boolean hasData;

        void add(float number) {
            if (count == numbers.length) {
                numbers = Arrays.copyOf(numbers, 2 * count);
            }
            numbers[count++] = number;
        }
    }

    private String id = "";
    private Map<String, Object> parameters = Map.of();
    private final List<Described> inputs = new ArrayList<>();
    private final List<InferRequest.Wanted> outputs = new ArrayList<>();

    private InferJson() {}

    /**
     * Reads a request.
     *
     * @param jsonLength bytes of the JSON where binary follows
     */
    static InferRequest read(byte[] body, Optional<Integer> jsonLength) {
        int length = jsonLength.orElse(body.length);
        RequestException.requireGood(
                length >= 0 && length <= body.length,
                "Inference-Header-Content-Length is %d, and the body has %d bytes: expected the length of the JSON",
                length,
                body.length);
        var json = new InferJson();
        try (var parser = FACTORY.createParser(body, 0, length)) {
            json.request(parser);
            RequestException.requireGood(
                    parser.nextToken() == null, "text follows the JSON object: expected one object");
        } catch (JsonProcessingException e) {
            throw RequestException.bad("the body is not valid JSON (%s)", e.getOriginalMessage());
        } catch (IOException e) {
            throw RequestException.bad("the body is not valid JSON: expected an object in UTF-8");
        }
        var binary = ByteBuffer.wrap(body, length, body.length - length);
        var tensors = json.inputs.stream().map(input -> tensor(input, binary)).toList();
        RequestException.requireGood(
                !binary.hasRemaining(), "%d bytes follow the tensors: expected none", binary.remaining());
        return new InferRequest(json.id, json.parameters, tensors, List.copyOf(json.outputs));
    }

    private static TensorData tensor(Described input, ByteBuffer binary) {
        var size = input.parameters.get("binary_data_size");
        if (size != null) {
            RequestException.requireGood(
                    size instanceof Long bytes && bytes >= 0 && bytes <= binary.remaining() && !input.hasData,
                    "binary_data_size of '%s' is %s, and %d bytes are left: expected the bytes of the tensor, and no"
                            + " data in JSON",
                    input.name,
                    size,
                    binary.remaining());
            int bytes = ((Long) size).intValue();
            var tensor =
                    TensorData.ofRaw(input.name, input.datatype, input.shape, binary.slice(binary.position(), bytes));
            binary.position(binary.position() + bytes);
            return tensor;
        }
        return new TensorData(
                input.name,
                input.datatype,
                input.shape,
                switch (input.datatype) {
                    case TensorData.FP32 -> {
                        requireOnly(input, input.strings.isEmpty(), "numbers");
                        yield new TensorData.Contents.Floats(Arrays.copyOf(input.numbers, input.count));
                    }
                    case TensorData.UINT8 -> {
                        requireOnly(input, input.strings.isEmpty(), "numbers");
                        yield new TensorData.Contents.Levels(levels(input));
                    }
                    case TensorData.BYTES -> {
                        requireOnly(input, input.count == 0, "strings");
                        yield new TensorData.Contents.Strings(files(input));
                    }
                    default -> throw TensorData.unknown(input.name, input.datatype);
                });
    }

    private static void requireOnly(Described input, boolean holds, String expected) {
        RequestException.requireGood(
                holds, "'%s' has the data type %s: expected %s alone", input.name, input.datatype, expected);
    }

    private static byte[] levels(Described input) {
        var levels = new byte[input.count];
        for (int i = 0; i < levels.length; i++) {
            float level = input.numbers[i];
            RequestException.requireGood(
                    level >= 0 && level <= 255 && level == (int) level,
                    "'%s' has the value %s: expected whole numbers of 0 to 255",
                    input.name,
                    level);
            levels[i] = (byte) (int) level;
        }
        return levels;
    }

    /** Strings of JSON cannot hold files: they are Base64 or data URLs. */
    private static List<byte[]> files(Described input) {
        var files = new ArrayList<byte[]>();
        for (int i = 0; i < input.strings.size(); i++) {
            files.add(EncodedText.decode(input.strings.get(i), "%s[%d]".formatted(input.name, i)));
        }
        return files;
    }

    // -------------------------------------------------------------------------------------------------- as JSON has it

    /** Reads the value of a field. */
    @FunctionalInterface
    private interface Field {
        void read(String name) throws IOException;
    }

    private static void object(JsonParser parser, JsonToken start, String what, Field field) throws IOException {
        RequestException.requireGood(start == JsonToken.START_OBJECT, "%s is not an object: expected {…}", what);
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            var name = parser.currentName();
            parser.nextToken();
            field.read(name);
            parser.skipChildren(); // of a field that is not known
        }
    }

    private static void array(JsonParser parser, String what, Field element) throws IOException {
        RequestException.requireGood(
                parser.currentToken() == JsonToken.START_ARRAY, "%s is not a list: expected […]", what);
        while (parser.nextToken() != JsonToken.END_ARRAY) {
            element.read(what);
        }
    }

    private void request(JsonParser parser) throws IOException {
        object(parser, parser.nextToken(), "the body", name -> {
            switch (name) {
                case "id" -> id = text(parser, "id");
                case "parameters" -> parameters = parameters(parser);
                case "inputs" -> array(parser, "inputs", element -> inputs.add(input(parser)));
                case "outputs" -> array(parser, "outputs", element -> outputs.add(output(parser)));
                default -> {}
            }
        });
    }

    private static Described input(JsonParser parser) throws IOException {
        var input = new Described();
        object(parser, parser.currentToken(), "an element of inputs", name -> {
            switch (name) {
                case "name" -> input.name = text(parser, "name");
                case "datatype" -> input.datatype = text(parser, "datatype");
                case "shape" -> input.shape = shape(parser);
                case "parameters" -> input.parameters = parameters(parser);
                case "data" -> {
                    input.hasData = true;
                    data(parser, input);
                }
                default -> {}
            }
        });
        return input;
    }

    private static InferRequest.Wanted output(JsonParser parser) throws IOException {
        var wanted = new Described();
        object(parser, parser.currentToken(), "an element of outputs", name -> {
            switch (name) {
                case "name" -> wanted.name = text(parser, "name");
                case "parameters" -> wanted.parameters = parameters(parser);
                default -> {}
            }
        });
        return new InferRequest.Wanted(wanted.name, wanted.parameters);
    }

    private static String text(JsonParser parser, String what) throws IOException {
        RequestException.requireGood(
                parser.currentToken() == JsonToken.VALUE_STRING, "'%s' is not a string: expected one", what);
        return parser.getText();
    }

    private static List<Long> shape(JsonParser parser) throws IOException {
        var shape = new ArrayList<Long>();
        array(parser, "shape", element -> {
            RequestException.requireGood(
                    parser.currentToken() == JsonToken.VALUE_NUMBER_INT && shape.size() < 8,
                    "a shape is not a list of at most 8 whole numbers: expected such as [1, 3, 224, 224]");
            shape.add(parser.getLongValue());
        });
        return shape;
    }

    /** Values, flat or nested. */
    private static void data(JsonParser parser, Described input) throws IOException {
        array(parser, "data", element -> {
            switch (parser.currentToken()) {
                case START_ARRAY -> data(parser, input);
                case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> input.add(parser.getFloatValue());
                case VALUE_STRING -> input.strings.add(parser.getText());
                default ->
                    throw RequestException.bad("the data of a tensor has a value that is neither number nor string");
            }
        });
    }

    /** Scalars by their names; other values are of no use to this server. */
    private static Map<String, Object> parameters(JsonParser parser) throws IOException {
        var values = new HashMap<String, Object>();
        object(parser, parser.currentToken(), "parameters", name -> {
            switch (parser.currentToken()) {
                case VALUE_TRUE -> values.put(name, true);
                case VALUE_FALSE -> values.put(name, false);
                case VALUE_NUMBER_INT -> values.put(name, parser.getLongValue());
                case VALUE_NUMBER_FLOAT -> values.put(name, parser.getDoubleValue());
                case VALUE_STRING -> values.put(name, parser.getText());
                default -> {}
            }
        });
        return values;
    }
}
