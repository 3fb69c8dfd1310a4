package dev.vitrail.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import dev.vitrail.Vitrail;
import dev.vitrail.images.decode.DecodeOptions;
import dev.vitrail.images.decode.ImageDecoder;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The simple way: an image in, labels or a vector out, as the library itself gives them. */
class ImageApiTest {
    private static final byte[] PICTURE = TestServer.picture(7);

    @SuppressWarnings("NullAway.Init")
    private static TestServer server;

    @SuppressWarnings("NullAway.Init")
    private static Vitrail direct;

    @BeforeAll
    static void start() {
        server = TestServer.ready(ServerOptions.DEFAULT);
        direct = new Vitrail(TestServer.model("1"));
    }

    @AfterAll
    static void stop() {
        server.close();
        direct.close();
    }

    private static void assertClassified(JsonNode found, byte[] picture) {
        var expected = direct.classify(picture);
        assertThat(found).hasSameSizeAs(expected);
        for (int i = 0; i < expected.size(); i++) {
            assertThat(found.get(i).path("label").asText())
                    .isEqualTo(expected.get(i).label());
            assertThat(found.get(i).path("index").asInt())
                    .isEqualTo(expected.get(i).index());
            assertThat(found.get(i).path("score").asDouble())
                    .isCloseTo(expected.get(i).probability(), within(1e-6));
        }
    }

    private static byte[] json(String inputs) {
        return ("{\"inputs\": " + inputs + "}").getBytes(StandardCharsets.UTF_8);
    }

    private static String base64(byte[] picture) {
        return Base64.getEncoder().encodeToString(picture);
    }

    @Test
    void imageAsBodyIsClassifiedAsByTheLibrary() {
        var response = server.post("/v1/classify", "image/png", PICTURE);
        assertThat(response.statusCode()).isEqualTo(200);
        assertClassified(TestServer.json(response), PICTURE);
        assertThat(response.headers().firstValue("Server-Timing").orElseThrow())
                .matches("decode;dur=\\d+\\.\\d\\d, queue;dur=\\d+\\.\\d\\d, infer;dur=\\d+\\.\\d\\d");
    }

    @Test
    void base64AndDataUrlsAreClassified() {
        var plain = server.post("/v1/classify", "application/json", json("\"" + base64(PICTURE) + "\""));
        assertClassified(TestServer.json(plain), PICTURE);
        var url = server.post(
                "/v1/classify", "application/json", json("\"data:image/png;base64," + base64(PICTURE) + "\""));
        assertClassified(TestServer.json(url), PICTURE);
    }

    @Test
    void listOfInputsGivesAListOfResultsInItsOrder() {
        var pictures = IntStream.range(0, 5).mapToObj(TestServer::picture).toList();
        var inputs =
                pictures.stream().map(picture -> "\"" + base64(picture) + "\"").toList();
        var results = TestServer.json(server.post("/v1/classify", "application/json", json(inputs.toString())));
        assertThat(results).hasSize(5);
        for (int i = 0; i < 5; i++) {
            assertClassified(results.get(i), pictures.get(i));
        }
    }

    @Test
    void filesOfAFormAreClassified() {
        var results = TestServer.json(server.post(
                "/v1/classify?top=1", "multipart/form-data; boundary=XX", form(Map.of("a", PICTURE, "b", PICTURE))));
        assertThat(results).hasSize(2);
        assertThat(results.get(0)).hasSize(1);
        assertThat(results.get(0)).isEqualTo(results.get(1));
        assertThat(results.get(0).get(0).path("index").asInt())
                .isEqualTo(direct.classify(PICTURE).get(0).index());
    }

    private static byte[] form(Map<String, byte[]> files) {
        var body = new java.io.ByteArrayOutputStream();
        files.forEach((name, bytes) -> {
            var head = "--XX\r\nContent-Disposition: form-data; name=\"%s\"; filename=\"%s.png\"\r\n\r\n"
                    .formatted(name, name);
            body.writeBytes(head.getBytes(StandardCharsets.UTF_8));
            body.writeBytes(bytes);
            body.writeBytes("\r\n".getBytes(StandardCharsets.UTF_8));
        });
        body.writeBytes("--XX--\r\n".getBytes(StandardCharsets.UTF_8));
        return body.toByteArray();
    }

    @Test
    void vectorIsTheLibrarys() {
        var found = TestServer.json(server.post("/v1/embed", "image/png", PICTURE));
        var expected = direct.embed(List.of(ImageDecoder.decode(PICTURE, "it", DecodeOptions.DEFAULT)))
                .get(0);
        assertThat(found).hasSize(expected.length);
        for (int i = 0; i < expected.length; i++) {
            assertThat(found.get(i).asDouble()).isCloseTo(expected[i], within(1e-5));
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "application/json | {\"inputs\"                       | 400 | not valid JSON",
                "application/json | [1]                               | 400 | not a JSON object",
                "application/json | {\"inputs\": []}                  | 400 | 'inputs' is missing",
                "application/json | {\"inputs\": [1]}                 | 400 | inputs[0] is not a string",
                "application/json | {\"inputs\": \"http://a/b.png\"}  | 400 | the server fetches none",
                "application/json | {\"inputs\": \"data:,x\"}         | 400 | without ';base64,'",
                "application/json | {\"inputs\": \"AAAA\"}            | 400 | is not an image",
                "image/png        | no picture                        | 400 | is not an image",
                "text/html        | <p>                               | 415 | expected image/*",
                "multipart/form-data; boundary=XX | nothing           | 400 | the form cannot be read",
            })
    void wrongBodiesAreRefusedInASentence(String type, String body, int status, String sentence) {
        var response = server.post("/v1/classify", type, body.getBytes(StandardCharsets.UTF_8));
        assertThat(TestServer.error(response)).contains(sentence);
        assertThat(response.statusCode()).isEqualTo(status);
    }

    @Test
    void unknownModelsPathsAndMethodsAreRefused() {
        var model = server.post("/v1/classify?model=none", "image/png", PICTURE);
        assertThat(model.statusCode()).isEqualTo(404);
        assertThat(TestServer.error(model)).isEqualTo("there is no model 'none': expected one of [small]");
        assertThat(server.get("/v1/none").statusCode()).isEqualTo(404);
        assertThat(server.get("/v1/classify").statusCode()).isEqualTo(405);
        assertThat(server.post("/v1/classify?top=x", "image/png", PICTURE).statusCode())
                .isEqualTo(400);
    }

    @Test
    void metricsCountRequestsByEndpointAndStatus() {
        server.post("/v1/classify", "image/png", PICTURE);
        server.post("/v1/classify", "image/png", new byte[3]);
        var metrics = new String(server.get("/metrics").body(), StandardCharsets.UTF_8);
        assertThat(metrics)
                .containsPattern("vitrail_requests_seconds_count\\{endpoint=\"/v1/classify\",status=\"200\"\\} [1-9]")
                .containsPattern("vitrail_failures_total\\{reason=\"bad_request\"\\} [1-9]")
                .contains("vitrail_queue_images{model=\"small\"} 0.0")
                .containsPattern("vitrail_batch_images_count\\{model=\"small\"\\} [1-9]")
                .containsPattern("process_resident_memory_bytes [1-9]");
    }
}
