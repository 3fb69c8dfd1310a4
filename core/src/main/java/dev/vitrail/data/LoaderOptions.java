package dev.vitrail.data;

import static dev.vitrail.errors.VitrailException.require;

/**
 * Options of a {@link Loader}.
 *
 * @param batch images in a batch
 * @param workers threads that decode; 0 for as many as the machine has cores, at most 8
 * @param prefetch batches that may be ready or under way while the consumer has one, at least 1
 * @param dropLast whether a last batch that is not full is left out
 * @param onBroken what to do about an image that cannot be read
 * @param seed of what the transform draws
 * @param share of every batch that this process loads; what is in it follows from the whole batch
 */
public record LoaderOptions(
        int batch, int workers, int prefetch, boolean dropLast, Loader.OnBroken onBroken, long seed, BatchShare share) {
    private static final int MOST_WORKERS = 8;

    public LoaderOptions {
        require(batch >= 1, "a batch needs at least 1 image, found %d", batch);
        require(workers >= 0 && workers <= 1024, "expected 0 to 1024 workers, found %d", workers);
        require(prefetch >= 1 && prefetch <= 1024, "expected 1 to 1024 batches ahead, found %d", prefetch);
        workers = workers > 0
                ? workers
                : Math.min(MOST_WORKERS, Runtime.getRuntime().availableProcessors());
    }

    /** Options of a loader that takes all of every batch. */
    public LoaderOptions(int batch, int workers, int prefetch, boolean dropLast, Loader.OnBroken onBroken, long seed) {
        this(batch, workers, prefetch, dropLast, onBroken, seed, BatchShare.WHOLE);
    }

    /** Options for training: full batches, broken images replaced. */
    public static LoaderOptions training(int batch, long seed) {
        return new LoaderOptions(batch, 0, 2, true, Loader.OnBroken.REPLACE, seed);
    }

    /** Options for evaluation: every image once, broken ones left out. */
    public static LoaderOptions evaluation(int batch) {
        return new LoaderOptions(batch, 0, 2, false, Loader.OnBroken.LEAVE_OUT, 0);
    }

    public LoaderOptions withWorkers(int count) {
        return new LoaderOptions(batch, count, prefetch, dropLast, onBroken, seed, share);
    }

    public LoaderOptions withOnBroken(Loader.OnBroken choice) {
        return new LoaderOptions(batch, workers, prefetch, dropLast, choice, seed, share);
    }

    public LoaderOptions withShare(BatchShare own) {
        return new LoaderOptions(batch, workers, prefetch, dropLast, onBroken, seed, own);
    }
}
