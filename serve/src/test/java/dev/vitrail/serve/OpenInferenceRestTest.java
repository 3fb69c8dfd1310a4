package dev.vitrail.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.vitrail.Vitrail;
import dev.vitrail.images.decode.DecodeOptions;
import dev.vitrail.images.decode.ImageDecoder;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.zip.DeflaterOutputStream;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The Open Inference Protocol over REST: the protocol's shapes, and the library's numbers. */
class OpenInferenceRestTest {
    private static final String INFER = "/v2/models/small/infer";
    private static final byte[] PICTURE = TestServer.picture(3);

    @SuppressWarnings("NullAway.Init")
    private static TestServer server;

    @SuppressWarnings("NullAway.Init")
    private static float[] logits;

    @SuppressWarnings("NullAway.Init")
    private static float[] prepared;

    @BeforeAll
    static void start() {
        server = TestServer.ready(ServerOptions.DEFAULT);
        try (var direct = new Vitrail(TestServer.model("1"))) {
            var picture = ImageDecoder.decode(PICTURE, "it", DecodeOptions.DEFAULT);
            logits = direct.logits(List.of(picture)).get(0);
            var input = direct.loaded().preprocessing();
            prepared = new float[input.values()];
            input.toFloats(picture, prepared, 0);
        }
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    private static JsonNode infer(String json) {
        var response = server.post(INFER, "application/json", json.getBytes(StandardCharsets.UTF_8));
        assertThat(response.statusCode())
                .as(new String(response.body(), StandardCharsets.UTF_8))
                .isEqualTo(200);
        return TestServer.json(response);
    }

    private static void assertLogits(JsonNode data) {
        assertThat(data).hasSize(logits.length);
        for (int i = 0; i < logits.length; i++) {
            assertThat(data.get(i).asDouble()).isCloseTo(logits[i], within(1e-5));
        }
    }

    @Test
    void serverAndModelDescribeThemselves() {
        assertThat(server.get("/v2/health/live").statusCode()).isEqualTo(200);
        assertThat(server.get("/v2/health/ready").statusCode()).isEqualTo(200);
        assertThat(server.get("/v2/models/small/ready").statusCode()).isEqualTo(200);
        assertThat(TestServer.json(server.get("/v2")).path("extensions").toString())
                .isEqualTo("[\"binary_tensor_data\",\"classification\",\"model_repository\"]");
        var metadata = TestServer.json(server.get("/v2/models/small/versions/1"));
        assertThat(metadata.path("name").asText()).isEqualTo("small");
        assertThat(metadata.path("inputs").toString())
                .isEqualTo("[{\"name\":\"image\",\"datatype\":\"BYTES\",\"shape\":[-1]},"
                        + "{\"name\":\"pixels\",\"datatype\":\"UINT8\",\"shape\":[-1,-1,-1,3]},"
                        + "{\"name\":\"input\",\"datatype\":\"FP32\",\"shape\":[-1,3,32,32]}]");
        assertThat(metadata.path("outputs").findValuesAsText("name"))
                .containsExactly("logits", "probabilities", "labels", "embeddings");
        assertThat(server.get("/v2/models/small/versions/2").statusCode()).isEqualTo(404);
        assertThat(server.get("/v2/models/none/ready").statusCode()).isEqualTo(404);
    }

    @Test
    void tensorInJsonGivesTheLibrarysLogits() {
        var response = infer(
                """
                        {"id":"a7","inputs":[\
                        {"name":"input","datatype":"FP32","shape":[1,3,32,32],"data":%s}]}"""
                        .formatted(Arrays.toString(prepared)));
        assertThat(response.path("id").asText()).isEqualTo("a7");
        assertThat(response.path("model_name").asText()).isEqualTo("small");
        assertThat(response.path("model_version").asText()).isEqualTo("1");
        assertThat(response.path("outputs").findValuesAsText("name"))
                .containsExactly("logits", "probabilities", "labels");
        assertThat(response.at("/outputs/0/shape").toString()).isEqualTo("[1,3]");
        assertLogits(response.at("/outputs/0/data"));
        double sum = 0;
        for (var probability : response.at("/outputs/1/data")) {
            sum += probability.asDouble();
        }
        assertThat(sum).isCloseTo(1, within(1e-6));
        assertThat(TestServer.LABELS).contains(response.at("/outputs/2/data/0").asText());
    }

    @Test
    void encodedImageInJsonGivesTheSame() {
        var response = infer(
                """
                        {"inputs":[{"name":"image","datatype":"BYTES","shape":[1],"data":["%s"]}],\
                        "outputs":[{"name":"logits"}]}"""
                        .formatted(Base64.getEncoder().encodeToString(PICTURE)));
        assertLogits(response.at("/outputs/0/data"));
        assertThat(response.path("outputs")).hasSize(1);
        assertThat(response.has("id")).isFalse();
    }

    @Test
    void classificationNamesTheClasses() {
        var response = infer(
                """
                        {"inputs":[{"name":"image","datatype":"BYTES","shape":[1],"data":["%s"]}],\
                        "outputs":[{"name":"logits","parameters":{"classification":2}}]}"""
                        .formatted(Base64.getEncoder().encodeToString(PICTURE)));
        assertThat(response.at("/outputs/0/shape").toString()).isEqualTo("[1,2]");
        assertThat(response.at("/outputs/0/data/0").asText()).matches("-?[\\d.E-]+:[012]:(red|green|blue)");
    }

    /** Sends tensors behind the JSON, and gives the JSON and what follows it. */
    private static Binary binary(String json, byte[]... tensors) throws IOException {
        var body = new ByteArrayOutputStream();
        body.writeBytes(json.getBytes(StandardCharsets.UTF_8));
        int length = body.size();
        for (var tensor : tensors) {
            body.writeBytes(tensor);
        }
        var response = server.send(HttpRequest.newBuilder(server.uri(INFER))
                .header("Inference-Header-Content-Length", Integer.toString(length))
                .POST(HttpRequest.BodyPublishers.ofByteArray(body.toByteArray()))
                .build());
        assertThat(response.statusCode())
                .as(new String(response.body(), StandardCharsets.UTF_8))
                .isEqualTo(200);
        int end = Integer.parseInt(
                response.headers().firstValue("Inference-Header-Content-Length").orElseThrow());
        var head = new ObjectMapper().readTree(Arrays.copyOf(response.body(), end));
        return new Binary(
                head,
                ByteBuffer.wrap(response.body(), end, response.body().length - end)
                        .slice()
                        .order(ByteOrder.LITTLE_ENDIAN));
    }

    private record Binary(JsonNode json, ByteBuffer tensors) {}

    @Test
    void binaryTensorsGoBothWays() throws IOException {
        var values = ByteBuffer.allocate(4 * prepared.length).order(ByteOrder.LITTLE_ENDIAN);
        values.asFloatBuffer().put(prepared);
        var response = binary(
                """
                        {"parameters":{"binary_data_output":true},\
                        "inputs":[{"name":"input","datatype":"FP32","shape":[1,3,32,32],\
                        "parameters":{"binary_data_size":%d}}],\
                        "outputs":[{"name":"logits"},{"name":"labels"}]}"""
                        .formatted(values.capacity()),
                values.array());
        assertThat(response.json().at("/outputs/0/parameters/binary_data_size").asInt())
                .isEqualTo(12);
        for (float logit : logits) {
            assertThat(response.tensors().getFloat()).isCloseTo(logit, within(1e-5f));
        }
        int length = response.tensors().getInt();
        var label = new byte[length];
        response.tensors().get(label);
        assertThat(TestServer.LABELS).contains(new String(label, StandardCharsets.UTF_8));
        assertThat(response.tensors().hasRemaining()).isFalse();
    }

    @Test
    void binaryFilesAndPixelsAreInputsToo() throws IOException {
        var file = ByteBuffer.allocate(4 + PICTURE.length).order(ByteOrder.LITTLE_ENDIAN);
        file.putInt(PICTURE.length).put(PICTURE);
        var request = "{\"inputs\":[{\"name\":\"%s\",\"datatype\":\"%s\",\"shape\":%s,"
                + "\"parameters\":{\"binary_data_size\":%d}}],\"outputs\":[{\"name\":\"logits\","
                + "\"parameters\":{\"binary_data\":true}}]}";
        var ofFile = binary(request.formatted("image", "BYTES", "[1]", file.capacity()), file.array());
        var pixels = ImageDecoder.decode(PICTURE, "it", DecodeOptions.DEFAULT).pixels();
        var ofPixels = binary(request.formatted("pixels", "UINT8", "[1,36,40,3]", pixels.length), pixels);
        for (float logit : logits) {
            assertThat(ofFile.tensors().getFloat()).isCloseTo(logit, within(1e-5f));
            assertThat(ofPixels.tensors().getFloat()).isCloseTo(logit, within(1e-5f));
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{} | has 0 inputs",
                "{\"inputs\":3} | inputs is not a list",
                "{\"inputs\":[3]} | not an object",
                "{\"inputs\":[{\"name\":\"x\",\"datatype\":\"FP32\",\"shape\":[1],"
                        + "\"data\":[1]}]} | there is no input 'x'",
                "{\"inputs\":[{\"name\":\"input\",\"datatype\":\"FP32\",\"shape\":[1,3,32,32],"
                        + "\"data\":[1]}]} | has 1 values, and its shape",
                "{\"inputs\":[{\"name\":\"input\",\"datatype\":\"FP32\",\"shape\":[-1],"
                        + "\"data\":[1]}]} | expected sides of 0",
                "{\"inputs\":[{\"name\":\"input\",\"datatype\":\"FP32\",\"shape\":[9000000,9000000,9000000,9000000],"
                        + "\"data\":[1]}]} | expected",
                "{\"inputs\":[{\"name\":\"input\",\"datatype\":\"FP32\",\"shape\":[1],"
                        + "\"data\":[1]}]} | has the shape [1]",
                "{\"inputs\":[{\"name\":\"input\",\"datatype\":\"FP32\",\"shape\":[0,3,32,32],"
                        + "\"data\":[]}]} | has no images",
                "{\"inputs\":[{\"name\":\"input\",\"datatype\":\"FP64\",\"shape\":[1],\"data\":[1]}]} | data type FP64",
                "{\"inputs\":[{\"name\":\"image\",\"datatype\":\"FP32\",\"shape\":[1],\"data\":[1]}]} | expected BYTES",
                "{\"inputs\":[{\"name\":\"image\",\"datatype\":\"BYTES\",\"shape\":[1],"
                        + "\"data\":[\"http://a/b\"]}]} | fetches none",
                "{\"inputs\":[{\"name\":\"image\",\"datatype\":\"BYTES\",\"shape\":[1],\"data\":[\"AAAA\"]}],"
                        + "\"outputs\":[{\"name\":\"y\"}]} | has no output 'y'",
                "{\"inputs\":[{\"name\":\"image\",\"datatype\":\"BYTES\",\"shape\":[1],"
                        + "\"parameters\":{\"binary_data_size\":9}}]} | binary_data_size",
                "{\"inputs\":[]} {} | text follows",
            })
    void wrongRequestsAreRefusedInASentence(String json, String sentence) {
        var response = server.post(INFER, "application/json", json.getBytes(StandardCharsets.UTF_8));
        assertThat(TestServer.error(response)).contains(sentence);
        assertThat(response.statusCode()).isEqualTo(400);
    }

    @Test
    void depthAndBinarySizesThatLieAreRefused() {
        var deep = server.post(
                INFER,
                "application/json",
                "{\"inputs\":".concat("[".repeat(5000)).getBytes(StandardCharsets.UTF_8));
        assertThat(deep.statusCode()).isEqualTo(400);
        var wrongLength = server.send(HttpRequest.newBuilder(server.uri(INFER))
                .header("Inference-Header-Content-Length", "999999")
                .POST(HttpRequest.BodyPublishers.ofString("{}"))
                .build());
        assertThat(wrongLength.statusCode()).isEqualTo(400);
        assertThat(TestServer.error(wrongLength)).contains("expected the length of the JSON");
    }

    @Test
    void valuesThatAreNotFiniteAreRefusedAndDisturbNoOthers() {
        var huge = "{\"inputs\":[{\"name\":\"input\",\"datatype\":\"FP32\",\"shape\":[1,3,32,32],\"data\":%s}]}";
        var values = new float[prepared.length];
        Arrays.fill(values, 1e38f);
        var response = server.post(
                INFER,
                "application/json",
                huge.formatted(Arrays.toString(values)).getBytes(StandardCharsets.UTF_8));
        assertThat(response.statusCode()).isEqualTo(422);
        values[0] = Float.POSITIVE_INFINITY;
        var infinite = server.post(
                INFER,
                "application/json",
                huge.formatted(Arrays.toString(values).replace("Infinity", "1e99"))
                        .getBytes(StandardCharsets.UTF_8));
        assertThat(infinite.statusCode()).isEqualTo(400);
    }

    private static byte[] compressed(String encoding, byte[] body) {
        var bytes = new ByteArrayOutputStream();
        try (var out = encoding.equals("gzip") ? new GZIPOutputStream(bytes) : new DeflaterOutputStream(bytes)) {
            out.write(body);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return bytes.toByteArray();
    }

    private static HttpResponse<byte[]> post(String encoding, byte[] body) {
        return server.send(HttpRequest.newBuilder(server.uri(INFER))
                .header("Content-Type", "application/json")
                .header("Content-Encoding", encoding)
                .POST(HttpRequest.BodyPublishers.ofByteArray(body))
                .build());
    }

    @ParameterizedTest
    @ValueSource(strings = {"gzip", "deflate"})
    void bodiesMayBeCompressed(String encoding) {
        var json =
                "{\"inputs\": [{\"name\": \"input\", \"datatype\": \"FP32\", \"shape\": [1, 3, 32, 32], \"data\": %s}]}"
                        .formatted(Arrays.toString(prepared));
        var response = post(encoding, compressed(encoding, json.getBytes(StandardCharsets.UTF_8)));
        assertThat(response.statusCode()).isEqualTo(200);
        assertLogits(TestServer.json(response).path("outputs").get(0).path("data"));

        var cut = compressed(encoding, json.getBytes(StandardCharsets.UTF_8));
        assertThat(post(encoding, Arrays.copyOf(cut, cut.length / 2)).statusCode())
                .isEqualTo(400);
        assertThat(post(encoding, json.getBytes(StandardCharsets.UTF_8)).statusCode())
                .isEqualTo(400);
        // 300 KB that become 300 MB
        var bomb = post(encoding, compressed(encoding, new byte[300 << 20]));
        assertThat(bomb.statusCode()).isEqualTo(413);
        assertThat(TestServer.json(bomb).path("error").asText()).contains("larger than the server's limit");
    }

    @Test
    void otherCompressionsAreRefusedByName() {
        var response = post("br", new byte[10]);
        assertThat(response.statusCode()).isEqualTo(415);
        assertThat(TestServer.json(response).path("error").asText())
                .isEqualTo("the body's content encoding is 'br': expected gzip, deflate or none");
    }
}
