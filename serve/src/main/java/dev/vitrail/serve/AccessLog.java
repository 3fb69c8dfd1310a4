package dev.vitrail.serve;

import com.linecorp.armeria.common.logging.RequestLog;
import com.linecorp.armeria.server.ServiceRequestContext;
import com.linecorp.armeria.server.logging.AccessLogWriter;
import dev.vitrail.errors.VitrailException;
import io.netty.util.AttributeKey;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Counts every request, and writes a JSON object a line for it where that is wanted: on a thread of its own, so that a
 * slow disk delays no request. What the disk cannot keep up with is dropped, and told at the end. The lines hold no
 * query, header or content.
 */
final class AccessLog implements AccessLogWriter {
    /** The model that a request used, with its version. */
    static final AttributeKey<String> MODEL = AttributeKey.valueOf(AccessLog.class, "MODEL");

    private static final Logger LOG = LoggerFactory.getLogger(AccessLog.class);
    private static final int MOST_WAITING = 1 << 14;

    private final ServerMetrics metrics;
    private final Optional<OutputStream> out;
    private final ThreadPoolExecutor writer;
    private long dropped;

    AccessLog(ServerMetrics metrics, Optional<Path> file) {
        this.metrics = metrics;
        out = file.map(AccessLog::open);
        writer = new ThreadPoolExecutor(1, 1, 0, TimeUnit.SECONDS, new ArrayBlockingQueue<>(MOST_WAITING), work -> {
            var thread = new Thread(work, "vitrail-access-log");
            thread.setDaemon(true);
            return thread;
        });
        writer.setRejectedExecutionHandler((line, full) -> dropped());
    }

    private static OutputStream open(Path file) {
        try {
            return new BufferedOutputStream(
                    Files.newOutputStream(file, StandardOpenOption.CREATE, StandardOpenOption.APPEND));
        } catch (IOException e) {
            throw new VitrailException(
                    "the access log %s cannot be written (%s): name a file in a folder that may be".formatted(file, e),
                    e);
        }
    }

    @Override
    public void log(RequestLog log) {
        var context = (ServiceRequestContext) log.context();
        int status = log.responseStatus().code();
        var endpoint = context.config().route().patternString();
        metrics.answered(endpoint, status, log.totalDurationNanos());
        var failure = Optional.ofNullable(context.attr(Responses.FAILURE));
        failure.ifPresent(failed -> metrics.failed(failed.failure()));
        out.ifPresent(stream -> {
            var line = line(log, context, status, failure);
            writer.execute(() -> write(stream, line));
        });
    }

    private static Map<String, Object> line(
            RequestLog log, ServiceRequestContext context, int status, Optional<RequestException> failure) {
        var line = new LinkedHashMap<String, Object>();
        line.put("time", Instant.ofEpochMilli(log.requestStartTimeMillis()).toString());
        line.put("client", address(context));
        line.put("protocol", log.sessionProtocol().uriText());
        line.put("method", context.method().name());
        line.put("path", context.path());
        line.put("status", status);
        line.put("request_bytes", log.requestLength());
        line.put("response_bytes", log.responseLength());
        line.put("ms", Math.round(log.totalDurationNanos() / 1e3) / 1e3);
        line.put("id", context.id().text());
        Optional.ofNullable(context.attr(MODEL)).ifPresent(model -> line.put("model", model));
        failure.ifPresent(failed -> line.put("error", failed.getMessage()));
        return line;
    }

    private static String address(ServiceRequestContext context) {
        return context.remoteAddress().getAddress().getHostAddress();
    }

    private void write(OutputStream stream, Map<String, Object> line) {
        try {
            stream.write(Responses.bytes(line));
            stream.write('\n');
            if (writer.getQueue().isEmpty()) {
                stream.flush();
            }
        } catch (IOException e) {
            dropped();
        }
    }

    private synchronized void dropped() {
        dropped++;
    }

    @Override
    public CompletableFuture<Void> shutdown() {
        writer.shutdown();
        return CompletableFuture.runAsync(() -> {
            try {
                writer.awaitTermination(10, TimeUnit.SECONDS);
                if (out.isPresent()) {
                    out.get().close();
                }
            } catch (IOException e) {
                dropped();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            synchronized (this) {
                if (dropped > 0) {
                    LOG.warn("the access log lacks {} lines, which could not be written", dropped);
                }
            }
        });
    }
}
