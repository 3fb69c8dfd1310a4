package dev.vitrail.spark;

import dev.vitrail.Vitrail;
import dev.vitrail.data.Batch;
import dev.vitrail.data.ImageStream;
import dev.vitrail.data.Transforms;
import dev.vitrail.engine.NativeMemory;
import dev.vitrail.engine.Threads;
import dev.vitrail.images.RgbImage;
import dev.vitrail.images.decode.DecodeOptions;
import dev.vitrail.loading.LoadedModel;
import java.util.Collections;
import java.util.Optional;

/**
 * The memory outside the heap that a model needs in an executor, bytes.
 *
 * @param libraries of the native libraries
 * @param weights of the model, once for all tasks
 * @param task of each task that runs at once: activations, and batches under way
 * @param batch images of a batch
 */
record MemoryNeed(long libraries, long weights, long task, int batch) {
    /**
     * Measures it by running a batch in this process. The model is for prediction alone afterwards.
     *
     * @param threads that a task computes with
     * @return empty where the system does not say how much memory a process has
     */
    static Optional<MemoryNeed> measure(LoadedModel loaded, int batch, int threads) {
        var libraries = NativeMemory.libraryBytes();
        if (libraries.isEmpty() || NativeMemory.residentBytes().isEmpty()) {
            return Optional.empty();
        }
        long weights = loaded.model().parameters().values().stream()
                .mapToLong(parameter ->
                        parameter.value().count() * parameter.value().dtype().bytes())
                .sum();
        // Not closed: that would close the model, which is the caller's.
        var vitrail = Vitrail.sideBySide(loaded, DecodeOptions.DEFAULT);
        var input = loaded.preprocessing();
        var transform = Transforms.evaluation(input);
        var blank = new RgbImage(input.width(), input.height(), new byte[3 * input.width() * input.height()]);
        boolean classified = loaded.model().config().classes() > 0;
        int before = Threads.count();
        try {
            Threads.set(threads);
            // What is laid out once is no part of a batch's need.
            vitrail.run(Batch.of(transform, Collections.nCopies(1, blank)), classified);
            var images = Batch.of(transform, Collections.nCopies(batch, blank));
            NativeMemory.trim();
            long least = NativeMemory.residentBytes().orElseThrow();
            // malloc keeps what the batch needed at most.
            vitrail.run(images, classified);
            long most = NativeMemory.residentBytes().orElseThrow();
            long stream = new ImageStream.Memory(transform, batch).bytesOfStream();
            return Optional.of(
                    new MemoryNeed(libraries.getAsLong(), weights, Math.max(0, most - least) + stream, batch));
        } finally {
            Threads.set(before);
        }
    }

    /** Bytes of an executor that runs so many tasks at once. */
    long total(int tasks) {
        return libraries + weights + tasks * task;
    }
}
