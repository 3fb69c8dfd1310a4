package dev.vitrail.weights.hub;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.weights.ByteSource;
import dev.vitrail.weights.FormatErrors;
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
import java.time.DateTimeException;
import java.time.Duration;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
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

        /** Delay that the server asks for before the next attempt; zero where it names none. */
        private final Duration rest;

        private final boolean slow;

        Broken(String message) {
            this(message, Duration.ZERO, false);
        }

        Broken(String message, Duration rest, boolean slow) {
            super(FormatErrors.printable(message));
            this.rest = rest;
            this.slow = slow;
        }

        Broken(String message, Throwable cause) {
            super(FormatErrors.printable(message), cause);
            this.rest = Duration.ZERO;
            this.slow = false;
        }

        Duration rest() {
            return rest;
        }

        /** Returns whether it sent, but so slowly that it would never end: another attempt would be no better. */
        boolean slow() {
            return slow;
        }

        /** The message; this class always has one. */
        String sentence() {
            return String.valueOf(getMessage());
        }
    }

    /** Facts of a file that the hub gives before it is fetched. {@code size} is in bytes. */
    record Facts(String commit, String etag, OptionalLong size) {}

    /** A refusal that no retry will change. */
    record Refusal(int status, String code, String message) {}

    /** Either facts or a refusal. */
    record Answer(Optional<Facts> facts, Optional<Refusal> refusal) {}

    /** The {@link Refusal#code} of a server that is no hub at all. */
    static final String NO_HUB = "NoHub";

    private static final int MAX_REDIRECTS = 10;

    /** Bytes a second below which a download is given up, on average over twice the patience. */
    static final long SLOWEST = 1 << 10;

    /** The most that is taken of a file whose length nobody announces, bytes: enough for any description of a model. */
    static final long UNANNOUNCED = 32L << 20;

    /** The longest etag, which becomes a file's name. */
    private static final int MAX_ETAG = 128;

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
        if (!HubCache.isCommit(commit) || !etag.matches("[A-Za-z0-9][A-Za-z0-9._-]*") || etag.length() > MAX_ETAG) {
            var sentence =
                    "%s does not answer as a Hugging Face hub does (no x-repo-commit or etag)".formatted(address);
            return new Answer(Optional.empty(), Optional.of(new Refusal(status, NO_HUB, sentence)));
        }
        var size = length(headers, "x-linked-size");
        // The length of a redirect is that of its own page.
        var facts = new Facts(
                commit, etag, size.isPresent() || status / 100 == 3 ? size : length(headers, "content-length"));
        return new Answer(Optional.of(facts), Optional.empty());
    }

    /** A length in bytes; empty where the header is missing or is no length. */
    private static OptionalLong length(HttpHeaders headers, String name) {
        try {
            var length = headers.firstValueAsLong(name);
            return length.isPresent() && length.getAsLong() >= 0 ? length : OptionalLong.empty();
        } catch (NumberFormatException e) {
            return OptionalLong.empty();
        }
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
            long end = append(body, guard, partial, start, size);
            if (guard.tooSlow()) {
                throw guard.slow(address);
            }
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

    private long append(InputStream body, Guard guard, Path partial, long start, OptionalLong size)
            throws IOException, Broken {
        long limit = size.orElse(UNANNOUNCED);
        try (var file = writable(partial)) {
            file.truncate(start);
            file.position(start);
            var buffer = new byte[1 << 16];
            for (int read = read(body, buffer, guard); read >= 0; read = read(body, buffer, guard)) {
                guard.progress(read);
                if (read > limit - file.position()) {
                    file.truncate(0);
                    VitrailException.require(
                            size.isPresent(),
                            "the hub does not say how long %s is and has sent more than %d MiB of it: fetch the file by"
                                    + " other means and name it with --arch",
                            partial.getFileName(),
                            UNANNOUNCED >> 20);
                    throw new Broken("the hub announced %d bytes and sends more".formatted(limit));
                }
                store(file, ByteBuffer.wrap(buffer, 0, read), partial);
            }
            file.force(true);
            return file.position();
        }
    }

    /** The next bytes; none where the guard has closed the body, whatever the reader makes of that. */
    private static int read(InputStream body, byte[] buffer, Guard guard) throws IOException {
        try {
            return body.read(buffer);
        } catch (IOException e) {
            if (guard.gaveUp()) {
                return -1;
            }
            throw e;
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
                throw new Broken(
                        "%s answers with status %d".formatted(request.uri(), status), rest(response.headers()), false);
            }
            return response;
        } catch (IOException e) {
            throw broken(request.uri(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new VitrailException("the download of %s was interrupted".formatted(request.uri()), e);
        }
    }

    /**
     * Delay that {@code Retry-After} asks for, in seconds or as a date (RFC 9110, 10.2.3); zero where it is not there
     * or makes no sense.
     */
    private static Duration rest(HttpHeaders headers) {
        var asked = headers.firstValue("retry-after").orElse("").strip();
        try {
            if (asked.matches("\\d{1,9}")) {
                return Duration.ofSeconds(Long.parseLong(asked));
            }
            var until = ZonedDateTime.parse(asked, DateTimeFormatter.RFC_1123_DATE_TIME);
            var left = Duration.between(ZonedDateTime.now(until.getZone()), until);
            return left.isNegative() ? Duration.ZERO : left;
        } catch (DateTimeException e) {
            return Duration.ZERO;
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
                FormatErrors.printable(headers.firstValue("x-error-code").orElse("")),
                FormatErrors.printable(headers.firstValue("x-error-message").orElse(address.toString())));
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

    /**
     * Closes a body that has been silent for too long, or brings too little to ever end; the HTTP client's own time
     * limit ends with the headers.
     */
    private final class Guard implements AutoCloseable {
        private final AtomicLong last = new AtomicLong(System.nanoTime());
        private final AtomicLong received = new AtomicLong();
        private volatile boolean tooSlow;
        private final Semaphore done = new Semaphore(0);
        private volatile boolean gaveUp;

        Guard(InputStream body) {
            var thread = new Thread(() -> watch(body), "vitrail-download-guard");
            thread.setDaemon(true);
            thread.start();
        }

        private void watch(InputStream body) {
            try {
                long windowStart = System.nanoTime(), before = 0, window = 2 * patience.toNanos();
                while (!done.tryAcquire(Math.max(1, patience.toMillis() / 4), TimeUnit.MILLISECONDS)) {
                    long now = System.nanoTime();
                    if (now - windowStart >= window) {
                        tooSlow = received.get() - before < SLOWEST * (now - windowStart) / 1e9;
                        before = received.get();
                        windowStart = now;
                    }
                    if (tooSlow || now - last.get() > patience.toNanos()) {
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

        void progress(int bytes) {
            last.set(System.nanoTime());
            received.addAndGet(bytes);
        }

        boolean tooSlow() {
            return tooSlow;
        }

        Broken slow(URI address) {
            return new Broken("%s sends fewer than %d bytes a second".formatted(address, SLOWEST), Duration.ZERO, true);
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
