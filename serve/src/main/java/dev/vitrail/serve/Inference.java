package dev.vitrail.serve;

import com.linecorp.armeria.server.ServiceRequestContext;
import dev.vitrail.Vitrail;
import dev.vitrail.images.RgbImage;
import dev.vitrail.images.decode.DecodeOptions;
import dev.vitrail.images.decode.ImageDecoder;
import dev.vitrail.serve.batching.BatchedModel.Output;
import dev.vitrail.serve.batching.DeadlineExceededException;
import dev.vitrail.serve.batching.Timing;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.BiFunction;
import java.util.function.BooleanSupplier;

/**
 * Inference for a request, from its images to the model's rows: admission, decoding on threads of its own, batching,
 * and the deadline.
 */
final class Inference implements AutoCloseable {
    /** An image of a request. */
    sealed interface Input {
        /**
         * A file's bytes.
         *
         * @param name what errors call it
         */
        @SuppressWarnings("ArrayRecordComponent") // nobody compares files, and copying them costs
        record Encoded(byte[] bytes, String name) implements Input {}

        /** An image that needs no decoding. */
        record Decoded(RgbImage image) implements Input {}

        /** Normalized values {@code [C, H, W]}. */
        record Values(FloatBuffer values) implements Input {}
    }

    /**
     * Bounds of a request: its deadline, and whether it was cancelled; and the times of its stages.
     *
     * @param deadline by {@link System#nanoTime}
     */
    record Scope(long deadline, BooleanSupplier cancelled, Timing timing) {
        /** Nanoseconds until the deadline. */
        long left() {
            return deadline - System.nanoTime();
        }

        /** Scope of a request's own time limit, which is the client's where it named one. */
        static Scope of(ServiceRequestContext context) {
            long millis = context.requestTimeoutMillis();
            long elapsed = System.nanoTime() - context.log().partial().requestStartTimeNanos();
            long left = TimeUnit.MILLISECONDS.toNanos(millis == 0 ? TimeUnit.DAYS.toMillis(1) : millis) - elapsed;
            return new Scope(System.nanoTime() + left, context::isCancelled, new Timing());
        }
    }

    /** Rows of each output that was asked for, one an image. */
    record Rows(Map<Output, List<float[]>> rows) {
        List<float[]> of(Output output) {
            return Objects.requireNonNull(rows.get(output), "an output that was not asked for");
        }

        /** Images. */
        int count() {
            return rows.values().iterator().next().size();
        }
    }

    private final DecodeOptions decoding;
    private final ServerMetrics metrics;
    private final ExecutorService decoders;

    Inference(DecodeOptions decoding, ServerMetrics metrics) {
        this.decoding = decoding;
        this.metrics = metrics;
        decoders = Executors.newFixedThreadPool(Runtime.getRuntime().availableProcessors(), work -> {
            var thread = new Thread(work, "vitrail-decode");
            thread.setDaemon(true);
            return thread;
        });
    }

    /**
     * Runs a request's images; the caller holds the model until the result is there.
     *
     * @throws RequestException if the queue is full
     */
    CompletableFuture<Rows> run(ServedModel served, Set<Output> outputs, List<Input> inputs, Scope scope) {
        outputs.forEach(served.model()::require);
        served.admit(inputs.size(), scope.left());
        var images =
                inputs.stream().map(input -> run(served, outputs, input, scope)).toList();
        return CompletableFuture.allOf(images.toArray(CompletableFuture[]::new)).thenApply(done -> {
            var rows = new EnumMap<Output, List<float[]>>(Output.class);
            for (var output : outputs) {
                var all = new ArrayList<float[]>();
                images.forEach(
                        image -> all.add(Objects.requireNonNull(image.join().get(output))));
                rows.put(output, all);
            }
            return new Rows(rows);
        });
    }

    /** One image, which leaves the queue at the end. */
    private CompletableFuture<Map<Output, float[]>> run(
            ServedModel served, Set<Output> outputs, Input input, Scope scope) {
        CompletableFuture<Map<Output, float[]>> rows;
        if (input instanceof Input.Values values) {
            rows = submit(served, outputs, values.values(), scope);
        } else {
            outputs.forEach(output -> served.model().expect(output, 1));
            rows = CompletableFuture.supplyAsync(
                            () -> {
                                try {
                                    return submit(served, outputs, prepare(served, input, scope), scope);
                                } finally {
                                    outputs.forEach(output -> served.model().expect(output, -1));
                                }
                            },
                            decoders)
                    .thenCompose(submitted -> submitted);
        }
        return rows.whenComplete((done, failed) -> served.leave());
    }

    /**
     * Decodes one image, and runs work on it with the model alone; the caller holds the model until the result is
     * there.
     *
     * @throws RequestException if the queue is full
     */
    <T> CompletableFuture<T> alone(
            ServedModel served, Input input, Scope scope, BiFunction<Vitrail, RgbImage, T> work) {
        served.model().require(Output.LOGITS);
        served.admit(1, scope.left());
        return CompletableFuture.supplyAsync(
                        () -> {
                            requireTime(scope);
                            long start = System.nanoTime();
                            var image = decoded(input);
                            long nanos = System.nanoTime() - start;
                            scope.timing().decoded(nanos);
                            metrics.decoded(nanos);
                            return image;
                        },
                        decoders)
                .thenCompose(image -> served.model()
                        .alone(
                                vitrail -> work.apply(vitrail, image),
                                scope.deadline(),
                                scope.cancelled(),
                                scope.timing()))
                .whenComplete((done, failed) -> served.leave());
    }

    private static void requireTime(Scope scope) {
        if (scope.cancelled().getAsBoolean()) {
            throw new CancellationException("the request was given up");
        }
        if (System.nanoTime() > scope.deadline()) {
            throw new DeadlineExceededException(
                    "the deadline passed before the image was decoded: expected a longer one, or fewer requests"
                            + " at once");
        }
    }

    private FloatBuffer prepare(ServedModel served, Input input, Scope scope) {
        requireTime(scope);
        long begin = System.nanoTime();
        var values = served.model().prepare(decoded(input));
        long nanos = System.nanoTime() - begin;
        scope.timing().decoded(nanos);
        metrics.decoded(nanos);
        return values;
    }

    private RgbImage decoded(Input input) {
        if (input instanceof Input.Decoded decoded) {
            return decoded.image();
        }
        var encoded = (Input.Encoded) input;
        return ImageDecoder.decode(encoded.bytes(), encoded.name(), decoding);
    }

    private static CompletableFuture<Map<Output, float[]>> submit(
            ServedModel served, Set<Output> outputs, FloatBuffer values, Scope scope) {
        var rows = new EnumMap<Output, CompletableFuture<float[]>>(Output.class);
        for (var output : outputs) {
            rows.put(output, served.model().run(output, values, scope.deadline(), scope.cancelled(), scope.timing()));
        }
        return CompletableFuture.allOf(rows.values().toArray(CompletableFuture[]::new))
                .thenApply(done -> {
                    var joined = new EnumMap<Output, float[]>(Output.class);
                    rows.forEach((output, row) -> joined.put(output, row.join()));
                    return joined;
                });
    }

    @Override
    public void close() {
        decoders.shutdown();
    }
}
