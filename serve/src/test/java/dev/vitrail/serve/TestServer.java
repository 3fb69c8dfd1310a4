package dev.vitrail.serve;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.loading.LoadOptions;
import dev.vitrail.loading.LoadedModel;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Function;
import javax.imageio.ImageIO;

/** A server with a small model of random weights on a free port, and a client of the JDK. */
final class TestServer implements AutoCloseable {
    static final String SMALL = "vit_mini_patch4_gap_32";
    static final List<String> LABELS = List.of("red", "green", "blue");

    final VitrailServer server;
    final HttpClient client =
            HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(10)).build();

    TestServer(ServerOptions options, Map<String, String> models, Function<String, LoadedModel> loader) {
        server = VitrailServer.start(options.withPort(0), models, loader, false);
    }

    /** A server that is ready, with one model named {@code small}. */
    static TestServer ready(ServerOptions options) {
        var started = new TestServer(options, Map.of("small", "1"), TestServer::model);
        started.server.loadModels();
        return started;
    }

    /** The small model with weights of a seed, which its source names. */
    static LoadedModel model(String seed) {
        VitrailException.require(seed.matches("\\d+"), "there is no model '%s'", seed);
        return LoadedModel.load(
                        SMALL, LoadOptions.DEFAULT.withClasses(LABELS.size()).withSeed(Long.parseLong(seed)))
                .withLabels(LABELS);
    }

    /** A PNG of noise. */
    static byte[] picture(int seed) {
        return picture(seed, 40);
    }

    /** The same, {@code width} pixels wide and nine tenths of it high. */
    static byte[] picture(int seed, int width) {
        var random = new Random(seed);
        int height = width * 9 / 10;
        var image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                image.setRGB(x, y, random.nextInt(1 << 24));
            }
        }
        var bytes = new ByteArrayOutputStream();
        try {
            ImageIO.write(image, "png", bytes);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return bytes.toByteArray();
    }

    URI uri(String path) {
        return URI.create("http://127.0.0.1:" + server.port() + path);
    }

    HttpResponse<byte[]> send(HttpRequest request) {
        try {
            return client.send(request, HttpResponse.BodyHandlers.ofByteArray());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    HttpResponse<byte[]> get(String path) {
        return send(HttpRequest.newBuilder(uri(path)).build());
    }

    HttpResponse<byte[]> post(String path, String type, byte[] body) {
        return send(HttpRequest.newBuilder(uri(path))
                .header("Content-Type", type)
                .POST(HttpRequest.BodyPublishers.ofByteArray(body))
                .build());
    }

    static JsonNode json(HttpResponse<byte[]> response) {
        try {
            return new ObjectMapper().readTree(response.body());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static String error(HttpResponse<byte[]> response) {
        return json(response).path("error").asText();
    }

    @Override
    public void close() {
        server.close();
    }
}
