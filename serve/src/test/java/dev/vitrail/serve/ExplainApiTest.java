package dev.vitrail.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import dev.vitrail.images.RgbImage;
import dev.vitrail.images.decode.DecodeOptions;
import dev.vitrail.images.decode.ImageDecoder;
import dev.vitrail.inspect.Inspector;
import dev.vitrail.loading.LoadOptions;
import dev.vitrail.loading.LoadedModel;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.http.HttpRequest;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Why an image is given a class: what the server answers is what the library computes. */
class ExplainApiTest {
    private static final byte[] PICTURE = TestServer.picture(7);

    @SuppressWarnings("NullAway.Init")
    private static TestServer server;

    @BeforeAll
    static void start() {
        var models = new LinkedHashMap<String, String>();
        models.put("token", "vit_mini_patch4_32");
        models.put("mean", "vit_mini_patch4_gap_32");
        models.put("convolutions", "resnet_mini_32");
        server = new TestServer(ServerOptions.DEFAULT, models, ExplainApiTest::model);
        server.server.loadModels();
    }

    private static LoadedModel model(String source) {
        return LoadedModel.load(
                        source,
                        LoadOptions.DEFAULT
                                .withClasses(TestServer.LABELS.size())
                                .withSeed(3))
                .withLabels(TestServer.LABELS);
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    private static RgbImage picture() {
        return ImageDecoder.decode(PICTURE, "the picture", DecodeOptions.DEFAULT);
    }

    private static JsonNode explain(String query) {
        var response = server.post("/v1/explain" + query, "image/png", PICTURE);
        assertThat(response.statusCode())
                .as(new String(response.body(), StandardCharsets.UTF_8))
                .isEqualTo(200);
        return TestServer.json(response);
    }

    @Test
    void theMapIsTheLibrarys() {
        var found = explain("?model=mean");
        try (var loaded = model("vit_mini_patch4_gap_32")) {
            var inspector = Inspector.of(loaded);
            var probabilities = inspector.probabilities(picture());
            int top = Inspector.top(probabilities);
            var map = inspector.relevance(picture(), top);
            assertThat(found.path("label").asText()).isEqualTo(TestServer.LABELS.get(top));
            assertThat(found.path("score").asDouble()).isCloseTo(probabilities[top], within(1e-5));
            assertThat(found.path("method").asText()).isEqualTo("relevance");
            assertThat(found.at("/map/height").asInt()).isEqualTo(map.height());
            assertThat(found.at("/map/values")).hasSize(map.values().length);
            for (int i = 0; i < map.values().length; i++) {
                assertThat((float) found.at("/map/values/" + i).asDouble())
                        .isCloseTo(map.values()[i], within(1e-4f * map.range()[1]));
            }
        }
        assertThat(found.path("layers")).isEmpty();
    }

    @Test
    void aClassIsChosenByIndexOrName() {
        var byName = explain("?class=blue");
        assertThat(byName.path("index").asInt()).isEqualTo(2);
        assertThat(explain("?class=2").path("map")).isEqualTo(byName.path("map"));
        assertThat(explain("?class=0").path("map")).isNotEqualTo(byName.path("map"));
        var unknown = server.post("/v1/explain?class=bleu", "image/png", PICTURE);
        assertThat(unknown.statusCode()).isEqualTo(400);
        assertThat(TestServer.error(unknown)).contains("bleu", "0 to 2", "blue");
        assertThat(server.post("/v1/explain?class=3", "image/png", PICTURE).statusCode())
                .isEqualTo(400);
    }

    @Test
    void layersAreWhatTheClassTokenReads() {
        var layers = explain("?layers=true").path("layers");
        assertThat(layers).hasSize(6);
        assertThat(layers.get(0).path("name").asText()).isEqualTo("block 1");
        for (var head : layers.get(5).path("heads")) {
            double sum = 0;
            for (var value : head.path("values")) {
                sum += value.asDouble();
            }
            assertThat(sum).as("attention on the patches").isBetween(0.5, 1.0);
        }
        assertThat(explain("?layers=true&model=mean").path("layers"))
                .as("no class token")
                .isEmpty();
    }

    @Test
    void aModelWithoutAttentionHasGradCam() {
        assertThat(explain("?model=convolutions").path("method").asText()).isEqualTo("Grad-CAM");
    }

    @Test
    void thePictureIsWhatTheModelSaw() throws IOException {
        var jpeg = Base64.getDecoder().decode(explain("").path("image").asText());
        var seen = ImageIO.read(new ByteArrayInputStream(jpeg));
        assertThat(seen.getWidth()).isEqualTo(32);
        var drawn = server.send(HttpRequest.newBuilder(server.uri("/v1/explain"))
                .header("Content-Type", "image/png")
                .header("Accept", "image/png")
                .POST(HttpRequest.BodyPublishers.ofByteArray(PICTURE))
                .build());
        assertThat(drawn.headers().firstValue("Content-Type").orElseThrow()).isEqualTo("image/png");
        assertThat(drawn.headers().firstValue("Server-Timing")).isPresent();
        var overlay = ImageIO.read(new ByteArrayInputStream(drawn.body()));
        assertThat(overlay.getWidth()).isEqualTo(32);
        assertThat(overlay.getHeight()).isEqualTo(32);
    }

    @Test
    void oneImageIsExplainedInEachRequest() throws IOException {
        var body = new ByteArrayOutputStream();
        for (var name : List.of("a", "b")) {
            body.write(("--XX\r\nContent-Disposition: form-data; name=\"%s\"; filename=\"%s.png\"\r\n\r\n"
                            .formatted(name, name))
                    .getBytes(StandardCharsets.UTF_8));
            body.write(PICTURE);
            body.write("\r\n".getBytes(StandardCharsets.UTF_8));
        }
        body.write("--XX--\r\n".getBytes(StandardCharsets.UTF_8));
        var two = server.post("/v1/explain", "multipart/form-data; boundary=XX", body.toByteArray());
        assertThat(two.statusCode()).isEqualTo(400);
        assertThat(TestServer.error(two)).contains("2 images", "expected one");
    }

    @Test
    void badInputIsAnsweredAsElsewhere() {
        var picture = "no picture".getBytes(StandardCharsets.UTF_8);
        assertThat(server.post("/v1/explain", "image/png", picture).statusCode())
                .isEqualTo(400);
        assertThat(server.post("/v1/explain?model=nobody", "image/png", PICTURE).statusCode())
                .isEqualTo(404);
        assertThat(server.post("/v1/explain", "text/plain", PICTURE).statusCode())
                .isEqualTo(415);
        assertThat(explain("").path("label").asText()).as("the server goes on").isNotEmpty();
    }
}
