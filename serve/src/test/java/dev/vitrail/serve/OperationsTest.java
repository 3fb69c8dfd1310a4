package dev.vitrail.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.loading.LoadOptions;
import dev.vitrail.loading.LoadedModel;
import java.io.IOException;
import java.net.ConnectException;
import java.net.Socket;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** How a server begins, refuses, changes its models, and ends. */
class OperationsTest {
    private static final byte[] PICTURE = TestServer.picture(7);
    private static final String SECRET = "control-secret", TOKEN = "client-token";

    private static ServerOptions secured(boolean token) {
        return ServerOptions.DEFAULT.withSecurity(new ServerOptions.Security(
                Optional.empty(), token ? Optional.of(TOKEN) : Optional.empty(), Optional.of(SECRET)));
    }

    private static HttpResponse<byte[]> post(TestServer server, String path, String token, byte[] body) {
        var request = HttpRequest.newBuilder(server.uri(path)).POST(HttpRequest.BodyPublishers.ofByteArray(body));
        if (!token.isEmpty()) {
            request.header("Authorization", "Bearer " + token);
        }
        return server.send(request.build());
    }

    private static String status(TestServer server) {
        return TestServer.json(server.get("/health")).path("status").asText();
    }

    @Test
    void healthTellsStartingAndReady() throws InterruptedException {
        var go = new CountDownLatch(1);
        try (var server = new TestServer(ServerOptions.DEFAULT, Map.of("small", "1"), source -> {
            await(go);
            return TestServer.model(source);
        })) {
            var loading = new Thread(server.server::loadModels);
            loading.start();
            assertThat(status(server)).isEqualTo("starting");
            assertThat(server.get("/v2/health/live").statusCode()).isEqualTo(200);
            assertThat(server.get("/v2/health/ready").statusCode()).isEqualTo(503);
            assertThat(server.post("/v1/classify", "image/png", PICTURE).statusCode())
                    .isEqualTo(503);
            go.countDown();
            loading.join();
            assertThat(status(server)).isEqualTo("ready");
            assertThat(server.post("/v1/classify", "image/png", PICTURE).statusCode())
                    .isEqualTo(200);
        }
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void tokenIsAskedForButByProbes() {
        try (var server = TestServer.ready(secured(true))) {
            assertThat(post(server, "/v1/classify", "", PICTURE).statusCode()).isEqualTo(401);
            assertThat(post(server, "/v1/classify", "wrong-token", PICTURE).statusCode())
                    .isEqualTo(401);
            assertThat(post(server, "/v1/classify", TOKEN, PICTURE).statusCode())
                    .isEqualTo(200);
            assertThat(server.get("/metrics").statusCode()).isEqualTo(401);
            assertThat(status(server)).isEqualTo("ready");
            assertThat(post(server, "/v2/repository/models/small/unload", TOKEN, new byte[0])
                            .statusCode())
                    .isEqualTo(401);
        }
    }

    @Test
    void modelsAreReplacedOnlyByOnesThatLoad() {
        try (var server = TestServer.ready(secured(false))) {
            var before = post(server, "/v1/classify", "", PICTURE).body();
            var load = "/v2/repository/models/small/load";
            assertThat(post(server, load, "", new byte[0]).statusCode()).isEqualTo(401);
            assertThat(post(
                                    server,
                                    load,
                                    SECRET,
                                    "{\"parameters\":{\"source\":\"none\"}}".getBytes(StandardCharsets.UTF_8))
                            .statusCode())
                    .isGreaterThanOrEqualTo(400);
            assertThat(post(server, "/v1/classify", "", PICTURE).body()).isEqualTo(before);
            assertThat(post(
                                    server,
                                    load,
                                    SECRET,
                                    "{\"parameters\":{\"source\":\"2\"}}".getBytes(StandardCharsets.UTF_8))
                            .statusCode())
                    .isEqualTo(200);
            assertThat(post(server, "/v1/classify", "", PICTURE).body()).isNotEqualTo(before);
            assertThat(TestServer.json(server.get("/v2/models/small"))
                            .at("/versions/0")
                            .asText())
                    .isEqualTo("2");
            assertThat(post(server, "/v2/repository/models/small/unload", SECRET, new byte[0])
                            .statusCode())
                    .isEqualTo(200);
            assertThat(post(server, "/v1/classify", "", PICTURE).statusCode()).isEqualTo(503);
            assertThat(new String(
                            post(server, "/v2/repository/index", "", new byte[0])
                                    .body(),
                            StandardCharsets.UTF_8))
                    .contains("UNAVAILABLE");
        }
    }

    @Test
    void modelsStayAsTheyAreWithoutASecret() {
        try (var server = TestServer.ready(ServerOptions.DEFAULT)) {
            assertThat(post(server, "/v2/repository/models/small/unload", "any", new byte[0])
                            .statusCode())
                    .isEqualTo(403);
        }
    }

    /** Two generations of one name answer differently: a mixed-up or lost answer would show. */
    @Test
    void reloadsUnderLoadLoseNoRequest() {
        int reloads = Integer.getInteger("vitrail.serve.reloads", 3);
        try (var server = TestServer.ready(secured(false))) {
            var expected = new TreeMap<String, byte[]>();
            expected.put("1", post(server, "/v1/classify", "", PICTURE).body());
            load(server, "2");
            expected.put("2", post(server, "/v1/classify", "", PICTURE).body());
            var stop = new CountDownLatch(1);
            var clients = new ArrayList<CompletableFuture<Integer>>();
            for (int i = 0; i < 4; i++) {
                clients.add(CompletableFuture.supplyAsync(() -> requests(server, stop, expected)));
            }
            for (int i = 0; i < reloads; i++) {
                load(server, i % 2 == 0 ? "1" : "2");
            }
            stop.countDown();
            assertThat(clients.stream().mapToInt(CompletableFuture::join).sum()).isPositive();
        }
    }

    private static void load(TestServer server, String source) {
        var body = "{\"parameters\":{\"source\":\"%s\"}}".formatted(source).getBytes(StandardCharsets.UTF_8);
        assertThat(post(server, "/v2/repository/models/small/load", SECRET, body)
                        .statusCode())
                .isEqualTo(200);
    }

    private static int requests(TestServer server, CountDownLatch stop, Map<String, byte[]> expected) {
        int count = 0;
        while (stop.getCount() > 0) {
            var response = post(server, "/v1/classify", "", PICTURE);
            assertThat(response.statusCode()).isEqualTo(200);
            // Batches of other sizes differ in the last digits.
            var label = TestServer.json(response).at("/0/label").asText() + " "
                    + Math.round(1e4 * TestServer.json(response).at("/0/score").asDouble());
            assertThat(expected.values()).anyMatch(body -> label.equals(label(body)));
            count++;
        }
        return count;
    }

    private static String label(byte[] body) {
        try {
            var json = new ObjectMapper().readTree(body);
            return json.at("/0/label").asText() + " "
                    + Math.round(1e4 * json.at("/0/score").asDouble());
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void modelWithoutClassifierGivesVectorsAlone() {
        try (var server = new TestServer(
                ServerOptions.DEFAULT,
                Map.of("vectors", "1"),
                source -> LoadedModel.load(TestServer.SMALL, LoadOptions.DEFAULT.withClasses(0)))) {
            server.server.loadModels();
            var refused = server.post("/v1/classify", "image/png", PICTURE);
            assertThat(refused.statusCode()).isEqualTo(400);
            assertThat(TestServer.error(refused)).contains("has no classifier");
            assertThat(server.post("/v1/embed", "image/png", PICTURE).statusCode())
                    .isEqualTo(200);
            assertThat(new String(server.get("/metrics").body(), StandardCharsets.UTF_8))
                    .contains("vitrail_queue_images{model=\"vectors\"} 0.0");
        }
    }

    @Test
    void fullQueueRefusesAtOnceAndSaysWhenToComeBack() {
        var options = ServerOptions.DEFAULT.withBatching(new ServerOptions.Batching(Duration.ofMillis(250), 1, 2));
        try (var server = TestServer.ready(options)) {
            var request = HttpRequest.newBuilder(server.uri("/v1/classify"))
                    .header("Content-Type", "image/png")
                    .POST(HttpRequest.BodyPublishers.ofByteArray(TestServer.picture(1, 250)))
                    .build();
            // A connection for each, as of many clients.
            var client =
                    HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
            var answers = new ArrayList<CompletableFuture<HttpResponse<byte[]>>>();
            for (int i = 0; i < 24; i++) {
                answers.add(client.sendAsync(request, HttpResponse.BodyHandlers.ofByteArray()));
            }
            var responses = answers.stream().map(CompletableFuture::join).toList();
            assertThat(responses).anyMatch(response -> response.statusCode() == 200);
            var refused = responses.stream()
                    .filter(response -> response.statusCode() != 200)
                    .toList();
            assertThat(refused).isNotEmpty().allMatch(response -> response.statusCode() == 429);
            assertThat(refused.get(0).headers().firstValue("Retry-After").orElseThrow())
                    .matches("[1-9]\\d*");
            // And nothing of the queue is left behind.
            assertThat(new String(server.get("/metrics").body(), StandardCharsets.UTF_8))
                    .contains("vitrail_queue_images{model=\"small\"} 0.0");
        }
    }

    /** Half of a body has come when the end begins, and the other half after. */
    @Test
    void requestsUnderWayAreAnsweredBeforeTheEnd() throws IOException, InterruptedException {
        var server = TestServer.ready(ServerOptions.DEFAULT);
        var head = "POST /v1/classify HTTP/1.1\r\nHost: a\r\nContent-Type: image/png\r\nContent-Length: %d\r\n\r\n"
                .formatted(PICTURE.length)
                .getBytes(StandardCharsets.US_ASCII);
        var health = HttpRequest.newBuilder(server.uri("/health")).build();
        var sockets = new ArrayList<Socket>();
        for (int i = 0; i < 5; i++) {
            var socket = new Socket("127.0.0.1", server.server.port());
            socket.setSoTimeout(60_000);
            socket.getOutputStream().write(head);
            socket.getOutputStream().write(PICTURE, 0, PICTURE.length / 2);
            sockets.add(socket);
        }
        long patience = System.nanoTime() + Duration.ofSeconds(60).toNanos();
        while (underWay(server) < 5 && System.nanoTime() < patience) {
            Thread.sleep(20);
        }
        var closing = new Thread(server::close);
        closing.start();
        while (!status(server).equals("draining")) {
            Thread.sleep(20);
        }
        for (var socket : sockets) {
            socket.getOutputStream().write(PICTURE, PICTURE.length / 2, PICTURE.length - PICTURE.length / 2);
        }
        for (var socket : sockets) {
            var status = new String(socket.getInputStream().readNBytes(12), StandardCharsets.US_ASCII);
            assertThat(status).isEqualTo("HTTP/1.1 200");
            socket.close();
        }
        closing.join();
        assertThatThrownBy(() -> server.send(health)).hasCauseInstanceOf(ConnectException.class);
    }

    /** Requests whose headers the server has read, but for the one that asks. */
    private static long underWay(TestServer server) {
        var metrics = new String(server.get("/metrics").body(), StandardCharsets.UTF_8);
        return metrics.lines()
                        .filter(line -> line.startsWith("armeria_server_all_requests"))
                        .mapToLong(line -> (long) Double.parseDouble(line.substring(line.lastIndexOf(' ') + 1)))
                        .sum()
                - 1;
    }

    @Test
    void bodiesAndPixelsOverTheLimitsAreRefused() {
        var limits =
                new ServerOptions.Limits(200_000, 10_000, 2048, Duration.ofSeconds(60), Duration.ofSeconds(30), 16);
        try (var server = TestServer.ready(ServerOptions.DEFAULT.withLimits(limits))) {
            var body = server.post("/v1/classify", "image/png", new byte[300_000]);
            assertThat(body.statusCode()).isEqualTo(413);
            assertThat(TestServer.error(body)).contains("larger than the server's limit");
            var pixels = server.post("/v1/classify", "image/png", TestServer.picture(1, 110));
            assertThat(pixels.statusCode()).isEqualTo(400);
            assertThat(TestServer.error(pixels)).contains("10000");
            var header = server.send(HttpRequest.newBuilder(server.uri("/health"))
                    .version(HttpClient.Version.HTTP_1_1)
                    .header("X-Long", "x".repeat(4000))
                    .build());
            assertThat(header.statusCode()).isEqualTo(431);
        }
    }

    @Test
    void headersThatDripAreCutOff() throws Exception {
        var limits =
                new ServerOptions.Limits(200_000, 10_000, 2048, Duration.ofMillis(800), Duration.ofSeconds(30), 16);
        try (var server = TestServer.ready(ServerOptions.DEFAULT.withLimits(limits));
                var socket = new Socket("127.0.0.1", server.server.port())) {
            var out = socket.getOutputStream();
            out.write("GET /health HTTP/1.1\r\nHost: a\r\nX-Drip: ".getBytes(StandardCharsets.US_ASCII));
            socket.setSoTimeout(100);
            long begin = System.nanoTime();
            while (!isClosed(socket)) {
                assertThat(System.nanoTime() - begin)
                        .isLessThan(Duration.ofSeconds(20).toNanos());
                try {
                    out.write('x');
                } catch (IOException e) {
                    break;
                }
            }
        }
    }

    private static boolean isClosed(Socket socket) throws IOException {
        try {
            return socket.getInputStream().read() < 0;
        } catch (java.net.SocketTimeoutException e) {
            return false;
        } catch (IOException e) {
            return true;
        }
    }

    @Test
    void accessLogHasALineForEachRequest(@TempDir Path folder) throws IOException {
        var file = folder.resolve("access.log");
        try (var server = TestServer.ready(ServerOptions.DEFAULT.withAccessLog(file))) {
            server.post("/v1/classify?secret=1", "image/png", PICTURE);
            server.get("/none");
        }
        var lines = Files.readAllLines(file);
        assertThat(lines).hasSize(2);
        var line = new ObjectMapper().readTree(lines.get(0));
        assertThat(line.path("path").asText()).isEqualTo("/v1/classify");
        assertThat(line.path("status").asInt()).isEqualTo(200);
        assertThat(line.path("model").asText()).isEqualTo("small:1");
        assertThat(line.path("ms").asDouble()).isPositive();
        assertThat(lines.get(0)).doesNotContain("secret");
        assertThat(new ObjectMapper().readTree(lines.get(1)).path("status").asInt())
                .isEqualTo(404);
    }

    @Test
    void takenPortsAndFailingModelsAreTold() {
        try (var server = TestServer.ready(ServerOptions.DEFAULT)) {
            int port = server.server.port();
            assertThatThrownBy(() -> VitrailServer.start(
                            ServerOptions.DEFAULT.withPort(port), Map.of("a", "1"), TestServer::model, false))
                    .isInstanceOf(VitrailException.class)
                    .hasMessageContaining("cannot listen on 127.0.0.1 port " + port);
        }
        try (var server = new TestServer(ServerOptions.DEFAULT, Map.of("a", "1"), OperationsTest::none)) {
            assertThatThrownBy(server.server::loadModels).hasMessage("there is no such model");
        }
    }

    private static LoadedModel none(String source) {
        throw new VitrailException("there is no such model");
    }
}
