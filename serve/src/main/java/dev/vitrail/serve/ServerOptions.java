package dev.vitrail.serve;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.images.decode.DecodeOptions;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/**
 * Options of a server.
 *
 * @param host address or name of the interface to listen on
 * @param port 0 for one that is free
 * @param drain most time between the signal to end and the end, in which requests under way are answered
 * @param accessLog gets a JSON object a line for each request
 */
public record ServerOptions(
        String host,
        int port,
        Batching batching,
        Limits limits,
        Security security,
        Duration drain,
        Optional<Path> accessLog) {
    /** Defaults: this machine only, port 8000, and the default limits. */
    public static final ServerOptions DEFAULT = new ServerOptions(
            "127.0.0.1",
            8000,
            Batching.DEFAULT,
            Limits.DEFAULT,
            Security.NONE,
            Duration.ofSeconds(30),
            Optional.empty());

    public ServerOptions {
        VitrailException.require(
                port >= 0 && port <= 65_535, "the port must be 0 (any that is free) to 65535, found %d", port);
        Times.requirePositive(drain, "the time to drain");
    }

    /** These options with another port. */
    public ServerOptions withPort(int other) {
        return new ServerOptions(host, other, batching, limits, security, drain, accessLog);
    }

    /** These options with other batching. */
    public ServerOptions withBatching(Batching other) {
        return new ServerOptions(host, port, other, limits, security, drain, accessLog);
    }

    /** These options with other limits. */
    public ServerOptions withLimits(Limits other) {
        return new ServerOptions(host, port, batching, other, security, drain, accessLog);
    }

    /** These options with other security. */
    public ServerOptions withSecurity(Security other) {
        return new ServerOptions(host, port, batching, limits, other, drain, accessLog);
    }

    /** These options with an access log. */
    public ServerOptions withAccessLog(Path file) {
        return new ServerOptions(host, port, batching, limits, security, drain, Optional.of(file));
    }

    /**
     * Dynamic batching: the limits within which requests become batches.
     *
     * @param latencyBudget most time that a batch may wait and run
     * @param maxBatch most images of a batch
     * @param queue most images of a model that are decoded, wait or run at once; more are refused
     */
    public record Batching(Duration latencyBudget, int maxBatch, int queue) {
        public static final Batching DEFAULT = new Batching(Duration.ofMillis(250), 32, 128);

        public Batching {
            Times.requirePositive(latencyBudget, "the latency budget");
            VitrailException.require(
                    maxBatch >= 1 && maxBatch <= 1024, "the batch size must be 1 to 1024, found %d", maxBatch);
            VitrailException.require(
                    queue >= 1 && queue <= 1 << 20, "the queue must hold 1 to 1048576 images, found %d", queue);
        }
    }

    /**
     * Limits of requests and connections.
     *
     * @param maxBody bytes of a request's body
     * @param maxPixels pixels of an encoded image, width times height
     * @param maxHeader bytes of a request's headers
     * @param idle time after which a connection without a request is closed, and most time for the headers of a request
     * @param timeout time for a request from its headers to its response, if it names no deadline
     * @param connections most connections at once
     */
    public record Limits(
            long maxBody, long maxPixels, int maxHeader, Duration idle, Duration timeout, int connections) {
        public static final Limits DEFAULT =
                new Limits(32L << 20, 50_000_000, 16 << 10, Duration.ofSeconds(60), Duration.ofSeconds(30), 1024);

        public Limits {
            VitrailException.require(
                    maxBody >= 1024 && maxBody <= Integer.MAX_VALUE,
                    "the limit of a body must be 1024 to %d bytes, found %d",
                    Integer.MAX_VALUE,
                    maxBody);
            VitrailException.require(maxPixels >= 1, "the limit of pixels must be at least 1, found %d", maxPixels);
            VitrailException.require(
                    maxHeader >= 1024 && maxHeader <= 1 << 20,
                    "the limit of headers must be 1024 to 1048576 bytes, found %d",
                    maxHeader);
            VitrailException.require(
                    connections >= 1, "the limit of connections must be at least 1, found %d", connections);
            Times.requirePositive(idle, "the idle time");
            Times.requirePositive(timeout, "the timeout");
        }

        DecodeOptions decoding(boolean exif) {
            return DecodeOptions.DEFAULT
                    .withMaxPixels(maxPixels)
                    .withTimeLimit(Duration.ofSeconds(10))
                    .withExifOrientation(exif);
        }
    }

    /**
     * Security: encryption, and the tokens that requests must carry.
     *
     * @param tls certificate and key; plain text without them
     * @param token bearer token that every request but those for health must carry
     * @param controlSecret bearer token of requests that load and unload models; they are off without it
     */
    public record Security(Optional<TlsFiles> tls, Optional<String> token, Optional<String> controlSecret) {
        public static final Security NONE = new Security(Optional.empty(), Optional.empty(), Optional.empty());

        public Security {
            token.ifPresent(text -> requireToken(text, "bearer token"));
            controlSecret.ifPresent(text -> requireToken(text, "secret of --model-control"));
        }

        private static void requireToken(String text, String name) {
            VitrailException.require(
                    text.matches("[\\x21-\\x7e]{8,}"),
                    "the %s must be 8 or more printable ASCII characters without spaces, found %d characters",
                    name,
                    text.length());
        }
    }

    /**
     * PEM files.
     *
     * @param certificates the server's certificate, and those up to its issuer
     * @param key its private key, PKCS#8 without a password
     */
    public record TlsFiles(Path certificates, Path key) {}

    /** Checks of times, in a class of their own: the defaults of the records above are made while this one's are. */
    private static final class Times {
        static void requirePositive(Duration time, String name) {
            VitrailException.require(
                    time.compareTo(Duration.ZERO) > 0 && time.compareTo(Duration.ofDays(1)) <= 0,
                    "%s must be more than nothing and at most a day, found %s",
                    name,
                    time);
        }
    }
}
