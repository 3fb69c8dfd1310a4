package dev.vitrail.serve;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;

/** A headless Chromium, driven by its DevTools protocol. */
final class Chromium implements AutoCloseable {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private final Process process;
    private final WebSocket socket;
    private final AtomicInteger ids = new AtomicInteger();
    private final Map<Integer, CompletableFuture<JsonNode>> answers = new ConcurrentHashMap<>();

    /** The program, if it is installed. */
    static Optional<Path> program() {
        return Stream.of("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome")
                .map(Path::of)
                .filter(Files::isExecutable)
                .findFirst();
    }

    Chromium(Path program, Path profile) throws IOException, InterruptedException {
        process = new ProcessBuilder(
                        program.toString(),
                        "--headless=new",
                        "--no-sandbox",
                        "--disable-gpu",
                        "--disable-dev-shm-usage",
                        "--no-first-run",
                        "--disable-background-networking",
                        "--disable-component-update",
                        "--remote-allow-origins=*",
                        "--remote-debugging-port=0",
                        "--use-fake-device-for-media-stream",
                        "--use-fake-ui-for-media-stream",
                        "--user-data-dir=" + profile,
                        "about:blank")
                .redirectErrorStream(true)
                .redirectOutput(profile.resolve("output").toFile())
                .start();
        var port = profile.resolve("DevToolsActivePort");
        until(() -> Files.exists(port) && Files.readAllLines(port).size() == 2, "Chromium did not start");
        var client = HttpClient.newHttpClient();
        var pages = JSON.readTree(client.send(
                        java.net.http.HttpRequest.newBuilder(URI.create("http://127.0.0.1:%s/json/list"
                                        .formatted(Files.readAllLines(port).get(0))))
                                .build(),
                        java.net.http.HttpResponse.BodyHandlers.ofString())
                .body());
        JsonNode page = pages.get(0);
        for (var candidate : pages) {
            page = candidate.path("type").asText().equals("page") ? candidate : page;
        }
        socket = client.newWebSocketBuilder()
                .buildAsync(URI.create(page.path("webSocketDebuggerUrl").asText()), new Listener())
                .join();
        send("Page.enable", Map.of());
        send("DOM.enable", Map.of());
    }

    private final class Listener implements WebSocket.Listener {
        private final StringBuilder text = new StringBuilder();

        @Override
        public CompletionStage<?> onText(WebSocket webSocket, CharSequence data, boolean last) {
            text.append(data);
            if (last) {
                received(text.toString());
                text.setLength(0);
            }
            webSocket.request(1);
            return CompletableFuture.completedFuture(true);
        }
    }

    private void received(String message) {
        try {
            var json = JSON.readTree(message);
            var answer = answers.remove(json.path("id").asInt());
            if (answer != null) {
                answer.complete(json);
            }
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    /** Sends a command of the DevTools protocol. */
    JsonNode send(String method, Map<String, ?> parameters) {
        int id = ids.incrementAndGet();
        var answer = new CompletableFuture<JsonNode>();
        answers.put(id, answer);
        try {
            socket.sendText(JSON.writeValueAsString(Map.of("id", id, "method", method, "params", parameters)), true)
                    .join();
            var json = answer.orTimeout(PATIENCE.toSeconds(), TimeUnit.SECONDS).join();
            if (json.has("error")) {
                throw new AssertionError(method + ": " + json.path("error"));
            }
            return json.path("result");
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    void open(URI page) {
        send("Page.navigate", Map.of("url", page.toString()));
        awaitTrue("document.readyState === 'complete' && location.href !== 'about:blank'");
    }

    /** The value of an expression of JavaScript, awaited where it is a promise. */
    JsonNode evaluate(String expression) {
        var result = send(
                "Runtime.evaluate",
                Map.of("expression", expression, "returnByValue", true, "awaitPromise", true, "userGesture", true));
        if (result.has("exceptionDetails")) {
            throw new AssertionError(expression + ": " + result.path("exceptionDetails"));
        }
        return result.path("result").path("value");
    }

    String text(String selector) {
        return evaluate("document.querySelector('%s').innerText".formatted(selector))
                .asText();
    }

    void awaitTrue(String expression) {
        try {
            until(() -> evaluate(expression).asBoolean(), "this did not become true: " + expression);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    void choose(String selector, Path file) {
        var root = send("DOM.getDocument", Map.of()).at("/root/nodeId").asInt();
        var node = send("DOM.querySelector", Map.of("nodeId", root, "selector", selector))
                .path("nodeId")
                .asInt();
        send("DOM.setFileInputFiles", Map.of("nodeId", node, "files", List.of(file.toString())));
    }

    void key(String name, int code) {
        for (var type : List.of("rawKeyDown", "keyUp")) {
            send(
                    "Input.dispatchKeyEvent",
                    Map.of("type", type, "key", name, "code", name, "windowsVirtualKeyCode", code));
        }
    }

    void screenshot(Path file) throws IOException {
        Files.createDirectories(file.getParent());
        Files.write(
                file,
                Base64.getDecoder()
                        .decode(send("Page.captureScreenshot", Map.of("format", "png"))
                                .path("data")
                                .asText()));
    }

    private interface Condition {
        boolean holds() throws IOException;
    }

    private static void until(Condition condition, String otherwise) throws IOException {
        long end = System.nanoTime() + PATIENCE.toNanos();
        while (!condition.holds()) {
            if (System.nanoTime() > end) {
                throw new AssertionError(otherwise);
            }
            try {
                Thread.sleep(50);
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        }
    }

    @Override
    public void close() {
        socket.abort();
        process.descendants().forEach(ProcessHandle::destroy);
        process.destroy();
        try {
            process.waitFor(20, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
