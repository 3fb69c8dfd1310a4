package dev.vitrail.data;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.images.RgbImage;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Turns a data set into batches: threads decode and transform ahead of the consumer, into memory that is used again.
 *
 * <pre>{@code
 * var order = Sampler.shuffled(set.size(), seed);
 * try (Loader loader = new Loader(set, transform, order, LoaderOptions.training(128, seed));
 *         Batches batches = loader.epoch(0)) {
 *     while (batches.hasNext()) {
 *         Batch batch = batches.next();
 *     }
 * }
 * }</pre>
 *
 * <p>What is in batch b of epoch e follows from the options, the sampler, b and e alone: it does not matter how many
 * workers there are, whether the batches before were taken, or which files turned out to be broken in other batches.
 * One thread uses a loader.
 */
public final class Loader implements AutoCloseable {
    /** Action on an image that cannot be read. */
    public enum OnBroken {
        /** Put the next readable image of the epoch's order in its place, so that batches stay full: for training. */
        REPLACE,
        /** Leave it out; its batch is smaller by one: for evaluation, where an image must not count twice. */
        LEAVE_OUT,
        /** Stop with its sentence. */
        FAIL
    }

    private final Sampler sampler;
    private final LoaderOptions options;
    private final SampleReader reader;
    private final int own; // images of a full batch that are this process's
    private final BatchMemory[] ring;
    private Optional<Batches> open = Optional.empty();

    /** A loader that tells nobody of broken images; {@link #broken} lists them. */
    public Loader(Dataset set, SampleTransform transform, Sampler sampler, LoaderOptions options) {
        this(set, transform, sampler, options, broken -> {});
    }

    /**
     * @param report is told of each broken image once, in the consumer's thread, when the batch it belongs to
     *     is asked for
     * @throws VitrailException if not even one batch can be filled, or a batch is larger than 2 GiB
     */
    public Loader(
            Dataset set,
            SampleTransform transform,
            Sampler sampler,
            LoaderOptions options,
            Consumer<BrokenImage> report) {
        this.sampler = sampler;
        this.options = options;
        reader = new SampleReader(set, transform, options.onBroken(), options.seed(), report);
        require(sampler.length() > 0, "there are no images to load in %s", set.describe());
        require(
                batches() > 0,
                "%s: fewer than one batch of %d; make the batch smaller or add images",
                set.describe(),
                options.batch());
        own = options.share().places(options.batch()).length;
        require(
                own > 0 || !options.dropLast(),
                "a batch of %d images cannot be shared by %d processes: make it larger, or start fewer processes",
                options.batch(),
                options.share().processes());
        long bytes = 4L * transform.channels() * transform.height() * transform.width() * own;
        require(
                bytes <= Integer.MAX_VALUE,
                "a batch of %d images of %d×%d pixels needs %,d MiB, and 2,047 is the most; make it smaller",
                own,
                transform.height(),
                transform.width(),
                bytes >> 20);
        this.ring = new BatchMemory[Math.min(options.prefetch() + 1, batches())];
        for (int i = 0; i < ring.length; i++) {
            ring[i] = new BatchMemory(own, transform);
        }
    }

    /** Number of batches per epoch. */
    public int batches() {
        int full = sampler.length() / options.batch();
        return options.dropLast() || sampler.length() % options.batch() == 0 ? full : full + 1;
    }

    /** All batches of epoch {@code epoch}, from 0. Ends the epoch that was open. */
    public Batches epoch(int epoch) {
        return epoch(epoch, 0);
    }

    /**
     * The batches of an epoch from batch {@code first} on, exactly as they come after the others; those
     * are not decoded.
     *
     * @param first from 0 to {@link #batches}
     */
    public Batches epoch(int epoch, int first) {
        require(
                first >= 0 && first <= batches(),
                "epoch %d has %d batches; cannot begin with batch %d",
                epoch,
                batches(),
                first);
        close();
        int[] order = sampler.order(epoch);
        if (order.length != sampler.length()) {
            throw new IllegalStateException("the sampler announced %d positions and epoch %d has %d"
                    .formatted(sampler.length(), epoch, order.length));
        }
        int[] positions = options.share().positions(order.length, options.batch());
        Batches batches = new Batches(reader, options, batches(), epoch, first, order, positions, ring);
        open = Optional.of(batches);
        return batches;
    }

    /** The broken images so far, each once, in the order of the batches that were taken. */
    public List<BrokenImage> broken() {
        return reader.broken();
    }

    /** Number of images of sixteen bits or more cut to white so far, each counted once ({@link RgbImage#cut}). */
    public int cut() {
        return reader.cut();
    }

    /** Ends the threads of the epoch that is open; images already begun are finished first. */
    @Override
    public void close() {
        open.ifPresent(Batches::close);
        open = Optional.empty();
    }
}
