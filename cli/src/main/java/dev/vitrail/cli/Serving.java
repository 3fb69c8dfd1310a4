package dev.vitrail.cli;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.files.IoReason;
import dev.vitrail.files.ProcessEnd;
import dev.vitrail.loading.LoadedModel;
import dev.vitrail.serve.ServerOptions;
import dev.vitrail.serve.VitrailServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;

/** Runs the server of {@link ServeCommand} until the process is told to end. */
final class Serving {
    private Serving() {}

    static int run(ServeCommand command) {
        var options = options(command);
        var server = VitrailServer.start(options, command.sources(), source -> load(command, source), command.exif);
        var ended = new CountDownLatch(1);
        Runnable ending = () -> {
            System.err.println("vitrail: draining …");
            server.close();
            ended.countDown();
        };
        ProcessEnd.await(ending);
        try {
            System.err.printf(
                    "vitrail: loading %s …%n",
                    String.join(", ", command.sources().keySet()));
            server.loadModels();
        } catch (VitrailException e) {
            ProcessEnd.over(ending);
            server.close();
            throw e;
        }
        System.err.printf(
                "vitrail: ready on %s://%s:%d%n",
                options.security().tls().isPresent() ? "https" : "http",
                options.host().contains(":") ? "[" + options.host() + "]" : options.host(),
                server.port());
        await(ended);
        return 0;
    }

    private static void await(CountDownLatch ended) {
        try {
            ended.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static LoadedModel load(ServeCommand command, String source) {
        var loaded = LoadedModel.load(source, command.input.loading());
        if (!loaded.pretrained()) {
            loaded.close();
            throw VitrailException.of(
                    "'%s' is an architecture without trained weights: name a folder, or published weights", source);
        }
        return loaded;
    }

    private static ServerOptions options(ServeCommand command) {
        VitrailException.require(
                command.tlsCertificate.isPresent() == command.tlsKey.isPresent(),
                "TLS needs both --tls-cert and --tls-key, found one of them");
        return new ServerOptions(
                command.host,
                command.port,
                new ServerOptions.Batching(Duration.ofMillis(command.latencyBudget), command.maxBatch, command.queue),
                new ServerOptions.Limits(
                        command.maxBody,
                        command.maxPixels,
                        command.maxHeader,
                        Duration.ofSeconds(command.idleTimeout),
                        Duration.ofSeconds(command.timeout),
                        command.maxConnections),
                new ServerOptions.Security(
                        command.tlsCertificate.map(
                                certificates -> new ServerOptions.TlsFiles(certificates, command.tlsKey.orElseThrow())),
                        command.tokenFile.map(Serving::secret),
                        command.modelControl.map(Serving::secret)),
                Duration.ofSeconds(command.drain),
                command.accessLog);
    }

    private static String secret(Path file) {
        try {
            return Files.readString(file).strip();
        } catch (IOException e) {
            throw new VitrailException(
                    "%s could not be read (%s): expected a file with a secret of 8 characters or more"
                            .formatted(file, IoReason.of(e)),
                    e);
        }
    }
}
