package dev.vitrail.images;

import static dev.vitrail.VitrailException.require;

import java.nio.FloatBuffer;

/**
 * How a model wants its images prepared: the record that travels with published weights. A wrong one silently costs tens of
 * points of accuracy.
 *
 * <p>Geometry and rounding are timm's {@code transforms_imagenet_eval} and torchvision's, pixels are Pillow's.
 *
 * @param channels of the model's input: 3, or 1 for grey
 * @param height rows of the model's input, pixels
 * @param width columns of the model's input, pixels
 * @param cropShare side of the crop over the side that it is cut from (crop_pct)
 * @param cropMode how the picture's shape becomes the input's
 * @param interpolation how it is resized
 * @param normalization from levels to the model's numbers
 */
public record Preprocessing(
        int channels,
        int height,
        int width,
        double cropShare,
        CropMode cropMode,
        Interpolation interpolation,
        Normalization normalization) {
    public Preprocessing {
        require(
                channels > 0 && height > 0 && width > 0,
                "an input of %d channels and %d×%d pixels is impossible: all must be positive",
                channels,
                height,
                width);
        require(cropShare > 0 && cropShare <= 4, "the crop share must be above 0 and at most 4, found %s", cropShare);
        normalization = normalization.forChannels(channels);
    }

    /** timm's default: the central 87.5 %, bicubic, ImageNet's statistics. */
    public static Preprocessing of(int channels, int height, int width) {
        return new Preprocessing(
                channels, height, width, 0.875, CropMode.CENTER, Interpolation.BICUBIC, Normalization.IMAGENET);
    }

    /** The same for another input size. */
    public Preprocessing withSize(int newHeight, int newWidth) {
        return new Preprocessing(channels, newHeight, newWidth, cropShare, cropMode, interpolation, normalization);
    }

    /** The same for another crop. */
    public Preprocessing withCrop(double share, CropMode mode) {
        return new Preprocessing(channels, height, width, share, mode, interpolation, normalization);
    }

    /** The same for other statistics. */
    public Preprocessing withNormalization(Normalization other) {
        return new Preprocessing(channels, height, width, cropShare, cropMode, interpolation, other);
    }

    /** Number of floats of one image. */
    public int floats() {
        return channels * height * width;
    }

    /** The picture resized and cropped, {@code height × width} pixels, not yet normalised. */
    public RgbImage fit(RgbImage picture) {
        var image = channels == 1 ? Normalization.grey(picture) : picture;
        int scaledHeight = (int) Math.floor(height / cropShare), scaledWidth = (int) Math.floor(width / cropShare);
        return switch (cropMode) {
            case SQUASH -> centre(image, scaledHeight, scaledWidth, interpolation, new byte[3]);
            case BORDER -> keepRatio(image, scaledHeight, scaledWidth, true, interpolation, meanColour());
            case CENTER ->
                scaledHeight == scaledWidth
                        ? shortSide(image, scaledHeight)
                        // For inputs that are not square the original forgets its own interpolation.
                        : keepRatio(image, scaledHeight, scaledWidth, false, Interpolation.BILINEAR, new byte[3]);
        };
    }

    /** torchvision's {@code Resize} of the short side: the long one is truncated to whole pixels. */
    private RgbImage shortSide(RgbImage image, int side) {
        int w = image.width(), h = image.height();
        int longSide = (int) ((double) ((long) side * Math.max(w, h)) / Math.min(w, h));
        return w <= h
                ? centre(image, longSide, side, interpolation, new byte[3])
                : centre(image, side, longSide, interpolation, new byte[3]);
    }

    /** timm's {@code ResizeKeepRatio}: so that the longer, or the shorter, relative side fits. */
    private RgbImage keepRatio(
            RgbImage image, int targetHeight, int targetWidth, boolean longest, Interpolation filter, byte[] fill) {
        double byHeight = (double) image.height() / targetHeight, byWidth = (double) image.width() / targetWidth;
        double ratio = longest ? Math.max(byHeight, byWidth) : Math.min(byHeight, byWidth);
        return centre(
                image,
                Math.max(1, (int) Math.rint(image.height() / ratio)),
                Math.max(1, (int) Math.rint(image.width() / ratio)),
                filter,
                fill);
    }

    private byte[] meanColour() {
        var colour = new byte[3];
        for (int c = 0; c < 3; c++) {
            colour[c] = (byte) Math.rint(
                    255 * normalization.mean().get(c % normalization.mean().size()));
        }
        return colour;
    }

    /**
     * Resizes to {@code newHeight × newWidth} and takes the centre, padded where that is smaller than the input; only the pixels
     * that remain are computed. Halves round to even, as Python's do.
     */
    private RgbImage centre(RgbImage image, int newHeight, int newWidth, Interpolation filter, byte[] fill) {
        int keptHeight = Math.min(height, newHeight), keptWidth = Math.min(width, newWidth);
        int top = newHeight > height ? (int) Math.rint((newHeight - height) / 2.0) : 0;
        int left = newWidth > width ? (int) Math.rint((newWidth - width) / 2.0) : 0;
        var part = new Region(left, top, keptWidth, keptHeight);
        var resized = newWidth == image.width() && newHeight == image.height()
                ? Resampler.crop(image, part)
                : Resampler.resize(image, newWidth, newHeight, part, filter);
        return keptHeight == height && keptWidth == width
                ? resized
                : padded(resized, (height - keptHeight) / 2, (width - keptWidth) / 2, fill);
    }

    private RgbImage padded(RgbImage image, int top, int left, byte[] fill) {
        var pixels = new byte[3 * height * width];
        for (int p = 0; p < pixels.length; p++) {
            pixels[p] = fill[p % 3];
        }
        for (int y = 0; y < image.height(); y++) {
            System.arraycopy(
                    image.pixels(), 3 * y * image.width(), pixels, 3 * ((top + y) * width + left), 3 * image.width());
        }
        return new RgbImage(width, height, pixels);
    }

    /** The model's numbers for a picture: {@code [channels, height, width]} floats, written from position 0. */
    public void write(RgbImage picture, FloatBuffer pixels) {
        Normalization.write(fit(picture), normalization.tables(), pixels);
    }

    /** Like {@link #write}, into an array of its own. */
    public float[] toFloats(RgbImage picture) {
        var pixels = new float[floats()];
        write(picture, FloatBuffer.wrap(pixels));
        return pixels;
    }

    /** The levels of each channel after resizing and cropping: {@code [channels, height, width]} bytes. */
    public byte[] toBytes(RgbImage picture) {
        var levels = fit(picture).pixels();
        int area = height * width;
        var planes = new byte[channels * area];
        for (int c = 0; c < channels; c++) {
            for (int i = 0; i < area; i++) {
                planes[c * area + i] = levels[3 * i + c % 3];
            }
        }
        return planes;
    }
}
