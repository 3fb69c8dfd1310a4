package dev.vitrail.weights;

import dev.vitrail.VitrailException;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Single requests to the hub. Redirects are followed here rather than by the HTTP client, because the token may go to
 * the endpoint's own origin and to no other.
 */
final class HubTransfer {
    /** The connection or the server failed in a way that may be over in a moment. */
    static final class Broken extends Exception {
        private static final long serialVersionUID = 1;

        Broken(String message) {
            super(message);
        }

        Broken(String message, Throwable cause) {
            super(message, cause);
        }

        /** The message; this class always has one. */
        String sentence() {
            return String.valueOf(getMessage());
        }
    }

    /** What the hub says about a file before it is fetched. {@code size} is in bytes. */
    record Facts(String commit, String etag, OptionalLong size) {}

    /** A refusal that no retry will change. */
    record Refusal(int status, String code, String message) {}

    /** Either facts or a refusal. */
    record Answer(Optional<Facts> facts, Optional<Refusal> refusal) {}

    /** The {@link Refusal#code} of a server that is no hub at all. */
    static final String NO_HUB = "NoHub";

    private static final int MAX_REDIRECTS = 10;

    private final HubSettings settings;
    private final Duration patience;
    private final HttpClient client;

    /** @param patience how long the other side may be silent */
    HubTransfer(HubSettings settings, Duration patience) {
        this.settings = settings;
        this.patience = patience;
        this.client = HttpClient.newBuilder()
                .followRedirects(HttpClient.Redirect.NEVER)
                .connectTimeout(patience)
                .build();
    }

    /**
     * Asks for a file's commit, etag and size. The hub answers for itself, or redirects to where a large file lies and
     * says all of it in that redirect's headers; only redirects within the hub (a renamed repository) are followed.
     */
    Answer facts(URI address) throws Broken {
        var target = address;
        for (int i = 0; i < MAX_REDIRECTS; i++) {
            var request = request(target).method("HEAD", HttpRequest.BodyPublishers.noBody());
            var response = send(request.build(), HttpResponse.BodyHandlers.discarding());
            int status = response.statusCode();
            var location = response.headers().firstValue("location").orElse("");
            if (status / 100 == 3 && location.startsWith("/") && !location.startsWith("//")) {
                target = resolve(target, location);
                continue;
            }
            if (status / 100 != 2 && status / 100 != 3) {
                return new Answer(Optional.empty(), Optional.of(refusal(status, response.headers(), target)));
            }
            return facts(response.headers(), status, target);
        }
        throw new Broken("%s redirects in circles".formatted(address));
    }

    private static Answer facts(HttpHeaders headers, int status, URI address) {
        String commit = headers.firstValue("x-repo-commit").orElse("");
        String etag = headers.firstValue("x-linked-etag")
                .or(() -> headers.firstValue("etag"))
                .orElse("")
                .replaceFirst("^W/", "")
                .replace("\"", "");
        if (!HubCache.isCommit(commit) || !etag.matches("[A-Za-z0-9][A-Za-z0-9._-]*")) {
            var sentence =
                    "%s does not answer as a Hugging Face hub does (no x-repo-commit or etag)".formatted(address);
            return new Answer(Optional.empty(), Optional.of(new Refusal(status, NO_HUB, sentence)));
        }
        var size = headers.firstValueAsLong("x-linked-size");
        // The length of a redirect is that of its own page.
        var facts = new Facts(
                commit,
                etag,
                size.isPresent() || status / 100 == 3 ? size : headers.firstValueAsLong("content-length"));
        return new Answer(Optional.of(facts), Optional.empty());
    }

    /**
     * Fetches what {@code partial} still lacks and appends it; what arrived stays there when the connection breaks.
     *
     * @param size how long the whole file is, where known
     */
    void download(URI address, Path partial, OptionalLong size) throws Broken {
        long have = length(partial);
        if (size.isPresent() && have > size.getAsLong()) {
            delete(partial);
            have = 0;
        }
        if (size.isPresent() && have == size.getAsLong() && have > 0) {
            return;
        }
        var response = open(address, have);
        try (var body = response.body();
                var guard = new Guard(body)) {
            if (response.statusCode() == 416) {
                delete(partial);
                throw new Broken("%s cannot continue a broken download".formatted(address));
            }
            if (response.statusCode() != 200 && response.statusCode() != 206) {
                throw notDelivered(response, address);
            }
            boolean continues = response.statusCode() == 206;
            String range = response.headers().firstValue("content-range").orElse("");
            if (continues && !range.startsWith("bytes " + have + "-")) {
                throw new Broken("%s sends another part than asked for (%s)".formatted(address, range));
            }
            long start = continues ? have : 0;
            long end = append(body, guard, partial, start, size.orElse(Long.MAX_VALUE));
            if (guard.gaveUp()) {
                throw new Broken("%s sent nothing for %d s".formatted(address, patience.toSeconds()));
            }
            if (size.isPresent() && end != size.getAsLong()) {
                throw new Broken("%s sent %d of %d bytes".formatted(address, end, size.getAsLong()));
            }
        } catch (IOException e) {
            throw broken(address, e);
        }
    }

    private long append(InputStream body, Guard guard, Path partial, long start, long limit)
            throws IOException, Broken {
        try (var file = writable(partial)) {
            file.truncate(start);
            file.position(start);
            var buffer = new byte[1 << 16];
            for (int read = body.read(buffer); read >= 0; read = body.read(buffer)) {
                guard.progress();
                if (read > limit - file.position()) {
                    file.truncate(0);
                    throw new Broken("the hub announced %d bytes and sends more".formatted(limit));
                }
                store(file, ByteBuffer.wrap(buffer, 0, read), partial);
            }
            file.force(true);
            return file.position();
        }
    }

    /** A failing disk is no failing network: it is reported at once. */
    private static void store(FileChannel file, ByteBuffer bytes, Path partial) {
        try {
            while (bytes.hasRemaining()) {
                file.write(bytes);
            }
        } catch (IOException e) {
            throw new VitrailException(
                    "could not write %s: %s; free some space and repeat, the download will continue"
                            .formatted(partial, e.getMessage()),
                    e);
        }
    }

    private static FileChannel writable(Path partial) {
        try {
            return FileChannel.open(partial, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        } catch (IOException e) {
            throw new VitrailException("could not write %s: %s".formatted(partial, e.getMessage()), e);
        }
    }

    private HttpResponse<InputStream> open(URI address, long have) throws Broken {
        var target = address;
        for (int i = 0; i < MAX_REDIRECTS; i++) {
            var request = request(target).GET();
            if (have > 0) {
                request.header("Range", "bytes=" + have + "-");
            }
            var response = send(request.build(), HttpResponse.BodyHandlers.ofInputStream());
            if (response.statusCode() / 100 != 3) {
                return response;
            }
            String location = response.headers().firstValue("location").orElse("");
            close(response.body());
            target = resolve(target, location);
        }
        throw new Broken("%s redirects in circles".formatted(address));
    }

    private static URI resolve(URI from, String location) throws Broken {
        try {
            var target = from.resolve(location);
            boolean secure = "https".equalsIgnoreCase(target.getScheme());
            boolean plain = "http".equalsIgnoreCase(target.getScheme()) && "http".equalsIgnoreCase(from.getScheme());
            if (location.isEmpty() || target.getHost() == null || !(secure || plain)) {
                throw new Broken("%s redirects to %s, which is no address to follow".formatted(from, location));
            }
            return target;
        } catch (IllegalArgumentException e) {
            throw new Broken("%s redirects to %s, which is no address".formatted(from, location), e);
        }
    }

    private HttpRequest.Builder request(URI target) {
        var request = HttpRequest.newBuilder(target)
                .timeout(patience)
                .header("Accept-Encoding", "identity")
                .header("User-Agent", "vitrail");
        if (sameOrigin(target, settings.endpoint())) {
            settings.token().ifPresent(token -> request.header("Authorization", "Bearer " + token));
        }
        return request;
    }

    private static boolean sameOrigin(URI a, URI b) {
        return a.getScheme().equalsIgnoreCase(b.getScheme())
                && a.getHost().equalsIgnoreCase(b.getHost())
                && port(a) == port(b);
    }

    private static int port(URI address) {
        return address.getPort() >= 0 ? address.getPort() : "https".equalsIgnoreCase(address.getScheme()) ? 443 : 80;
    }

    private <T> HttpResponse<T> send(HttpRequest request, HttpResponse.BodyHandler<T> handler) throws Broken {
        try {
            var response = client.send(request, handler);
            int status = response.statusCode();
            if (status >= 500 || status == 429 || status == 408) {
                if (response.body() instanceof InputStream body) {
                    close(body);
                }
                throw new Broken("%s answers with status %d".formatted(request.uri(), status));
            }
            return response;
        } catch (IOException e) {
            throw broken(request.uri(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new VitrailException("the download of %s was interrupted".formatted(request.uri()), e);
        }
    }

    private VitrailException notDelivered(HttpResponse<?> response, URI address) {
        var refusal = refusal(response.statusCode(), response.headers(), address);
        return VitrailException.of(
                "%s answers with status %d (%s) where it announced a file",
                address, refusal.status(), refusal.message());
    }

    private static Refusal refusal(int status, HttpHeaders headers, URI address) {
        return new Refusal(
                status,
                headers.firstValue("x-error-code").orElse(""),
                headers.firstValue("x-error-message").orElse(address.toString()));
    }

    private static Broken broken(URI address, IOException e) {
        String reason = e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
        return new Broken("the connection to %s failed (%s)".formatted(address.getAuthority(), reason), e);
    }

    static long length(Path file) {
        try {
            return Files.exists(file) ? Files.size(file) : 0;
        } catch (IOException e) {
            throw ByteSource.unreadable(file, e);
        }
    }

    static void delete(Path file) {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            throw new VitrailException("could not remove %s: %s".formatted(file, e.getMessage()), e);
        }
    }

    private static void close(InputStream body) throws Broken {
        try {
            body.close();
        } catch (IOException e) {
            throw new Broken("the connection broke off", e);
        }
    }

    /** Closes a body that has been silent for too long; the HTTP client's own time limit ends with the headers. */
    private final class Guard implements AutoCloseable {
        private final AtomicLong last = new AtomicLong(System.nanoTime());
        private final Semaphore done = new Semaphore(0);
        private volatile boolean gaveUp;

        Guard(InputStream body) {
            var thread = new Thread(() -> watch(body), "vitrail-download-guard");
            thread.setDaemon(true);
            thread.start();
        }

        private void watch(InputStream body) {
            try {
                while (!done.tryAcquire(Math.max(1, patience.toMillis() / 4), TimeUnit.MILLISECONDS)) {
                    if (System.nanoTime() - last.get() > patience.toNanos()) {
                        gaveUp = true;
                        body.close();
                        return;
                    }
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            } catch (IOException ignored) {
                // The reader notices the closed body by itself.
            }
        }

        void progress() {
            last.set(System.nanoTime());
        }

        boolean gaveUp() {
            return gaveUp;
        }

        @Override
        public void close() {
            done.release();
        }

        @Override
        public String toString() {
            return String.format(Locale.ROOT, "guard of %s", patience);
        }
    }
}
