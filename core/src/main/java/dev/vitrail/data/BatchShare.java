package dev.vitrail.data;

import static dev.vitrail.errors.VitrailException.require;

import java.util.stream.IntStream;

/**
 * Share of every batch that is a process's own, where several processes share the batches of an epoch. The shares of
 * all are each image once, and differ by one image at most (in pairs by two, besides).
 *
 * @param rank number of the process, from 0
 * @param processes how many share
 * @param pairs whether image i and image B − 1 − i of a batch of B stay together, as mixing needs it; else a share is a
 *     run of images
 */
public record BatchShare(int rank, int processes, boolean pairs) {
    /** All images. */
    public static final BatchShare WHOLE = new BatchShare(0, 1, false);

    public BatchShare {
        require(
                rank >= 0 && rank < processes,
                "a share belongs to one of the processes 0 to %d, found %d",
                processes - 1,
                rank);
    }

    /** Places in a batch of {@code size} images, ascending. */
    public int[] places(int size) {
        if (!pairs) {
            return IntStream.range(begin(size), end(size)).toArray();
        }
        int half = size / 2;
        var first = IntStream.range(begin(half), end(half));
        // To whom the next pair would go.
        var middle = size % 2 == 1 && rank == half % processes ? IntStream.of(half) : IntStream.empty();
        var last = IntStream.range(size - end(half), size - begin(half));
        return IntStream.concat(IntStream.concat(first, middle), last).toArray();
    }

    /** The first processes have one more where they cannot have as many, so that nobody has more of a smaller batch. */
    private int begin(int size) {
        return rank * (size / processes) + Math.min(rank, size % processes);
    }

    private int end(int size) {
        return begin(size) + size / processes + (rank < size % processes ? 1 : 0);
    }

    /**
     * Positions of an epoch that are this process's, in the order in which it takes them.
     *
     * @param count positions of the epoch
     * @param batch positions of a batch; the last may have fewer
     */
    int[] positions(int count, int batch) {
        return IntStream.iterate(0, first -> first < count, first -> first + batch)
                .flatMap(first ->
                        IntStream.of(places(Math.min(batch, count - first))).map(place -> first + place))
                .toArray();
    }
}
