package dev.vitrail.images.augment;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.images.Interpolation;
import dev.vitrail.images.Resampler;
import dev.vitrail.images.RgbImage;
import java.util.List;
import java.util.random.RandomGenerator;

/**
 * DeiT-III's simple random crop (Touvron et al., 2022, arXiv:2204.07118, section 3.2): the shorter side is resized to
 * the input, four pixels are mirrored over every edge, and the input is cut out by chance. Unlike
 * {@link RandomResizedCrop} it keeps nearly all of the image.
 *
 * @param height of the result, in pixels
 * @param width of the result, in pixels
 * @param interpolations how the image is resized: one is drawn for each
 */
public record SimpleRandomCrop(int height, int width, List<Interpolation> interpolations) implements ImageTransform {
    private static final int PADDING = 4;

    public SimpleRandomCrop {
        interpolations = List.copyOf(interpolations);
        VitrailException.require(!interpolations.isEmpty(), "A crop needs at least one interpolation to draw from.");
        VitrailException.require(
                height > PADDING && width > PADDING,
                "A simple random crop mirrors %d pixels and needs more than that a side, found %d×%d.",
                PADDING,
                width,
                height);
    }

    @Override
    public RgbImage apply(RgbImage image, RandomGenerator random) {
        boolean narrow = (long) image.width() * height <= (long) image.height() * width;
        int newWidth = narrow ? width : (int) ((double) ((long) height * image.width()) / image.height());
        int newHeight = narrow ? (int) ((double) ((long) width * image.height()) / image.width()) : height;
        var filter = interpolations.get(interpolations.size() == 1 ? 0 : random.nextInt(interpolations.size()));
        var resized = Resampler.resize(image, Math.max(newWidth, width), Math.max(newHeight, height), filter);
        return new PadAndCrop(height, width, PADDING, PadAndCrop.Border.REFLECT).apply(resized, random);
    }
}
