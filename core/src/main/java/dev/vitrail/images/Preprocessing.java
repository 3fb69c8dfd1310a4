package dev.vitrail.images;

import dev.vitrail.errors.VitrailException;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Preprocessing of an image for a network: the record that travels with weights, with the meaning it has in timm
 * ({@code transforms_imagenet_eval}).
 *
 * <p>The image is resized to the input size divided by {@code cropPct}, and the middle of it is taken. Only the pixels
 * that the crop keeps are computed. We differ from timm in one place: an image so thin that a side would round to
 * nothing keeps one pixel of it.
 *
 * @param channels 3 for RGB, or 1 for grey, which is converted before resizing
 * @param height of the input, in pixels
 * @param width of the input, in pixels
 * @param cropPct the part of the resized image's side that the crop keeps, above 0
 * @param cropMode how the shape is fitted
 * @param interpolation how it is resized
 * @param mean of each channel, on the scale 0–1
 * @param std of each channel, on the same scale
 */
public record Preprocessing(
        int channels,
        int height,
        int width,
        double cropPct,
        CropMode cropMode,
        Interpolation interpolation,
        List<Double> mean,
        List<Double> std) {
    /** timm's crop where a configuration names none: 224 of 256. */
    public static final double DEFAULT_CROP_PCT = 0.875;

    public Preprocessing {
        mean = List.copyOf(mean);
        std = List.copyOf(std);
        VitrailException.require(
                height > 0 && width > 0 && (long) height * width <= 1 << 28,
                "An input needs 1 to 268435456 pixels, found a height of %d and a width of %d.",
                height,
                width);
        VitrailException.require(
                (channels == 1 || channels == 3) && mean.size() == channels,
                "An input has 1 or 3 channels with a mean for each, found %d channels and mean %s.",
                channels,
                mean);
        VitrailException.require(
                cropPct > 0 && Math.max(height, width) / cropPct <= 1 << 24,
                "The crop fraction must be above 0, usually 0.8 to 1, found %s.",
                cropPct);
        new Normalization(mean, std); // it checks them
    }

    /** The share of a crop by which the side that it is cut from is found again, to the pixel. */
    public static double shareOf(int crop, int resized) {
        double share = (double) crop / resized;
        return IntStream.rangeClosed(-4, 4)
                .mapToDouble(step -> share + step * Math.ulp(share))
                .filter(candidate -> (int) Math.floor(crop / candidate) == resized)
                .findFirst()
                .orElse(share);
    }

    /** timm's defaults for ImageNet: 3 channels, a square centre crop, bicubic, 0.875, ImageNet's statistics. */
    public static Preprocessing imagenetDefault(int size) {
        return of(size, DEFAULT_CROP_PCT, Interpolation.BICUBIC, Normalization.IMAGENET);
    }

    /** A square input with a centre crop. */
    public static Preprocessing of(int size, double cropPct, Interpolation interpolation, Normalization normalization) {
        return new Preprocessing(
                normalization.channels(),
                size,
                size,
                cropPct,
                CropMode.CENTER,
                interpolation,
                normalization.mean(),
                normalization.std());
    }

    /** This record for another input size, in pixels. */
    public Preprocessing withSize(int newHeight, int newWidth) {
        return new Preprocessing(channels, newHeight, newWidth, cropPct, cropMode, interpolation, mean, std);
    }

    /** Mean and std. */
    public Normalization normalization() {
        return new Normalization(mean, std);
    }

    /** Number of values of one image: {@code channels · height · width}. */
    public int values() {
        return Math.multiplyExact(channels, height * width);
    }

    /** Resized and cropped to {@code height × width}; grey three times over if there is one channel. */
    public RgbImage apply(RgbImage image) {
        var source = channels == 1 ? Canvas.grey(image) : image;
        int scaledHeight = Math.max((int) Math.floor(height / cropPct), 1);
        int scaledWidth = Math.max((int) Math.floor(width / cropPct), 1);
        return switch (cropMode) {
            case SQUASH, SQUASH_FLOOR -> resizeAndCrop(source, scaledWidth, scaledHeight, interpolation, black());
            case BORDER ->
                keepRatio(
                        source,
                        scaledWidth,
                        scaledHeight,
                        true,
                        interpolation,
                        normalization().meanColor());
            // timm resizes bilinearly here, whatever the configuration says.
            case CENTER, CENTER_FLOOR ->
                scaledHeight == scaledWidth
                        ? shortSide(source, scaledHeight)
                        : keepRatio(source, scaledWidth, scaledHeight, false, Interpolation.BILINEAR, black());
        };
    }

    /**
     * Resizes, crops and normalises.
     *
     * @param out gets float32 {@code [channels, height, width]} from {@code offset} on
     */
    public void toFloats(RgbImage image, float[] out, int offset) {
        normalization().toFloats(apply(image), out, offset);
    }

    /**
     * Resizes and crops.
     *
     * @param out gets levels 0–255 {@code [channels, height, width]} from {@code offset} on
     */
    public void toBytes(RgbImage image, byte[] out, int offset) {
        normalization().toBytes(apply(image), out, offset);
    }

    /** The shorter side becomes {@code size}, the longer one follows, cut to whole pixels. */
    private RgbImage shortSide(RgbImage image, int size) {
        int shorter = Math.min(image.width(), image.height());
        int longer = (int) ((double) ((long) size * Math.max(image.width(), image.height())) / shorter);
        boolean upright = image.width() <= image.height();
        return resizeAndCrop(image, upright ? size : longer, upright ? longer : size, interpolation, black());
    }

    /** Both sides by the same factor, until the last of them fits ({@code inside}) or the first. */
    private RgbImage keepRatio(
            RgbImage image, int fitWidth, int fitHeight, boolean inside, Interpolation filter, List<Integer> fill) {
        double down = (double) image.height() / fitHeight;
        double across = (double) image.width() / fitWidth;
        double ratio = inside ? Math.max(down, across) : Math.min(down, across);
        int newHeight = Math.max((int) Math.rint(image.height() / ratio), 1);
        int newWidth = Math.max((int) Math.rint(image.width() / ratio), 1);
        return resizeAndCrop(image, newWidth, newHeight, filter, fill);
    }

    /** The middle of the image at another size; where that is smaller than the input, {@code fill} surrounds it. */
    private RgbImage resizeAndCrop(
            RgbImage image, int newWidth, int newHeight, Interpolation filter, List<Integer> fill) {
        int keptWidth = Math.min(newWidth, width);
        int keptHeight = Math.min(newHeight, height);
        int left = cropMode.before(newWidth - keptWidth);
        int top = cropMode.before(newHeight - keptHeight);
        var part = new Region(left, top, keptWidth, keptHeight);
        var middle = Resampler.resize(image, newWidth, newHeight, part, filter);
        if (keptWidth == width && keptHeight == height) {
            return middle;
        }
        var canvas = Canvas.filled(width, height, fill);
        Canvas.paste(middle, canvas, (width - keptWidth) / 2, (height - keptHeight) / 2);
        return canvas;
    }

    private static List<Integer> black() {
        return Collections.nCopies(3, 0);
    }
}
