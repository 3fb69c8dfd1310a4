package dev.vitrail.serve;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vitrail.engine.NativeMemory;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/**
 * Requests that no client would send: any method at any path, headers that lie, chunks, bodies cut off, JSON of all
 * depths, tensors whose shape lies. {@code -Dvitrail.serve.fuzz=200000} sends more of them; from 100,000 on, memory
 * must not grow by a percent in the second half ({@code -Dtest.heap=128m} keeps Java's own part of it small).
 */
class FuzzTest {
    private static final int REQUESTS = Integer.getInteger("vitrail.serve.fuzz", 300);

    private static final List<String> PATHS = List.of(
            "/",
            "/page/app.js",
            "/openapi.json",
            "/health",
            "/metrics",
            "/v1/classify",
            "/v1/classify?model=small&top=3",
            "/v1/classify?model=%00&top=-1",
            "/v1/classify?top=99999999999",
            "/v1/embed",
            "/v2",
            "/v2/health/ready",
            "/v2/models/small",
            "/v2/models/small/versions/1/infer",
            "/v2/models/small/infer",
            "/v2/models/../../etc/passwd",
            "/v2/models/%2e%2e%2f/ready",
            "/v2/repository/index",
            "/v2/repository/models/small/load",
            "/v2/repository/models/small/unload",
            "/inference.GRPCInferenceService/ModelInfer",
            "//",
            "/%",
            "*");
    private static final List<String> METHODS =
            List.of("GET", "POST", "POST", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "BREW");
    private static final List<String> TYPES = List.of(
            "application/json",
            "image/png",
            "multipart/form-data",
            "multipart/form-data; boundary=XX",
            "application/grpc",
            "application/grpc+proto",
            "application/octet-stream",
            "text/plain",
            ";;;",
            "image/*");

    private final Random random = new Random(5);

    @Test
    void noRequestMakesTheServerFail() throws IOException {
        var statuses = new TreeMap<Integer, Integer>();
        long half = 0;
        try (var server = TestServer.ready(ServerOptions.DEFAULT)) {
            for (int i = 0; i < REQUESTS; i++) {
                if (i == REQUESTS / 2) {
                    half = memory();
                }
                var request = request();
                int status = send(server, request);
                assertThat(status)
                        .as(() -> new String(request, 0, Math.min(request.length, 600), StandardCharsets.ISO_8859_1))
                        .isLessThan(500);
                statuses.merge(status, 1, Integer::sum);
            }
            if (REQUESTS >= 100_000) {
                assertThat(memory()).isLessThan(half + half / 100);
            }
            assertThat(server.post("/v1/classify", "image/png", TestServer.picture(1))
                            .statusCode())
                    .isEqualTo(200);
            assertThat(new String(server.get("/metrics").body(), StandardCharsets.UTF_8))
                    .contains("vitrail_queue_images{model=\"small\"} 0.0")
                    .doesNotContain("reason=\"internal\"");
        }
        assertThat(statuses.keySet()).as(statuses.toString()).contains(200, 400, 405);
    }

    private static long memory() {
        System.gc();
        return NativeMemory.residentBytes().orElse(0);
    }

    @Test
    void aMethodThatDoesNotExistIsTheClientsFault() throws IOException {
        try (var server = TestServer.ready(ServerOptions.DEFAULT)) {
            for (var more : List.of("", "Expect: 100-continue\r\n")) {
                var request = "BREW /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n%s\r\nx".formatted(more);
                assertThat(send(server, request.getBytes(StandardCharsets.US_ASCII)))
                        .isBetween(400, 499);
            }
        }
    }

    /** The status of the answer; 0 where the connection was closed without one, as befits what is not HTTP. */
    private int send(TestServer server, byte[] request) throws IOException {
        try (var socket = new Socket("127.0.0.1", server.server.port())) {
            socket.setSoTimeout(20_000);
            socket.getOutputStream().write(request);
            socket.shutdownOutput();
            var line = new StringBuilder();
            for (int c = socket.getInputStream().read();
                    c >= 0 && c != '\n';
                    c = socket.getInputStream().read()) {
                line.append((char) c);
            }
            return line.length() < 12 ? 0 : Integer.parseInt(line.substring(9, 12));
        } catch (java.net.SocketException e) {
            return 0; // reset, since the server refused before all was sent
        }
    }

    private <T> T any(List<T> values) {
        return values.get(random.nextInt(values.size()));
    }

    private byte[] request() {
        var body = body();
        var head = new StringBuilder(
                "%s %s HTTP/1.%d\r\nHost: a\r\n".formatted(any(METHODS), any(PATHS), random.nextInt(10) == 0 ? 0 : 1));
        head.append("Content-Type: ").append(any(TYPES)).append("\r\n");
        var out = new ByteArrayOutputStream();
        switch (random.nextInt(8)) {
            case 0 -> head.append("Content-Length: ").append(body.length + 100).append("\r\n"); // cut off
            case 1 -> head.append("Content-Length: -1\r\n");
            case 2 -> head.append("Content-Length: 999999999999999999999\r\n");
            case 3 -> {
                head.append("Transfer-Encoding: chunked\r\n");
                var chunk = new ByteArrayOutputStream();
                chunk.writeBytes((Integer.toHexString(body.length) + "\r\n").getBytes(StandardCharsets.US_ASCII));
                chunk.writeBytes(body);
                chunk.writeBytes(
                        (random.nextBoolean() ? "\r\n0\r\n\r\n" : "\r\nzz\r\n").getBytes(StandardCharsets.US_ASCII));
                body = chunk.toByteArray();
            }
            default -> head.append("Content-Length: ").append(body.length).append("\r\n");
        }
        if (random.nextInt(4) == 0) {
            head.append("Inference-Header-Content-Length: ")
                    .append(any(List.of("0", "5", "-3", "99999", "x")))
                    .append("\r\n");
        }
        if (random.nextInt(10) == 0) {
            head.append("X: ").append("y".repeat(random.nextInt(40_000))).append("\r\n");
        }
        if (random.nextInt(10) == 0) {
            head.append(any(List.of(
                    "no colon\r\n",
                    "Expect: 100-continue\r\n",
                    "Upgrade: h2c\r\n",
                    ": empty\r\n",
                    "Authorization: Bearer\r\n")));
        }
        out.writeBytes(head.append("Connection: close\r\n\r\n").toString().getBytes(StandardCharsets.ISO_8859_1));
        out.writeBytes(body);
        var whole = out.toByteArray();
        return random.nextInt(12) == 0 ? Arrays.copyOf(whole, random.nextInt(whole.length)) : whole;
    }

    private byte[] body() {
        return switch (random.nextInt(8)) {
            case 0 -> new byte[0];
            case 1 -> bytes(random.nextInt(3000));
            case 2 -> mutated(TestServer.picture(random.nextInt(5)));
            case 3 -> ("{\"inputs\":" + "[".repeat(random.nextInt(3000))).getBytes(StandardCharsets.UTF_8);
            case 4 ->
                mutated("{\"inputs\":\"iVBORw0KGgo=\",\"parameters\":{\"top_k\":2}}".getBytes(StandardCharsets.UTF_8));
            case 5 ->
                mutated("--XX\r\nContent-Disposition: form-data; name=\"a\"; filename=\"b\"\r\n\r\nabc\r\n--XX--\r\n"
                        .getBytes(StandardCharsets.UTF_8));
            default -> mutated(tensor().getBytes(StandardCharsets.UTF_8));
        };
    }

    private String tensor() {
        var types = Map.of("input", "FP32", "pixels", "UINT8", "image", "BYTES");
        var name = any(List.copyOf(types.keySet()));
        var sides = any(List.of(
                "1,3,32,32",
                "0",
                "-1,3",
                "1",
                "2147483647,2147483647",
                "4294967296,4294967296",
                "1,2,2,3",
                "1e9",
                "",
                "null"));
        var data = any(List.of("1", "1,2,3,4,5,6,7,8,9,10,11,12", "\"AAAA\"", "[[1]]", "1e400", "null", "{}", ""));
        return """
                        {"id":"f","inputs":[{"name":"%s","datatype":"%s","shape":[%s],%s"data":[%s]}],\
                        "outputs":[{"name":"%s"}]}"""
                .formatted(
                        name,
                        random.nextInt(3) > 0 ? types.get(name) : any(List.of("FP16", "INT64", "FP32", "")),
                        sides,
                        random.nextInt(3) == 0
                                ? "\"parameters\":{\"binary_data_size\":%d},".formatted(random.nextInt(50) - 5)
                                : "",
                        data,
                        any(List.of("logits", "labels", "none")));
    }

    private byte[] bytes(int count) {
        var bytes = new byte[count];
        random.nextBytes(bytes);
        return bytes;
    }

    private byte[] mutated(byte[] original) {
        var bytes = original.clone();
        for (int i = random.nextInt(4); i > 0; i--) {
            bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
        }
        return random.nextInt(5) == 0 ? Arrays.copyOf(bytes, random.nextInt(bytes.length)) : bytes;
    }
}
