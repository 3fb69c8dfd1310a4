package dev.vitrail.serve;

import dev.vitrail.engine.NativeMemory;
import dev.vitrail.serve.batching.BatchListener;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.DistributionSummary;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import io.micrometer.core.instrument.binder.jvm.JvmGcMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmMemoryMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmThreadMetrics;
import io.micrometer.core.instrument.binder.system.ProcessorMetrics;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.time.Duration;
import java.util.Locale;
import java.util.function.Supplier;

/** Metrics for Prometheus. */
final class ServerMetrics implements BatchListener, AutoCloseable {
    private final PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    private final JvmGcMetrics collections = new JvmGcMetrics();
    private final Timer decode;

    ServerMetrics() {
        decode = timer("vitrail.decode", "Decoding and preparing one image").register(registry);
        Gauge.builder("process.resident.memory.bytes", () -> NativeMemory.residentBytes()
                        .orElse(0))
                .description("Physical memory of the process, libtorch's included")
                .register(registry);
        new JvmMemoryMetrics().bindTo(registry);
        new JvmThreadMetrics().bindTo(registry);
        new ProcessorMetrics().bindTo(registry);
        collections.bindTo(registry);
    }

    private static Timer.Builder timer(String name, String description) {
        return Timer.builder(name)
                .description(description)
                .serviceLevelObjectives(
                        Duration.ofMillis(1),
                        Duration.ofMillis(2),
                        Duration.ofMillis(5),
                        Duration.ofMillis(10),
                        Duration.ofMillis(20),
                        Duration.ofMillis(50),
                        Duration.ofMillis(100),
                        Duration.ofMillis(200),
                        Duration.ofMillis(500),
                        Duration.ofSeconds(1),
                        Duration.ofSeconds(2),
                        Duration.ofSeconds(5),
                        Duration.ofSeconds(10));
    }

    /** Counts the images of a model's queue whenever it is asked. */
    void queue(String model, Supplier<Number> images) {
        Gauge.builder("vitrail.queue.images", images)
                .description("Images that are decoded, wait or run")
                .tag("model", model)
                .register(registry);
    }

    void decoded(long nanos) {
        decode.record(Duration.ofNanos(nanos));
    }

    @Override
    public void ran(String lane, int size, long nanos) {
        timer("vitrail.infer", "One batch of the model")
                .tag("model", lane)
                .register(registry)
                .record(Duration.ofNanos(nanos));
        DistributionSummary.builder("vitrail.batch.images")
                .description("Images of a batch")
                .tag("model", lane)
                .serviceLevelObjectives(1, 2, 4, 8, 16, 32, 64, 128)
                .register(registry)
                .record(size);
    }

    /**
     * A request was answered.
     *
     * @param endpoint the route, not the path, of which there are endlessly many
     */
    void answered(String endpoint, int status, long nanos) {
        timer("vitrail.requests", "Requests by endpoint and status")
                .tag("endpoint", endpoint)
                .tag("status", Integer.toString(status))
                .register(registry)
                .record(Duration.ofNanos(nanos));
    }

    void failed(Failure failure) {
        Counter.builder("vitrail.failures")
                .description("Requests without a result, by reason")
                .tag("reason", failure.name().toLowerCase(Locale.ROOT))
                .register(registry)
                .increment();
    }

    /** Time that the images of a request waited for the model's thread. */
    void waited(String model, long nanos) {
        timer("vitrail.queue", "Waiting for the model's thread")
                .tag("model", model)
                .register(registry)
                .record(Duration.ofNanos(nanos));
    }

    /** Registry of meters, to which the server's library adds its own. */
    MeterRegistry registry() {
        return registry;
    }

    /** All meters in Prometheus' text format. */
    String scrape() {
        return registry.scrape();
    }

    @Override
    public void close() {
        collections.close();
        registry.close();
    }
}
