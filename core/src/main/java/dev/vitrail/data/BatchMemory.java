package dev.vitrail.data;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The memory of one batch, used for many. Workers write to different places at once; {@link Batches} sees to it that
 * all have finished before anything is read.
 */
final class BatchMemory {
    private static final int EMPTY = -1;

    private final SampleTransform shape;
    private final int floats; // of one image
    private final ByteBuffer bytes;
    private final int[] labels;
    private final int[] indices;
    private final List<List<BrokenImage>> faults = new ArrayList<>();

    private int number;
    private int whole;
    private int[] shared = new int[0];
    private int places;
    private int pending;
    private int failedPlace;
    private @Nullable Throwable failure;

    BatchMemory(int batch, SampleTransform shape) {
        this.shape = shape;
        floats = shape.channels() * shape.height() * shape.width();
        bytes = ByteBuffer.allocateDirect(Math.multiplyExact(4 * floats, batch)).order(ByteOrder.nativeOrder());
        labels = new int[batch];
        indices = new int[batch];
        for (int i = 0; i < batch; i++) {
            faults.add(List.of());
        }
    }

    /** Begins a batch that no other process has a share of. */
    void begin(int batchNumber, int size) {
        begin(batchNumber, size, size, IntStream.range(0, size).toArray());
    }

    /**
     * Begins batch {@code number}, which has {@code size} places.
     *
     * @param all images of the batch in all processes
     * @param ownPlaces {@code [size]}, which of them these are
     */
    void begin(int batchNumber, int size, int all, int[] ownPlaces) {
        number = batchNumber;
        whole = all;
        shared = ownPlaces.clone();
        places = size;
        pending = size;
        failure = null;
        failedPlace = Integer.MAX_VALUE;
    }

    /** Position of an image in the batch. */
    FloatBuffer pixels(int place) {
        return bytes.slice(4 * floats * place, 4 * floats)
                .order(ByteOrder.nativeOrder())
                .asFloatBuffer();
    }

    void filled(int place, int index, int label, List<BrokenImage> found) {
        indices[place] = index;
        labels[place] = label;
        faults.set(place, found);
    }

    void leftOut(int place, List<BrokenImage> found) {
        filled(place, EMPTY, Dataset.NO_LABEL, found);
    }

    /** Notes that {@code count} places are done with. */
    void done(int count) {
        pending -= count;
    }

    /** Notes what went wrong at a place; of several, the first place's counts. */
    void fail(int place, Throwable cause) {
        if (place < failedPlace) {
            failedPlace = place;
            failure = cause;
        }
    }

    boolean complete() {
        return pending == 0;
    }

    @Nullable
    Throwable failure() {
        return failure;
    }

    /** The broken images that were met, in order. */
    List<BrokenImage> broken() {
        return faults.subList(0, places).stream().flatMap(List::stream).toList();
    }

    /** The batch, with empty places closed up. */
    Batch batch() {
        int[] kept = shared.clone();
        int size = 0;
        for (int place = 0; place < places; place++) {
            if (indices[place] != EMPTY) {
                if (place != size) {
                    bytes.put(4 * floats * size, bytes, 4 * floats * place, 4 * floats);
                    indices[size] = indices[place];
                    labels[size] = labels[place];
                    kept[size] = kept[place];
                }
                size++;
            }
        }
        ByteBuffer used = bytes.slice(0, 4 * floats * size).order(ByteOrder.nativeOrder());
        return new Batch(
                number,
                size,
                shape.channels(),
                shape.height(),
                shape.width(),
                used,
                Arrays.copyOf(labels, size),
                Arrays.copyOf(indices, size),
                whole,
                Arrays.copyOf(kept, size));
    }
}
