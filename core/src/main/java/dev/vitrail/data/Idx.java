package dev.vitrail.data;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.images.RgbImage;
import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.zip.CRC32;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipException;

/**
 * Grey images of one size in IDX files, the format of MNIST and its descendants: {@code train-images-idx3-ubyte} and
 * {@code train-labels-idx1-ubyte}, with {@code t10k} for the other part, each plain or {@code .gz}.
 *
 * <p>The pixels stay in memory as they are, one byte each; {@link #image} spreads them over three channels. Classes are
 * named by a {@code classes.txt} in the folder, by Fashion-MNIST's list if the folder's name says "fashion", and
 * otherwise "0", "1" ….
 */
public final class Idx implements Dataset {
    private static final int IMAGES_MAGIC = 0x803;
    private static final int LABELS_MAGIC = 0x801;
    private static final List<String> FASHION = List.of(
            "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot");

    private final Path file;
    private final int height;
    private final int width;
    private final byte[] pixels; // [size, height, width]
    private final byte[] labels;
    private final List<String> classes;

    private Idx(Path file, int height, int width, byte[] pixels, byte[] labels, List<String> classes) {
        this.file = file;
        this.height = height;
        this.width = width;
        this.pixels = pixels;
        this.labels = labels;
        this.classes = classes;
    }

    /**
     * Returns whether {@code folder} holds the images of this part, or of any for {@link Split#VALIDATION}
     * and {@link Split#TEST}.
     */
    public static boolean has(Path folder, Split split) {
        return images(folder, split).isPresent();
    }

    /**
     * Reads a part of the set that lies in {@code folder}; validation and test are the same part.
     *
     * @throws VitrailException if a file is missing, is not IDX, or does not have as many bytes as its header says
     */
    public static Idx open(Path folder, Split split) {
        Path images = images(folder, split)
                .orElseThrow(() -> VitrailException.of(
                        "%s has no %s-images-idx3-ubyte or %1$s-images-idx3-ubyte.gz; add the file or use another part",
                        folder, prefixes(split).get(0)));
        String imagesName = String.valueOf(images.getFileName());
        String stem = imagesName.substring(0, imagesName.indexOf("-images"));
        Path labels = existing(folder, stem + "-labels", "idx1-ubyte")
                .orElseThrow(() -> VitrailException.of(
                        "%s lies beside no %s-labels-idx1-ubyte; the labels of its images are needed", images, stem));
        return read(folder, images, labels);
    }

    private static Idx read(Path folder, Path images, Path labels) {
        try (DataInputStream in = stream(images);
                DataInputStream labelsIn = stream(labels)) {
            int[] shape = header(images, in, IMAGES_MAGIC, 3);
            int[] count = header(labels, labelsIn, LABELS_MAGIC, 1);
            require(
                    shape[0] == count[0],
                    "%s has %d images and %s has %d labels; they are not of the same set",
                    images,
                    shape[0],
                    labels,
                    count[0]);
            require(shape[0] > 0 && shape[1] > 0 && shape[2] > 0, "%s holds no images", images);
            byte[] pixels = body(images, in, (long) shape[0] * shape[1] * shape[2]);
            byte[] classOf = body(labels, labelsIn, count[0]);
            return new Idx(images, shape[1], shape[2], pixels, classOf, classNames(folder, labels, classOf));
        } catch (EOFException e) {
            throw new VitrailException(images + " or its labels end within the header; fetch them again", e);
        } catch (ZipException e) {
            throw new VitrailException(
                    "%s or its labels are no intact gzip (%s); fetch them again".formatted(images, e.getMessage()), e);
        } catch (IOException e) {
            throw new VitrailException("cannot read %s or its labels: %s".formatted(images, e.getMessage()), e);
        }
    }

    private static List<String> classNames(Path folder, Path labels, byte[] classOf) {
        int largest = 0;
        for (byte label : classOf) {
            largest = Math.max(largest, label & 0xFF);
        }
        Path list = folder.resolve("classes.txt");
        Path name = folder.toAbsolutePath().normalize().getFileName();
        boolean fashion = String.valueOf(name).toLowerCase(Locale.ROOT).contains("fashion");
        List<String> names = new ArrayList<>();
        if (Files.exists(list)) {
            names.addAll(ClassNames.read(list).names());
        } else if (fashion && largest < FASHION.size()) {
            names.addAll(FASHION);
        } else {
            for (int i = 0; i <= Math.max(9, largest); i++) {
                names.add(Integer.toString(i));
            }
        }
        require(
                largest < names.size(),
                "%s names %d classes, but %s has label %d; add the missing names",
                list,
                names.size(),
                labels,
                largest);
        return List.copyOf(names);
    }

    private static DataInputStream stream(Path file) throws IOException {
        InputStream raw = new BufferedInputStream(Files.newInputStream(file), 1 << 16);
        boolean gzip = String.valueOf(file.getFileName()).endsWith(".gz");
        try {
            return new DataInputStream(gzip ? new GZIPInputStream(raw, 1 << 16) : raw);
        } catch (IOException e) {
            raw.close();
            throw e;
        }
    }

    private static int[] header(Path file, DataInputStream in, int magic, int dimensions) throws IOException {
        int found = in.readInt();
        require(
                found == magic,
                "%s: expected the IDX number 0x%08x at its start, found 0x%08x; it is not such a file",
                file,
                magic,
                found);
        int[] shape = new int[dimensions];
        for (int i = 0; i < dimensions; i++) {
            shape[i] = in.readInt();
            require(shape[i] >= 0, "%s: its header states a negative size, %d", file, shape[i]);
        }
        return shape;
    }

    /**
     * Reads exactly {@code bytes} bytes and the end. Memory grows with what has been read, not with what the header
     * claims.
     */
    private static byte[] body(Path file, DataInputStream in, long bytes) throws IOException {
        require(bytes <= Integer.MAX_VALUE - 8, "%s: %,d bytes of pixels are more than one array holds", file, bytes);
        byte[] body = in.readNBytes((int) bytes);
        boolean more = in.read() >= 0;
        require(
                body.length == bytes && !more,
                "%s: its header states %,d bytes, found %s; fetch the file again",
                file,
                bytes,
                more ? "more" : "%,d".formatted(body.length));
        return body;
    }

    private static List<String> prefixes(Split split) {
        return split == Split.TRAIN ? List.of("train") : List.of("t10k", "test", "val");
    }

    private static Optional<Path> images(Path folder, Split split) {
        return prefixes(split).stream()
                .flatMap(prefix -> existing(folder, prefix + "-images", "idx3-ubyte").stream())
                .findFirst();
    }

    private static Optional<Path> existing(Path folder, String stem, String kind) {
        return List.of("-" + kind, "-" + kind + ".gz", "." + kind, "." + kind + ".gz").stream()
                .map(end -> folder.resolve(stem + end))
                .filter(Files::isRegularFile)
                .findFirst();
    }

    @Override
    public int size() {
        return labels.length;
    }

    @Override
    public RgbImage image(int index) {
        int area = height * width;
        byte[] rgb = new byte[3 * area];
        int at = index * area; // below 2³¹, as the whole array is
        for (int i = 0, to = 0; i < area; i++, to += 3) {
            byte grey = pixels[at + i];
            rgb[to] = grey;
            rgb[to + 1] = grey;
            rgb[to + 2] = grey;
        }
        return new RgbImage(width, height, rgb);
    }

    /** One byte a pixel, as the file has them. */
    @Override
    public byte[] content(int index) {
        int area = height * width;
        return Arrays.copyOfRange(pixels, index * area, (index + 1) * area);
    }

    @Override
    public long contentBytes(int index) {
        return height * width;
    }

    @Override
    public long stamp(int index) {
        var checksum = new CRC32();
        checksum.update(pixels, index * height * width, height * width);
        return checksum.getValue();
    }

    @Override
    public int label(int index) {
        return labels[index] & 0xFF;
    }

    @Override
    public List<String> classes() {
        return classes;
    }

    @Override
    public String name(int index) {
        return file.getFileName() + "#" + index;
    }

    @Override
    public String describe() {
        return Descriptions.of(file.toString(), classes, labels());
    }
}
