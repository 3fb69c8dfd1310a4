package dev.vitrail.cli;

import dev.vitrail.errors.VitrailException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/**
 * Serves models. Nothing of the server's library is named here but inside of {@link #call}: other commands do without
 * it, and picocli looks at the members of every command.
 */
@Command(
        name = "serve",
        description = {"Serves models over HTTP and gRPC on one port, with a page to try them."},
        footer = {
            "",
            "Examples:",
            "  vitrail serve --model runs/shapes",
            "  vitrail serve --model tiny=models/tiny,base=models/base --port 8080",
            "  curl --data-binary @cat.jpg -H 'Content-Type: image/jpeg' \\",
            "      http://127.0.0.1:8000/v1/classify"
        })
final class ServeCommand implements Callable<Integer> {
    @Option(
            names = "--model",
            required = true,
            split = ",",
            paramLabel = "[NAME=]M",
            description = "Models: folders or published names, each with the name that requests use (default: its last"
                    + " part).")
    private List<String> models = new ArrayList<>();

    @Mixin
    InputOptions input = new InputOptions();

    @Option(
            names = "--host",
            defaultValue = "127.0.0.1",
            description = "Address to listen on; 0.0.0.0 for all (default ${DEFAULT-VALUE}).")
    String host = "";

    @Option(
            names = "--port",
            defaultValue = "8000",
            description = "Port of HTTP and gRPC; 0 for any that is free (default ${DEFAULT-VALUE}).")
    int port;

    @Option(
            names = "--latency-budget",
            paramLabel = "MS",
            defaultValue = "250",
            description = "Most milliseconds that a batch may wait and run (default ${DEFAULT-VALUE}).")
    int latencyBudget;

    @Option(
            names = "--max-batch",
            paramLabel = "N",
            defaultValue = "32",
            description = "Largest batch size (default ${DEFAULT-VALUE}).")
    int maxBatch;

    @Option(
            names = "--queue",
            paramLabel = "N",
            defaultValue = "128",
            description = "Most images of a model in progress; more are refused with 429 (default ${DEFAULT-VALUE}).")
    int queue;

    @Option(
            names = "--timeout",
            paramLabel = "S",
            defaultValue = "30",
            description = "Seconds for a request that names no deadline (default ${DEFAULT-VALUE}).")
    int timeout;

    @Option(
            names = "--idle-timeout",
            paramLabel = "S",
            defaultValue = "60",
            description = "Seconds after which an idle connection is closed (default ${DEFAULT-VALUE}).")
    int idleTimeout;

    @Option(
            names = "--drain",
            paramLabel = "S",
            defaultValue = "30",
            description = "Seconds for requests in progress after SIGTERM (default ${DEFAULT-VALUE}).")
    int drain;

    @Option(
            names = "--max-body",
            paramLabel = "BYTES",
            defaultValue = "33554432",
            description = "Largest request body (default ${DEFAULT-VALUE}).")
    long maxBody;

    @Option(
            names = "--max-header",
            paramLabel = "BYTES",
            defaultValue = "16384",
            description = "Largest request headers (default ${DEFAULT-VALUE}).")
    int maxHeader;

    @Option(
            names = "--max-pixels",
            paramLabel = "N",
            defaultValue = "50000000",
            description = "Largest number of pixels of an image (default ${DEFAULT-VALUE}).")
    long maxPixels;

    @Option(
            names = "--max-connections",
            paramLabel = "N",
            defaultValue = "1024",
            description = "Most connections at once (default ${DEFAULT-VALUE}).")
    int maxConnections;

    @Option(names = "--exif", negatable = true, description = "Apply the EXIF orientation (default: no, as Pillow).")
    boolean exif;

    @Option(names = "--tls-cert", paramLabel = "FILE", description = "PEM certificate chain; needs --tls-key.")
    Optional<Path> tlsCertificate = Optional.empty();

    @Option(names = "--tls-key", paramLabel = "FILE", description = "PEM private key (PKCS#8, no password).")
    Optional<Path> tlsKey = Optional.empty();

    @Option(
            names = "--token-file",
            paramLabel = "FILE",
            description = "File with the bearer token that requests must carry (default: none needed).")
    Optional<Path> tokenFile = Optional.empty();

    @Option(
            names = "--model-control",
            paramLabel = "FILE",
            description = "Let requests load and unload models that carry the secret in this file as bearer token.")
    Optional<Path> modelControl = Optional.empty();

    @Option(
            names = "--access-log",
            paramLabel = "FILE",
            description = "Append a JSON object per request to this file (/dev/stdout for the terminal).")
    Optional<Path> accessLog = Optional.empty();

    @Override
    public Integer call() {
        try {
            return Serving.run(this);
        } catch (NoClassDefFoundError e) {
            if (!String.valueOf(e.getMessage()).startsWith("dev/vitrail/serve/")) {
                throw e;
            }
            throw new VitrailException(
                    "the server's libraries are not on the class path: start it with ./vitrail serve, or with"
                            + " java -cp 'vitrail.jar:lib/serve/*' dev.vitrail.cli.Main serve",
                    e);
        }
    }

    /** Models by name, in the order of the command line. */
    Map<String, String> sources() {
        var sources = new LinkedHashMap<String, String>();
        for (var model : models) {
            int equals = model.indexOf('=');
            var source = model.substring(equals + 1);
            var name = equals < 0 ? lastPart(source) : model.substring(0, equals);
            VitrailException.require(
                    name.matches("[A-Za-z0-9][A-Za-z0-9._-]{0,127}"),
                    "'%s' cannot name a model in a path: expected letters, digits, '.', '_' and '-', as in --model"
                            + " tiny=%s",
                    name,
                    source);
            VitrailException.require(
                    sources.put(name, source) == null,
                    "two models are named '%s': give each a name of its own, as in --model first=%s",
                    name,
                    source);
        }
        return sources;
    }

    private static String lastPart(String source) {
        var parts = source.replaceFirst("[/\\\\]+$", "").split("[/\\\\:]");
        return parts[parts.length - 1];
    }
}
