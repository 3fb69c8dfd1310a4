package dev.vitrail.report;

import dev.vitrail.data.Dataset;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.images.ImageEncoder;
import dev.vitrail.images.Interpolation;
import dev.vitrail.images.Resampler;
import dev.vitrail.images.RgbImage;
import java.util.Base64;
import java.util.Optional;

/**
 * An image of a data set, small enough to stand in a page.
 *
 * @param dataUri the image itself, as {@code data:image/…;base64,…}
 * @param coarse whether it is so small that a page shows its pixels
 */
record Thumbnail(String dataUri, boolean coarse) {
    /** Longest side, pixels. */
    private static final int LARGEST = 160;
    /** Side up to which an image is kept to the pixel. */
    private static final int COARSE = 64;

    /** None if the image cannot be read any more: a page is no reason to stop a run. */
    static Optional<Thumbnail> of(Dataset set, int index) {
        try {
            return Optional.of(of(set.image(index)));
        } catch (VitrailException e) {
            return Optional.empty();
        }
    }

    static Thumbnail of(RgbImage image) {
        int side = Math.max(image.width(), image.height());
        if (side <= COARSE) {
            return new Thumbnail(uri("png", ImageEncoder.png(image)), true);
        }
        double scale = Math.min(1, (double) LARGEST / side);
        var small = Resampler.resize(
                image,
                Math.max(1, (int) Math.round(image.width() * scale)),
                Math.max(1, (int) Math.round(image.height() * scale)),
                Interpolation.BICUBIC);
        return new Thumbnail(uri("jpeg", ImageEncoder.jpeg(small)), false);
    }

    private static String uri(String kind, byte[] bytes) {
        return "data:image/" + kind + ";base64," + Base64.getEncoder().encodeToString(bytes);
    }
}
