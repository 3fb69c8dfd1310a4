package dev.vitrail.weights.hub;

import static dev.vitrail.weights.Golden.assertRefused;
import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A hub whose downloads never end, or that wants to be left alone. */
@Timeout(60)
class EndlessHubTest {
    private static final String SHA = "a".repeat(64);

    @TempDir
    Path home = Path.of("");

    private interface Answer {
        void give(HttpExchange exchange) throws IOException;
    }

    private volatile Answer answer = exchange -> exchange.sendResponseHeaders(404, -1);
    private final HttpServer server = serve();

    private HttpServer serve() {
        try {
            var made = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
            made.setExecutor(Executors.newCachedThreadPool(task -> {
                var thread = new Thread(task, "endless-hub");
                thread.setDaemon(true);
                return thread;
            }));
            made.createContext("/", exchange -> {
                try (exchange) {
                    answer.give(exchange);
                }
            });
            made.start();
            return made;
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    @AfterEach
    void stop() {
        server.stop(0);
    }

    private Path fetch(Duration patience) {
        var endpoint = URI.create("http://127.0.0.1:" + server.getAddress().getPort());
        var settings = new HubSettings(endpoint, home.resolve("cache"), Optional.empty(), false);
        return new Hub(settings, List.of(Duration.ofMillis(5), Duration.ofMillis(5)), patience)
                .fetch("o/model", "main", "model.safetensors");
    }

    private static void describe(HttpExchange exchange, String etag, String length) throws IOException {
        var headers = exchange.getResponseHeaders();
        headers.set("X-Repo-Commit", FakeHub.COMMIT);
        headers.set("ETag", '"' + etag + '"');
        if (!length.isEmpty()) {
            headers.set("X-Linked-Size", length);
        }
        exchange.sendResponseHeaders(200, exchange.getRequestMethod().equals("HEAD") ? -1 : 0);
    }

    /** A byte every so often is progress each time, and a gigabyte of them takes centuries. */
    @Test
    void aDownloadThatDripsIsBroken() {
        answer = exchange -> {
            describe(exchange, SHA, "1000000000");
            for (int i = 0; i < 1000 && exchange.getRequestMethod().equals("GET"); i++) {
                exchange.getResponseBody().write(1);
                exchange.getResponseBody().flush();
                pause();
            }
        };
        long start = System.nanoTime();
        assertRefused(() -> fetch(Duration.ofSeconds(1)), "fewer than 1024 bytes a second");
        assertThat((System.nanoTime() - start) / 1e9).isLessThan(20);
    }

    private static void pause() {
        try {
            Thread.sleep(100);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Test
    void withoutLengthAndChecksumNothingIsFetched() throws IOException {
        answer = exchange -> {
            describe(exchange, "no-checksum", "");
            pour(exchange);
        };
        assertRefused(() -> fetch(Duration.ofSeconds(5)), "neither a length nor a checksum");
        assertNothingLarge(0);
    }

    @Test
    void withoutALengthOnlySoMuchIsTaken() throws IOException {
        answer = exchange -> {
            describe(exchange, SHA, "not a number");
            pour(exchange);
        };
        assertRefused(() -> fetch(Duration.ofSeconds(5)), "does not say how long");
        assertNothingLarge(HubTransfer.UNANNOUNCED);
    }

    private static void pour(HttpExchange exchange) throws IOException {
        var chunk = new byte[1 << 20];
        for (int i = 0; i < 200 && exchange.getRequestMethod().equals("GET"); i++) {
            exchange.getResponseBody().write(chunk);
        }
    }

    private void assertNothingLarge(long most) throws IOException {
        if (Files.exists(home.resolve("cache"))) {
            try (var files = Files.walk(home.resolve("cache"))) {
                assertThat(files.filter(Files::isRegularFile)
                                .mapToLong(file -> file.toFile().length())
                                .sum())
                        .isLessThanOrEqualTo(most);
            }
        }
    }

    @Test
    void aServersWishToBeLeftAloneIsHeeded() throws IOException {
        var content = "{}".getBytes(StandardCharsets.UTF_8);
        var asked = new AtomicInteger();
        answer = exchange -> {
            if (asked.getAndIncrement() == 0) {
                exchange.getResponseHeaders().set("Retry-After", "2");
                exchange.sendResponseHeaders(429, -1);
                return;
            }
            describe(exchange, FakeHub.sha256(content), Integer.toString(content.length));
            if (exchange.getRequestMethod().equals("GET")) {
                exchange.getResponseBody().write(content);
            }
        };
        long start = System.nanoTime();
        assertThat(fetch(Duration.ofSeconds(5))).hasBinaryContent(content);
        assertThat((System.nanoTime() - start) / 1e9).isGreaterThan(1.9);
        asked.set(Integer.MIN_VALUE);
    }

    @Test
    void aWishThatIsTooLongEndsTheAttempt() {
        var asked = new AtomicInteger();
        answer = exchange -> {
            asked.incrementAndGet();
            exchange.getResponseHeaders().set("Retry-After", "86400");
            exchange.sendResponseHeaders(503, -1);
        };
        assertRefused(() -> fetch(Duration.ofSeconds(5)), "left alone for 86400 s");
        assertThat(asked).hasValue(1);
    }

    @Test
    void aServersControlCharactersStayOutOfSentences() {
        answer = exchange -> {
            exchange.getResponseHeaders().set("X-Error-Code", "Other");
            exchange.getResponseHeaders().set("X-Error-Message", "\u001b[2Jgone\u0007");
            exchange.sendResponseHeaders(418, -1);
        };
        try {
            fetch(Duration.ofSeconds(5));
            throw new AssertionError("a refusal was fetched");
        } catch (dev.vitrail.errors.VitrailException e) {
            assertThat(e.getMessage()).doesNotContainPattern("\\p{Cntrl}");
        }
    }

    @Test
    void namesOfServersStayInsideTheCache() {
        for (var etag : List.of("../../../outside", "/etc/passwd", "x".repeat(5000), "..")) {
            answer = exchange -> describe(exchange, etag, "3");
            assertRefused(() -> fetch(Duration.ofSeconds(5)), "does not answer as a Hugging Face hub does");
        }
        assertThat(home.resolve("outside")).doesNotExist();
    }
}
