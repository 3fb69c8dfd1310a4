package dev.vitrail.models.compact;

import dev.vitrail.models.FamilyConfig;

/**
 * The numbers of a vit-pytorch model that is a stack of layers on the patches of an image.
 *
 * @param <C> the configuration itself
 */
public interface CompactConfig<C extends CompactConfig<C>> extends FamilyConfig<C> {
    /** Size of images and patches. */
    CompactImage image();

    /** The same for other images. */
    C withImage(CompactImage image);

    @Override
    default int channels() {
        return image().channels();
    }

    @Override
    default int imageHeight() {
        return image().height();
    }

    @Override
    default int imageWidth() {
        return image().width();
    }

    @Override
    default C withChannels(int count) {
        return withImage(image().withChannels(count));
    }

    @Override
    default C withImage(int height, int width) {
        return withImage(image().withSize(height, width));
    }
}
