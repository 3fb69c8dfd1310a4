package dev.vitrail.data;

import dev.vitrail.images.RgbImage;

/** A set whose images are looked for in an {@link ImageCache} first; all else is the set's. */
final class CachedImages extends DatasetView {
    private final ImageCache cache;
    private final int shelf;

    /** @param shelf the set's place in the cache */
    CachedImages(Dataset set, ImageCache cache, int shelf) {
        super(set);
        this.cache = cache;
        this.shelf = shelf;
    }

    @Override
    public RgbImage image(int index) {
        return cache.image(set, shelf, index);
    }

    @Override
    public boolean decodes() {
        return false;
    }
}
