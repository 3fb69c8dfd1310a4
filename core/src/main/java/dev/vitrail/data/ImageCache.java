package dev.vitrail.data;

import dev.vitrail.engine.NativeMemory;
import dev.vitrail.images.RgbImage;
import java.lang.ref.SoftReference;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.function.LongSupplier;

/**
 * Keeps decoded images for the next epoch, so that a file is decoded once, and never more of them than memory bears.
 *
 * <p>An image is kept as the decoder gave it, before anything random is done to it: whoever asks gets the same bytes
 * with the cache and without, and results do not depend on it. What is kept is what was first read. A file that changes
 * while a run goes on is not read again; a run that goes on later begins with an empty cache.
 *
 * <p>The first images that fit are kept until the cache is closed, and no other takes their place. An epoch asks for
 * each image once; to drop the one that was not asked for the longest would drop every image just before its turn, and
 * save nothing at all where the images do not all fit.
 *
 * <p>Memory is that of the Java heap, for these reasons (ADR 10):
 *
 * <ul>
 *   <li>its end, {@code -Xmx}, is a limit that the user knows and the system keeps;
 *   <li>the whole cache hangs on one soft reference, so that the virtual machine throws it away before it would say
 *       that memory has run out. Then images are decoded each time, as they are without a cache;
 *   <li>it is free when nobody uses it, without anyone waiting for a worker that is still copying.
 * </ul>
 *
 * <p>The heap grows by what is kept and more, and tensors live beside it. So nothing more is kept once less than a
 * quarter of the machine's memory, or of the container's, is left; that is also the most that the heap has where nobody
 * sets it. Workers ask from several threads at once.
 */
public final class ImageCache implements AutoCloseable {
    /**
     * Share of the heap that a cache takes by default: below 45 %, where the collector G1 begins to look for garbage
     * among what has long been kept.
     */
    private static final double SHARE = 1.0 / 3;

    /** The most that a number of MiB gets. */
    private static final double MOST = 0.5;

    private static final double LEFT_TO_OTHERS = 0.25;

    /** Bytes that are kept between two looks at the machine's memory, where it can be looked at. */
    private static final long BETWEEN_LOOKS = 16 << 20;

    private final long limit;
    private final LongSupplier available;
    private final long reserve;
    private final SoftReference<Kept> kept;
    private final AtomicLong taken = new AtomicLong();
    private final AtomicLong nextLook = new AtomicLong();
    private volatile boolean full;

    /**
     * A cache for this process.
     *
     * @param limit a number is not exceeded, and is cut to half of the Java heap; automatically it is a third
     *     of the heap
     */
    public ImageCache(CacheLimit limit) {
        this(
                bytes(limit, Runtime.getRuntime().maxMemory()),
                () -> NativeMemory.availableBytes().orElse(Long.MAX_VALUE),
                (long) (LEFT_TO_OTHERS * NativeMemory.machineBytes()));
    }

    /**
     * @param limit bytes
     * @param available bytes of memory that the machine has left
     * @param reserve bytes of it that are not touched
     */
    ImageCache(long limit, LongSupplier available, long reserve) {
        this.limit = limit;
        this.available = available;
        this.reserve = reserve;
        kept = new SoftReference<>(new Kept());
    }

    static long bytes(CacheLimit limit, long heap) {
        return limit.automatic()
                ? (long) (SHARE * heap)
                : Math.min((long) limit.mebibytes() << 20, (long) (MOST * heap));
    }

    /**
     * A set whose images are kept here; the set itself where nothing is to be kept, or its images are decoded
     * from no file.
     */
    public synchronized Dataset of(Dataset set) {
        var held = kept.get();
        if (limit == 0 || held == null || !set.decodes()) {
            return set;
        }
        held.shelves.add(new AtomicReferenceArray<>(set.size()));
        return new CachedImages(set, this, held.shelves.size() - 1);
    }

    /** Returns whether the images of any set are kept here. */
    public boolean isUsed() {
        var held = kept.get();
        return held != null && !held.shelves.isEmpty();
    }

    /** The most that is kept, bytes. */
    public long limit() {
        return limit;
    }

    /** Size of the cached images, bytes. */
    public long bytes() {
        return kept.get() == null ? 0 : taken.get();
    }

    /** Number of cached images. */
    public int images() {
        var held = kept.get();
        return held == null ? 0 : held.images.get();
    }

    /** Forgets all images. Sets that were made here decode theirs from now on. */
    @Override
    public void close() {
        kept.clear();
    }

    /** The image of a set, from memory or decoded and kept if it fits. */
    RgbImage image(Dataset set, int shelf, int index) {
        var found = find(shelf, index);
        if (found.isPresent()) {
            return found.get().image();
        }
        // While it is decoded nothing here may hold the cache, which may have to go to make room.
        var image = set.image(index);
        keep(shelf, index, image);
        return image;
    }

    private Optional<Pieces> find(int shelf, int index) {
        var held = kept.get();
        return held == null
                ? Optional.empty()
                : Optional.ofNullable(held.shelves.get(shelf).get(index));
    }

    private void keep(int shelf, int index, RgbImage image) {
        long bytes = Pieces.bytes(image);
        if (kept.get() == null || !take(bytes)) {
            return;
        }
        // Nor while it is copied.
        var pieces = new Pieces(image);
        var held = kept.get();
        if (held != null && held.shelves.get(shelf).compareAndSet(index, null, pieces)) {
            held.images.incrementAndGet();
        } else {
            taken.addAndGet(-bytes);
        }
    }

    /**
     * Takes bytes before they are filled, so that no two threads pass the limit together; false if there is no
     * room for them.
     */
    private boolean take(long bytes) {
        long after = taken.addAndGet(bytes);
        if (after <= limit && hasRoom(after)) {
            return true;
        }
        taken.addAndGet(-bytes);
        return false;
    }

    /** Looks at the machine's memory now and then; once it was short, nothing is kept any more. */
    private boolean hasRoom(long after) {
        long look = nextLook.get();
        if (after >= look
                && nextLook.compareAndSet(look, after + BETWEEN_LOOKS)
                && available.getAsLong() - BETWEEN_LOOKS < reserve) {
            full = true;
        }
        return !full;
    }

    /** All that is kept, to be thrown away as a whole. */
    private static final class Kept {
        /** Cached images of each set, at their indices. */
        final List<AtomicReferenceArray<Pieces>> shelves = new CopyOnWriteArrayList<>();

        final AtomicInteger images = new AtomicInteger();
    }

    /**
     * An image in pieces. G1 gives an array of half a region (512 KiB and more) whole regions of its own, up to twice
     * what it needs; a photo of 500×375 pixels is such an array.
     */
    private static final class Pieces {
        /** Bytes of each piece but the last. */
        private static final int LENGTH = 256 << 10;

        /** Overhead of an array and of this object beside the pixels, bytes. */
        private static final int HEADER = 24, FRAME = 64;

        private final int width;
        private final int height;
        private final boolean cut;
        private final byte[][] pieces;

        Pieces(RgbImage image) {
            width = image.width();
            height = image.height();
            cut = image.cut();
            byte[] pixels = image.pixels();
            pieces = new byte[count(pixels)][];
            for (int i = 0; i < pieces.length; i++) {
                int start = i * LENGTH;
                pieces[i] = pieces.length == 1
                        ? pixels
                        : Arrays.copyOfRange(pixels, start, Math.min(pixels.length, start + LENGTH));
            }
        }

        /** Size of an image in the heap, bytes. */
        static long bytes(RgbImage image) {
            return FRAME + (long) HEADER * count(image.pixels()) + image.pixels().length;
        }

        private static int count(byte[] pixels) {
            return 1 + (pixels.length - 1) / LENGTH;
        }

        RgbImage image() {
            if (pieces.length == 1) {
                return new RgbImage(width, height, pieces[0], cut);
            }
            var pixels = new byte[3 * width * height];
            for (int i = 0; i < pieces.length; i++) {
                System.arraycopy(pieces[i], 0, pixels, i * LENGTH, pieces[i].length);
            }
            return new RgbImage(width, height, pixels, cut);
        }
    }
}
