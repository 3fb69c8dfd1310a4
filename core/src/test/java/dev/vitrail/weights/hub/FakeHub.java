package dev.vitrail.weights.hub;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Two real servers on loopback: one speaks the hub's protocol, the other stands for the store that large files are
 * redirected to. Faults are switched on by the tests.
 */
final class FakeHub implements AutoCloseable {
    static final String COMMIT = "0123456789abcdef0123456789abcdef01234567";

    /** What one of the servers was asked: "HEAD hub /path" or "GET store /path", with Range and Authorization. */
    record Request(String what, Optional<String> range, Optional<String> authorization) {}

    final List<Request> requests = Collections.synchronizedList(new ArrayList<>());

    /** Content by path in the repository {@code org/model}. */
    final Map<String, byte[]> small = new LinkedHashMap<>();

    final Map<String, byte[]> large = new LinkedHashMap<>();

    volatile Optional<String> neededToken = Optional.empty();
    volatile String errorCode = "";
    final AtomicInteger failuresBeforeSuccess = new AtomicInteger();
    volatile int breakAfter = Integer.MAX_VALUE;
    volatile int extraBytes;
    volatile int missingBytes;
    volatile boolean wrongContent;
    volatile boolean ignoreRange;
    volatile boolean silent;
    volatile boolean moved;
    volatile boolean signIn;
    volatile String redirectTo = "";

    private final HttpServer hub;
    private final HttpServer store;

    FakeHub() {
        hub = server("hub");
        store = server("store");
    }

    private HttpServer server(String name) {
        try {
            var server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
            server.setExecutor(Executors.newCachedThreadPool(task -> {
                var thread = new Thread(task, "fake-" + name);
                thread.setDaemon(true);
                return thread;
            }));
            server.createContext("/", exchange -> serve(name, exchange));
            server.start();
            return server;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    URI endpoint() {
        return address(hub);
    }

    private static URI address(HttpServer server) {
        return URI.create("http://127.0.0.1:" + server.getAddress().getPort());
    }

    long count(String what) {
        return requests.stream()
                .filter(request -> request.what().startsWith(what))
                .count();
    }

    private void serve(String name, HttpExchange exchange) throws IOException {
        try (exchange) {
            var headers = exchange.getRequestHeaders();
            String path = exchange.getRequestURI().getPath();
            requests.add(new Request(
                    exchange.getRequestMethod() + " " + name + " " + path,
                    Optional.ofNullable(headers.getFirst("Range")),
                    Optional.ofNullable(headers.getFirst("Authorization"))));
            if (failuresBeforeSuccess.getAndUpdate(left -> Math.max(0, left - 1)) > 0) {
                exchange.sendResponseHeaders(503, -1);
            } else if (name.equals("store")) {
                deliver(exchange, large.getOrDefault(path.substring(1), new byte[0]));
            } else {
                resolve(exchange, path);
            }
        }
    }

    private void resolve(HttpExchange exchange, String path) throws IOException {
        var answer = exchange.getResponseHeaders();
        if (signIn) {
            exchange.sendResponseHeaders(200, -1);
            return;
        }
        if (neededToken.isPresent()
                && !("Bearer " + neededToken.get())
                        .equals(exchange.getRequestHeaders().getFirst("Authorization"))) {
            refuse(exchange, 401, "RepoNotFound");
            return;
        }
        if (!errorCode.isEmpty()) {
            refuse(exchange, errorCode.equals("GatedRepo") ? 403 : 404, errorCode);
            return;
        }
        if (moved && path.startsWith("/org/model/")) {
            answer.set("Location", path.replace("/org/model/", "/new/model/"));
            exchange.sendResponseHeaders(307, -1);
            return;
        }
        String raw = exchange.getRequestURI().getRawPath().replaceFirst("^/[a-z]+/model/resolve/[^/]+/", "");
        String file = URLDecoder.decode(raw, StandardCharsets.UTF_8);
        answer.set("X-Repo-Commit", COMMIT);
        if (large.containsKey(file)) {
            var content = large.getOrDefault(file, new byte[0]);
            answer.set("X-Linked-Etag", '"' + sha256(content) + '"');
            answer.set("X-Linked-Size", Integer.toString(content.length));
            answer.set("ETag", "\"of-the-redirect\"");
            answer.set("Location", redirectTo.isEmpty() ? address(store) + "/" + file : redirectTo);
            exchange.sendResponseHeaders(302, -1);
        } else if (small.containsKey(file)) {
            var content = small.getOrDefault(file, new byte[0]);
            answer.set("ETag", "W/\"" + gitSha1(content) + '"');
            deliver(exchange, content);
        } else {
            refuse(exchange, 404, "EntryNotFound");
        }
    }

    private static void refuse(HttpExchange exchange, int status, String code) throws IOException {
        exchange.getResponseHeaders().set("X-Error-Code", code);
        exchange.getResponseHeaders().set("X-Error-Message", "refused");
        exchange.sendResponseHeaders(status, -1);
    }

    private void deliver(HttpExchange exchange, byte[] content) throws IOException {
        if (exchange.getRequestMethod().equals("HEAD")) {
            exchange.getResponseHeaders().set("Content-Length", Integer.toString(content.length));
            exchange.sendResponseHeaders(200, -1);
            return;
        }
        var sent = content.clone();
        if (wrongContent) {
            sent[sent.length / 2] ^= 1;
        }
        sent = Arrays.copyOf(sent, sent.length + extraBytes - missingBytes);
        int start = 0;
        String range = exchange.getRequestHeaders().getFirst("Range");
        if (range != null && !ignoreRange) {
            start = Integer.parseInt(range.replaceAll("\\D", ""));
            exchange.getResponseHeaders()
                    .set("Content-Range", "bytes %d-%d/%d".formatted(start, sent.length - 1, sent.length));
        }
        exchange.sendResponseHeaders(start > 0 ? 206 : 200, sent.length - start);
        int end = Math.min(sent.length, start + Math.min(breakAfter, sent.length));
        exchange.getResponseBody().write(sent, start, end - start);
        exchange.getResponseBody().flush();
        if (silent) {
            try {
                Thread.sleep(5000);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }

    static String sha256(byte[] content) {
        return hash("SHA-256", content);
    }

    static String gitSha1(byte[] content) {
        var head = ("blob " + content.length + "\0").getBytes(StandardCharsets.US_ASCII);
        var whole = Arrays.copyOf(head, head.length + content.length);
        System.arraycopy(content, 0, whole, head.length, content.length);
        return hash("SHA-1", whole);
    }

    private static String hash(String algorithm, byte[] content) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance(algorithm).digest(content));
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError(e);
        }
    }

    @Override
    public void close() {
        hub.stop(0);
        store.stop(0);
    }
}
