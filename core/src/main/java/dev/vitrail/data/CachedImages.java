package dev.vitrail.data;

import dev.vitrail.images.RgbImage;
import java.util.List;

/** A set whose images are looked for in an {@link ImageCache} first; all else is the set's. */
final class CachedImages implements Dataset {
    private final Dataset set;
    private final ImageCache cache;
    private final int shelf;

    /** @param shelf the set's place in the cache */
    CachedImages(Dataset set, ImageCache cache, int shelf) {
        this.set = set;
        this.cache = cache;
        this.shelf = shelf;
    }

    @Override
    public RgbImage image(int index) {
        return cache.image(set, shelf, index);
    }

    @Override
    public int size() {
        return set.size();
    }

    @Override
    public int label(int index) {
        return set.label(index);
    }

    @Override
    public int[] labels() {
        return set.labels();
    }

    @Override
    public List<String> classes() {
        return set.classes();
    }

    @Override
    public String name(int index) {
        return set.name(index);
    }

    @Override
    public String describe() {
        return set.describe();
    }

    @Override
    public byte[] content(int index) {
        return set.content(index);
    }

    @Override
    public long contentBytes(int index) {
        return set.contentBytes(index);
    }

    @Override
    public long stamp(int index) {
        return set.stamp(index);
    }

    @Override
    public List<String> faults() {
        return set.faults();
    }
}
