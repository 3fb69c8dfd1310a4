package dev.vitrail.serve.batching;

import dev.vitrail.Vitrail;
import dev.vitrail.data.Batch;
import dev.vitrail.data.Dataset;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.images.RgbImage;
import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.time.Duration;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import java.util.stream.IntStream;

/** A model whose images run in batches with those of other requests. */
public final class BatchedModel implements AutoCloseable {
    /** Outputs that a model is run for. */
    public enum Output {
        /** Class scores. */
        LOGITS,
        /** The vectors before the classifier. */
        EMBEDDINGS
    }

    private final Vitrail vitrail;
    private final BatchScheduler scheduler;
    private final Map<Output, Lane> lanes = new EnumMap<>(Output.class);
    private final long budget;

    /**
     * @param name what measurements call the model
     * @param mostImages largest size of a batch
     * @param budget most time that a batch may wait and run
     */
    public BatchedModel(String name, Vitrail vitrail, BatchScheduler scheduler, int mostImages, Duration budget) {
        this.vitrail = vitrail;
        this.scheduler = scheduler;
        this.budget = budget.toNanos();
        int values = vitrail.loaded().preprocessing().values();
        for (var output : Output.values()) {
            boolean classified = output == Output.LOGITS;
            if (!classified || vitrail.loaded().model().config().classes() > 0) {
                var lane = new Lane(
                        name,
                        values,
                        mostImages,
                        this.budget,
                        (images, count) -> vitrail.run(batch(images, count), classified));
                lanes.put(output, lane);
                scheduler.add(lane);
            }
        }
    }

    private Batch batch(ByteBuffer images, int count) {
        var input = vitrail.loaded().preprocessing();
        var labels = new int[count];
        Arrays.fill(labels, Dataset.NO_LABEL);
        return new Batch(0, count, input.channels(), input.height(), input.width(), images, labels, new int[count]);
    }

    /** The model itself. */
    public Vitrail vitrail() {
        return vitrail;
    }

    /** Returns whether the model can be run for an output. */
    public boolean has(Output output) {
        return lanes.containsKey(output);
    }

    /**
     * Refuses what the model cannot be run for.
     *
     * @throws VitrailException if it has no classifier, and class scores are asked for
     */
    public void require(Output output) {
        lane(output);
    }

    private Lane lane(Output output) {
        var lane = lanes.get(output);
        if (lane == null) {
            throw VitrailException.of(
                    "the model '%s' has no classifier, so it has no class scores: ask for embeddings",
                    vitrail.loaded().name());
        }
        return lane;
    }

    /**
     * Runs batches of 1, 2, 4 … images, each twice, until one takes longer than the latency budget, and so measures
     * their costs. Batches of other models run in between.
     */
    public void warmUp() {
        for (var lane : lanes.values()) {
            var image = FloatBuffer.allocate(lane.values);
            for (int size = 1; size <= lane.costs.most(); size *= 2) {
                long fastest = Math.min(warmUp(lane, image, size), warmUp(lane, image, size));
                scheduler.measured(lane, size, fastest);
                if (fastest > budget) {
                    break;
                }
            }
        }
    }

    private long warmUp(Lane lane, FloatBuffer image, int size) {
        var jobs = IntStream.range(0, size)
                .mapToObj(i -> new BatchJob(image, Long.MAX_VALUE, () -> false, new Timing()))
                .toList();
        return scheduler
                .between(() -> {
                    long begin = System.nanoTime();
                    lane.run(jobs);
                    return System.nanoTime() - begin;
                })
                .join();
    }

    /** Expected time of an image of a batch of the best size, nanoseconds; of the dearer output. */
    public double nanosPerImage() {
        return lanes.values().stream()
                .mapToDouble(scheduler::nanosPerImage)
                .max()
                .orElseThrow();
    }

    /** Notes that images are being decoded for an output: positive as they begin, negative as they end. */
    public void expect(Output output, int images) {
        scheduler.expect(lane(output), images);
    }

    /**
     * Runs one image with others.
     *
     * @param image normalized values {@code [C, H, W]}
     * @return class scores, or the vector before the classifier
     */
    public CompletableFuture<float[]> run(
            Output output, FloatBuffer image, long deadline, BooleanSupplier cancelled, Timing timing) {
        var job = new BatchJob(image, deadline, cancelled, timing);
        scheduler.submit(lane(output), job);
        return job.result();
    }

    /**
     * Runs work with the model alone, between batches.
     *
     * @param deadline by {@link System#nanoTime}, after which the work does not begin
     * @param work gets the model, and returns nothing that lies in its memory
     */
    public <T> CompletableFuture<T> alone(
            Function<Vitrail, T> work, long deadline, BooleanSupplier cancelled, Timing timing) {
        long created = System.nanoTime();
        return scheduler.between(lane(Output.LOGITS), () -> {
            long begin = System.nanoTime();
            if (cancelled.getAsBoolean()) {
                throw new CancellationException("the request was given up");
            }
            if (begin > deadline) {
                throw new DeadlineExceededException(
                        "the deadline passed before the model was free: expected a longer one, or fewer requests"
                                + " at once");
            }
            timing.queued(begin - created);
            var result = work.apply(vitrail);
            timing.inferred(System.nanoTime() - begin);
            return result;
        });
    }

    /** Resizes, crops and normalizes an image. */
    public FloatBuffer prepare(RgbImage image) {
        var input = vitrail.loaded().preprocessing();
        var values = new float[input.values()];
        input.toFloats(image, values, 0);
        return FloatBuffer.wrap(values);
    }

    /** Gives up what waits, and frees the model after the batch that runs. */
    @Override
    public void close() {
        lanes.values().forEach(scheduler::remove);
        vitrail.close();
    }
}
