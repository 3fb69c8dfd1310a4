package dev.vitrail.images;

import static dev.vitrail.VitrailException.require;

import java.nio.FloatBuffer;
import java.util.random.RandomGenerator;

/**
 * The random views of a picture that a model trains on: a resized crop of random size, place and shape (Szegedy et al., 2014,
 * arXiv:1409.4842, as torchvision's {@code RandomResizedCrop}), or a shifted one for small pictures, and flips.
 *
 * @param preprocessing the model's input, whose size, interpolation and normalisation are used
 * @param crop which part of the picture is taken
 * @param horizontalFlip probability
 * @param verticalFlip probability
 */
public record TrainingTransform(Preprocessing preprocessing, Crop crop, double horizontalFlip, double verticalFlip) {
    /** Which part of a picture is taken. */
    public sealed interface Crop {
        /**
         * A part of random area and shape, resized.
         *
         * @param smallest share of the picture's area
         * @param largest share of the picture's area
         * @param narrowest width over height
         * @param widest width over height
         */
        record Resized(double smallest, double largest, double narrowest, double widest) implements Crop {
            /** What ImageNet's recipes use: 8 to 100 % of the area, 3:4 to 4:3. */
            public static final Resized STANDARD = new Resized(0.08, 1, 3 / 4.0, 4 / 3.0);

            public Resized {
                require(
                        smallest > 0 && smallest <= largest && largest <= 1 && narrowest > 0 && narrowest <= widest,
                        "a random crop needs 0 < smallest ≤ largest ≤ 1 and 0 < narrowest ≤ widest: found %s, %s, %s, %s",
                        smallest,
                        largest,
                        narrowest,
                        widest);
            }
        }

        /**
         * The picture at the input's size, padded with black and shifted.
         *
         * @param padding pixels on every side
         */
        record Shifted(int padding) implements Crop {
            public Shifted {
                require(padding >= 0, "a shift needs a padding of 0 pixels or more, found %d", padding);
            }
        }
    }

    private static final int TRIES = 10;

    public TrainingTransform {
        require(
                horizontalFlip >= 0 && horizontalFlip <= 1 && verticalFlip >= 0 && verticalFlip <= 1,
                "flips need probabilities between 0 and 1: found %s and %s",
                horizontalFlip,
                verticalFlip);
    }

    /** A view of {@code picture}, at the input's size; {@code random} is its only source of chance. */
    public RgbImage view(RgbImage picture, RandomGenerator random) {
        var image = preprocessing.channels() == 1 ? Normalization.grey(picture) : picture;
        // An if, as patterns in switches came after the baseline.
        var view = crop instanceof Crop.Resized resized ? resized(image, resized, random) : shifted(image, random);
        if (horizontalFlip > 0 && random.nextDouble() < horizontalFlip) {
            view = mirrored(view);
        }
        return verticalFlip > 0 && random.nextDouble() < verticalFlip ? upsideDown(view) : view;
    }

    /** The model's numbers for a view of {@code picture}: {@code [channels, height, width]} floats, from position 0. */
    public void write(RgbImage picture, RandomGenerator random, FloatBuffer pixels) {
        Normalization.write(view(picture, random), preprocessing.normalization().tables(), pixels);
    }

    private RgbImage resized(RgbImage image, Crop.Resized crop, RandomGenerator random) {
        return Resampler.resize(
                image,
                region(image.width(), image.height(), crop, random),
                preprocessing.width(),
                preprocessing.height(),
                preprocessing.interpolation());
    }

    /** torchvision's choice of a crop: ten tries, then the largest central one of an allowed shape. */
    static Region region(int width, int height, Crop.Resized crop, RandomGenerator random) {
        double area = (double) width * height;
        double narrow = Math.log(crop.narrowest()), wide = Math.log(crop.widest());
        for (int i = 0; i < TRIES; i++) {
            double target = area * (crop.smallest() + random.nextDouble() * (crop.largest() - crop.smallest()));
            double ratio = Math.exp(narrow + random.nextDouble() * (wide - narrow));
            int w = (int) Math.rint(Math.sqrt(target * ratio));
            int h = (int) Math.rint(Math.sqrt(target / ratio));
            if (w > 0 && w <= width && h > 0 && h <= height) {
                int top = random.nextInt(height - h + 1);
                int left = random.nextInt(width - w + 1);
                return new Region(left, top, w, h);
            }
        }
        double ratio = (double) width / height;
        int w = ratio > crop.widest() ? Math.max(1, (int) Math.rint(height * crop.widest())) : width;
        int h = ratio < crop.narrowest() ? Math.max(1, (int) Math.rint(width / crop.narrowest())) : height;
        return new Region((width - w) / 2, (height - h) / 2, w, h);
    }

    private RgbImage shifted(RgbImage image, RandomGenerator random) {
        int padding = ((Crop.Shifted) crop).padding();
        int width = preprocessing.width(), height = preprocessing.height();
        var fitted = image.width() == width && image.height() == height
                ? image
                : Resampler.resize(image, width, height, preprocessing.interpolation());
        int dx = random.nextInt(2 * padding + 1) - padding, dy = random.nextInt(2 * padding + 1) - padding;
        var pixels = new byte[3 * width * height];
        int columns = Math.max(0, width - Math.abs(dx));
        for (int y = Math.max(0, -dy); y < Math.min(height, height - dy); y++) {
            System.arraycopy(
                    fitted.pixels(),
                    3 * ((y + dy) * width + Math.max(0, dx)),
                    pixels,
                    3 * (y * width + Math.max(0, -dx)),
                    3 * columns);
        }
        return new RgbImage(width, height, pixels);
    }

    private static RgbImage mirrored(RgbImage image) {
        int width = image.width();
        var from = image.pixels();
        var to = new byte[from.length];
        for (int y = 0; y < image.height(); y++) {
            int row = 3 * y * width;
            for (int x = 0; x < width; x++) {
                int source = row + 3 * x, target = row + 3 * (width - 1 - x);
                to[target] = from[source];
                to[target + 1] = from[source + 1];
                to[target + 2] = from[source + 2];
            }
        }
        return new RgbImage(width, image.height(), to);
    }

    private static RgbImage upsideDown(RgbImage image) {
        int stride = 3 * image.width();
        var to = new byte[image.pixels().length];
        for (int y = 0; y < image.height(); y++) {
            System.arraycopy(image.pixels(), y * stride, to, (image.height() - 1 - y) * stride, stride);
        }
        return new RgbImage(image.width(), image.height(), to);
    }
}
