package dev.vitrail.train;

import static dev.vitrail.errors.VitrailException.require;
import static dev.vitrail.train.TrainingOptions.IMAGE_CACHE;
import static dev.vitrail.train.TrainingOptions.SEED;

import dev.vitrail.data.BatchShare;
import dev.vitrail.data.BrokenImage;
import dev.vitrail.data.CacheLimit;
import dev.vitrail.data.ImageCache;
import dev.vitrail.data.Loader;
import dev.vitrail.data.LoaderOptions;
import dev.vitrail.data.Sampler;
import dev.vitrail.data.Transforms;
import dev.vitrail.distributed.ProcessGroup;
import java.util.function.Consumer;

/**
 * The loaders of a run, which read from one cache of decoded images.
 *
 * @param cache decoded images that are kept for the next epoch
 * @param train augmented batches of one size
 * @param validation each image once
 */
public record TrainingLoaders(ImageCache cache, Loader train, Loader validation) implements AutoCloseable {
    /** Validation needs no gradients, so more images fit at once. */
    private static final int VALIDATION_BATCH = 100;

    /**
     * Opens the loaders of a plan.
     *
     * @param workers threads that decode; 0 for the machine's cores
     * @param strict whether an image that cannot be read ends the run
     * @param broken receives each image that cannot be read
     */
    public static TrainingLoaders of(TrainingPlan plan, int workers, boolean strict, Consumer<BrokenImage> broken) {
        return of(plan, workers, strict, broken, ProcessGroup.single());
    }

    /**
     * Creates the loaders of one process of a group, which loads its share of every batch.
     *
     * @throws dev.vitrail.errors.VitrailException if a batch has fewer images, or pairs to mix, than there are
     *     processes
     */
    public static TrainingLoaders of(
            TrainingPlan plan, int workers, boolean strict, Consumer<BrokenImage> broken, ProcessGroup group) {
        boolean pairs = plan.mixing().isPresent();
        require(
                plan.batchSize() >= (pairs ? 2 : 1) * group.size(),
                "a batch of %d images%s cannot be shared by %d processes: set batch_size, the images of a batch in all"
                        + " processes together, to %d or more, or start fewer processes",
                plan.batchSize(),
                pairs ? ", which are mixed in pairs," : "",
                group.size(),
                (pairs ? 2 : 1) * group.size());
        var train = new BatchShare(group.rank(), group.size(), pairs);
        var judge = new BatchShare(group.rank(), group.size(), false);
        var data = plan.data();
        boolean seenAgain =
                plan.epochs() > 1 || plan.sampler().length() > data.train().size();
        var cache = new ImageCache(seenAgain ? plan.config().get(IMAGE_CACHE) : CacheLimit.OFF);
        int judged = data.validation().size();
        return new TrainingLoaders(
                cache,
                new Loader(
                        cache.of(data.train()),
                        Transforms.training(plan.transform()),
                        plan.sampler(),
                        options(
                                LoaderOptions.training(
                                                plan.batchSize(), plan.config().get(SEED))
                                        .withShare(train),
                                workers,
                                strict),
                        broken),
                new Loader(
                        cache.of(data.validation()),
                        Transforms.evaluation(plan.model().preprocessing()),
                        Sampler.sequential(judged),
                        options(
                                LoaderOptions.evaluation(Math.min(VALIDATION_BATCH, judged))
                                        .withShare(judge),
                                workers,
                                strict),
                        broken));
    }

    private static LoaderOptions options(LoaderOptions options, int workers, boolean strict) {
        var loading = options.withWorkers(workers);
        return strict ? loading.withOnBroken(Loader.OnBroken.FAIL) : loading;
    }

    /** Images that could not be read so far. */
    public int broken() {
        return train.broken().size() + validation.broken().size();
    }

    /** Images of sixteen bits or more that were cut to white so far. */
    public int cut() {
        return train.cut() + validation.cut();
    }

    @Override
    public void close() {
        train.close();
        validation.close();
        cache.close();
    }
}
