package dev.vitrail.data;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.images.RgbImage;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;

/**
 * Reads the images of a set into batches: decodes, transforms, and knows which could not be read. Used by all
 * workers at once.
 */
final class SampleReader {
    private final Dataset set;
    private final SampleTransform transform;
    private final Loader.OnBroken onBroken;
    private final long seed;
    private final Consumer<BrokenImage> report;
    /** Images that a worker found broken, so that no file is tried again in the next epoch. */
    private final Map<Integer, BrokenImage> known = new ConcurrentHashMap<>();
    /** Broken images reported to the consumer, in the order of the batches. */
    private final Map<Integer, BrokenImage> reported = new LinkedHashMap<>();
    /** Images of sixteen bits that were cut to white. */
    private final Set<Integer> cut = ConcurrentHashMap.newKeySet();

    /**
     * @param report is told of each broken image once, in the consumer's thread
     */
    SampleReader(
            Dataset set, SampleTransform transform, Loader.OnBroken onBroken, long seed, Consumer<BrokenImage> report) {
        this.set = set;
        this.transform = transform;
        this.onBroken = onBroken;
        this.seed = seed;
        this.report = report;
    }

    /** The broken images that were told of, in the order of the batches. */
    List<BrokenImage> broken() {
        return List.copyOf(reported.values());
    }

    /** Number of images cut to white, each counted once. */
    int cut() {
        return cut.size();
    }

    /** Tells of broken images that have not been told of. */
    void tell(List<BrokenImage> found) {
        for (BrokenImage broken : found) {
            if (reported.putIfAbsent(broken.index(), broken) == null) {
                report.accept(broken);
            }
        }
    }

    /**
     * Fills place {@code place} of a batch with the image that stands at {@code position} of the epoch's order, or
     * leaves the place empty.
     */
    void fill(BatchMemory memory, int place, int epoch, int[] order, int position) {
        List<BrokenImage> faults = new ArrayList<>(0);
        int candidates = onBroken == Loader.OnBroken.REPLACE ? order.length : 1;
        for (int i = 0; i < candidates; i++) {
            int index = order[(int) (((long) position + i) % order.length)];
            BrokenImage fault = known.get(index);
            if (fault == null) {
                try {
                    SampleRandom random = SampleRandom.of(seed, epoch, position, index);
                    RgbImage image = set.image(index);
                    if (image.cut()) {
                        cut.add(index);
                    }
                    transform.apply(image, random, memory.pixels(place));
                    memory.filled(place, index, set.label(index), faults);
                    return;
                } catch (VitrailException e) {
                    if (onBroken == Loader.OnBroken.FAIL) {
                        throw e;
                    }
                    fault = new BrokenImage(index, set.name(index), String.valueOf(e.getMessage()));
                    known.put(index, fault);
                }
            }
            faults.add(fault);
        }
        if (onBroken == Loader.OnBroken.REPLACE) {
            throw VitrailException.of(
                    "not one of %s can be read; the first: %s",
                    Descriptions.count(known.size(), "image"), faults.get(0).sentence());
        }
        memory.leftOut(place, faults);
    }
}
