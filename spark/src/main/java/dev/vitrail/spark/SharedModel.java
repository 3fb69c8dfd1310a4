package dev.vitrail.spark;

import dev.vitrail.Vitrail;
import dev.vitrail.data.ImageStream;
import dev.vitrail.data.SampleTransform;
import dev.vitrail.data.Transforms;
import dev.vitrail.engine.NativeMemory;
import dev.vitrail.engine.Threads;
import dev.vitrail.images.decode.DecodeOptions;
import dev.vitrail.loading.LoadedModel;
import java.net.InetAddress;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.spark.SparkEnv;
import org.apache.spark.TaskContext;
import org.apache.spark.util.TaskCompletionListener;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A model that all tasks of a process share. It is loaded by the first task that needs it, and kept when no task has it
 * any more, so that the next one finds it; models that no task has are closed when another model is loaded.
 */
final class SharedModel {
    private static final Logger LOG = LoggerFactory.getLogger(SharedModel.class);

    private static final Map<String, FutureTask<SharedModel>> LOADED = new HashMap<>();
    /** Tasks that have a model now, by its key. */
    private static final Map<String, Integer> USERS = new HashMap<>();

    private static final AtomicInteger LOADS = new AtomicInteger();

    /** Nanoseconds between two trims, as the next batch has to take its memory from the system again. */
    private static final long PAUSE = TimeUnit.SECONDS.toNanos(10);

    private static final AtomicLong TRIMMED = new AtomicLong(System.nanoTime() - PAUSE - 1);

    private final Vitrail vitrail;
    private final SampleTransform transform;
    private final Map<Integer, ImageStream.Memory> memories = new ConcurrentHashMap<>();

    private SharedModel(LoadedModel loaded) {
        vitrail = Vitrail.sideBySide(loaded, DecodeOptions.DEFAULT);
        transform = Transforms.evaluation(loaded.preprocessing());
    }

    /**
     * The model for the task of this thread, which gives it back when it ends, and whose operations use as many threads
     * as it has cores. Outside of a task, as where Spark evaluates an expression on the driver, it is kept for good.
     *
     * @throws dev.vitrail.errors.VitrailException if it cannot be loaded
     */
    static SharedModel ofTask(ModelSource source) {
        var task = Optional.ofNullable(TaskContext.get());
        var model = take(source);
        task.ifPresent(context -> {
            context.addTaskCompletionListener((TaskCompletionListener) ended -> giveBack(source.key()));
            if (context.cpus() > Runtime.getRuntime().availableProcessors()) {
                LOG.warn(
                        "spark.task.cpus is {}, and this executor's JVM sees {} processors: a task computes"
                                + " with more threads than there are",
                        context.cpus(),
                        Runtime.getRuntime().availableProcessors());
            }
        });
        Threads.set(task.map(TaskContext::cpus).orElse(1));
        return model;
    }

    private static SharedModel take(ModelSource source) {
        FutureTask<SharedModel> loading;
        synchronized (LOADED) {
            var known = LOADED.get(source.key());
            if (known == null) {
                LOADED.entrySet().removeIf(each -> {
                    boolean idle = !USERS.containsKey(each.getKey());
                    if (idle) {
                        close(each.getValue());
                    }
                    return idle;
                });
                known = new FutureTask<>(() -> load(source));
                LOADED.put(source.key(), known);
            }
            loading = known;
            USERS.merge(source.key(), 1, Integer::sum);
        }
        loading.run(); // does nothing where it has been run
        try {
            return loading.get();
        } catch (InterruptedException e) {
            giveBack(source.key());
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while a model was loaded", e);
        } catch (ExecutionException e) {
            synchronized (LOADED) {
                LOADED.remove(source.key(), loading);
            }
            giveBack(source.key());
            throw e.getCause() instanceof RuntimeException cause ? cause : new IllegalStateException(e.getCause());
        }
    }

    private static SharedModel load(ModelSource source) throws Exception {
        long begin = System.nanoTime();
        var host = Optional.ofNullable(SparkEnv.get()).map(SparkEnv::executorId).orElse("driver") + " on "
                + InetAddress.getLocalHost().getHostName();
        var model = new SharedModel(source.load(host));
        LOADS.incrementAndGet();
        trim();
        LOG.info("loaded the model '{}' in {} ms", source.name(), (System.nanoTime() - begin) / 1_000_000);
        return model;
    }

    private static void giveBack(String key) {
        synchronized (LOADED) {
            USERS.computeIfPresent(key, (same, users) -> users == 1 ? null : users - 1);
        }
        trim();
    }

    /**
     * Gives back to the system what malloc keeps: of activations in the arenas of threads that are gone, and of the
     * JVM's compiler. It would count against the container.
     */
    private static void trim() {
        long now = System.nanoTime(), last = TRIMMED.get();
        if (now - last > PAUSE && TRIMMED.compareAndSet(last, now)) {
            NativeMemory.trim();
        }
    }

    private static void close(FutureTask<SharedModel> loaded) {
        try {
            loaded.get().vitrail.close();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (ExecutionException e) {
            LOG.debug("a model that could not be loaded needs no closing", e);
        }
    }

    /** Number of times that this process has loaded a model. */
    static int loads() {
        return LOADS.get();
    }

    Vitrail vitrail() {
        return vitrail;
    }

    SampleTransform transform() {
        return transform;
    }

    /** Memory of batches of a size, for all tasks. */
    ImageStream.Memory memory(int batch) {
        return memories.computeIfAbsent(batch, size -> new ImageStream.Memory(transform, size));
    }
}
