package dev.vitrail.data;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.files.AtomicFile;
import dev.vitrail.images.ImageEncoder;
import dev.vitrail.images.RgbImage;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.zip.CRC32;

/**
 * The built-in set: small images of stained glass, drawn by code, so that training can be tried without any data.
 *
 * <p>A class is a shape <em>and</em> a texture, "striped circle" or "dotted star": every shape comes with every
 * texture, so neither alone decides. The texture can be read off a few pixels anywhere inside; the shape only from the
 * whole. Colours, place, size, tilt, the panes behind and the noise say nothing about the class, which is why a linear
 * classifier of the pixels fails.
 *
 * <p>An image is a function of (seed, split, index, difficulty) alone, to the last byte, on every platform and from any
 * thread. It is painted when first asked for and then kept.
 */
public final class StainedGlass implements Dataset {
    /** Images in the part to train on, 700 of each class. */
    public static final int TRAIN_SIZE = 8400;
    /** Images in each of the other parts, 100 of each class. */
    public static final int VALIDATION_SIZE = 1200;

    /** Shapes, by name; {@code GlassOutline} draws them. */
    enum Shape {
        CIRCLE(0, 1, 1, 0),
        SQUARE(4, 1.28, 1, 45),
        STAR(10, 1.38, 0.45, 90),
        TRIANGLE(3, 1.42, 1, 90);

        private final int corners;
        private final double reach;
        private final double inner;
        private final double firstCorner;

        Shape(int corners, double reach, double inner, double firstCornerDegrees) {
            this.corners = corners;
            this.reach = reach;
            this.inner = inner;
            this.firstCorner = firstCornerDegrees * (Math.PI / 180);
        }

        /** Number of corners; none means a circle. */
        int corners() {
            return corners;
        }

        /** Distance from the middle to the outermost corner, in radii of a circle of about the same size. */
        double reach() {
            return reach;
        }

        /** Radius of every second corner as a fraction of the others'. */
        double inner() {
            return inner;
        }

        /** The direction of the first corner, radians from the right, anticlockwise. */
        double firstCorner() {
            return firstCorner;
        }
    }

    /** Textures, by name; {@code GlassPainter} draws them. */
    enum Texture {
        CHEQUERED,
        DOTTED,
        STRIPED
    }

    /**
     * Textures and shapes are in alphabetical order, so these are sorted, as the folders that {@link #write}
     * makes will be.
     */
    private static final List<String> CLASSES = classNames();

    /**
     * Difficulty of the set.
     *
     * @param size width and height, pixels
     * @param smallest smallest radius of a shape, as a share of {@code size}
     * @param largest largest radius
     * @param tilt degrees that a shape may be turned either way
     * @param finest shortest period of a texture, pixels; below about 4 nobody can tell dots from chequers
     * @param coarsest longest period
     * @param contrast between the two colours of a texture, in brightness, 0 to 1
     * @param leads most lead lines across the background
     * @param noise largest noise of a pixel, as a share of full brightness
     */
    public record Difficulty(
            int size,
            double smallest,
            double largest,
            double tilt,
            double finest,
            double coarsest,
            double contrast,
            int leads,
            double noise) {
        /**
         * A person makes no mistake, and softmax regression on the pixels is right for 34 to 37 % of the images.
         * {@code vit_mini_patch4_32} reaches
         * 95 % in three epochs of batch 32 (AdamW, 1e-3).
         */
        public static final Difficulty STANDARD = new Difficulty(32, 0.32, 0.35, 6, 5.5, 7, 0.7, 1, 0.03);

        public Difficulty {
            require(size >= 16 && size <= 512, "images have 16 to 512 pixels a side, found %d", size);
            require(
                    smallest > 0 && smallest < largest && largest <= 0.35,
                    "radii must rise within 0 and 0.35 of the image, found %s and %s",
                    smallest,
                    largest);
            require(
                    finest > 1 && finest < coarsest,
                    "texture periods must rise from above 1 pixel, found %s and %s",
                    finest,
                    coarsest);
            require(contrast > 0 && contrast <= 0.8, "the contrast lies between 0 and 0.8, found %s", contrast);
            require(leads >= 0 && leads <= 8, "expected 0 to 8 lead lines, found %d", leads);
            require(tilt > 0 && tilt <= 180, "the tilt lies between 0 and 180 degrees, found %s", tilt);
            require(noise >= 0 && noise <= 1, "the noise lies between 0 and 1, found %s", noise);
        }
    }

    private final Split split;
    private final long seed;
    private final Difficulty difficulty;
    private final AtomicReferenceArray<RgbImage> painted;

    /** A part of the set as it always is: seed 0, {@link Difficulty#STANDARD}. */
    public static StainedGlass of(Split split) {
        return new StainedGlass(split, split == Split.TRAIN ? TRAIN_SIZE : VALIDATION_SIZE, 0, Difficulty.STANDARD);
    }

    /** The parts that a run trains on and is judged by. */
    public static TrainAndValidation trainAndValidation() {
        return new TrainAndValidation(of(Split.TRAIN), of(Split.VALIDATION));
    }

    /**
     * @param size images; a larger set begins with those of a smaller one
     * @param seed another seed gives other images throughout
     */
    public StainedGlass(Split split, int size, long seed, Difficulty difficulty) {
        require(size >= 1, "a set of images needs at least 1, found %d", size);
        this.split = split;
        this.seed = seed;
        this.difficulty = difficulty;
        this.painted = new AtomicReferenceArray<>(size);
    }

    private static List<String> classNames() {
        List<String> names = new ArrayList<>();
        for (Texture texture : Texture.values()) {
            for (Shape shape : Shape.values()) {
                names.add((texture + " " + shape).toLowerCase(Locale.ROOT));
            }
        }
        return List.copyOf(names);
    }

    @Override
    public int size() {
        return painted.length();
    }

    /** Classes follow each other in turn, so that any few images in a row are of as many classes. */
    @Override
    public int label(int index) {
        return index % CLASSES.size();
    }

    @Override
    public RgbImage image(int index) {
        RgbImage known = painted.get(index);
        if (known != null) {
            return known;
        }
        int label = label(index);
        Shape shape = Shape.values()[label % Shape.values().length];
        Texture texture = Texture.values()[label / Shape.values().length];
        SampleRandom random = SampleRandom.of(seed, split.ordinal(), index);
        RgbImage image = new GlassPainter(difficulty, random).paint(shape, texture);
        painted.set(index, image);
        return image;
    }

    @Override
    public long contentBytes(int index) {
        return 3L * difficulty.size() * difficulty.size();
    }

    /** Checksum of the first image, for all of them: another seed, difficulty or painter gives another one. */
    @Override
    public long stamp(int index) {
        var checksum = new CRC32();
        checksum.update(image(0).pixels());
        return checksum.getValue();
    }

    @Override
    public List<String> classes() {
        return CLASSES;
    }

    @Override
    public String name(int index) {
        return "%s/%s/%05d".formatted(split.folders().get(0), CLASSES.get(label(index)), index);
    }

    @Override
    public String describe() {
        String origin = "stained glass, generated, %s, %d×%<d pixels"
                .formatted(split.folders().get(0), difficulty.size());
        return Descriptions.of(origin, CLASSES, labels());
    }

    /**
     * Writes the first {@code count} images as {@code folder/CLASS/INDEX.png}, a folder that {@link ImageFolder} reads.
     *
     * @return the files, in order
     * @throws VitrailException if one cannot be written; those before it are whole
     */
    public List<Path> write(Path folder, int count) {
        require(count <= size(), "the set has %d images, cannot write %d", size(), count);
        List<Path> files = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            Path file = folder.resolve(CLASSES.get(label(i))).resolve("%05d.png".formatted(i));
            AtomicFile.write(file, ImageEncoder.png(image(i)));
            files.add(file);
        }
        return files;
    }
}
