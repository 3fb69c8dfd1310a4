package dev.vitrail.data;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.images.RgbImage;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.random.RandomGenerator;
import javax.imageio.ImageIO;

/** Small files and sets for the tests of this package. */
final class TestImages {
    private TestImages() {}

    /** Writes an image of one colour in the format that the extension names. */
    static Path write(Path file, int rgb) {
        try {
            Files.createDirectories(file.getParent());
            BufferedImage image = new BufferedImage(6, 4, BufferedImage.TYPE_INT_RGB);
            for (int i = 0; i < 24; i++) {
                image.setRGB(i % 6, i / 6, rgb);
            }
            String name = file.getFileName().toString();
            String format = name.substring(name.lastIndexOf('.') + 1).toLowerCase(Locale.ROOT);
            if (!ImageIO.write(image, format, file.toFile())) {
                throw new IllegalStateException("nothing here writes " + format);
            }
            return file;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static Path text(Path file, String... lines) {
        try {
            Files.createDirectories(file.getParent());
            return Files.writeString(file, String.join("\n", lines) + "\n");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The folder of real data, if this machine has it. */
    static Optional<Path> real(String name) {
        String named = System.getenv("VITRAIL_TEST_DATA");
        Path folder = named == null ? Path.of("..", "..", "shared", "data") : Path.of(named);
        return Optional.of(folder.resolve(name)).filter(Files::exists);
    }

    /** One pixel an image, whose red level is the index; some are broken. */
    static final class Numbered implements Dataset {
        private final int size;
        private final Set<Integer> broken;
        final AtomicInteger decoded = new AtomicInteger();

        Numbered(int size, Integer... broken) {
            this.size = size;
            this.broken = Set.of(broken);
        }

        @Override
        public int size() {
            return size;
        }

        @Override
        public RgbImage image(int index) {
            decoded.incrementAndGet();
            if (broken.contains(index)) {
                throw VitrailException.of("image %d is cut off", index);
            }
            return new RgbImage(1, 1, new byte[] {(byte) index, (byte) (index >> 8), 0});
        }

        @Override
        public int label(int index) {
            return index % 3;
        }

        @Override
        public List<String> classes() {
            return List.of("a", "b", "c");
        }

        @Override
        public String name(int index) {
            return index + ".png";
        }

        @Override
        public String describe() {
            return "numbers";
        }
    }

    /** Two numbers an image, which one channel holds: its index, and one that was drawn. */
    static final class IndexAndChance implements SampleTransform {
        @Override
        public int channels() {
            return 1;
        }

        @Override
        public int height() {
            return 1;
        }

        @Override
        public int width() {
            return 2;
        }

        @Override
        public void apply(RgbImage image, RandomGenerator random, FloatBuffer pixels) {
            // Uneven work, so that threads overtake each other.
            if (random.nextInt(8) == 0) {
                Thread.yield();
            }
            pixels.put((image.pixels()[0] & 0xFF) + 256f * (image.pixels()[1] & 0xFF));
            pixels.put(random.nextFloat());
        }
    }

    /** A batch as a sentence, with everything that may not differ. */
    static String print(Batch batch) {
        List<String> samples = new ArrayList<>();
        FloatBuffer pixels = batch.pixels();
        for (int i = 0; i < batch.size(); i++) {
            samples.add("%d:%d:%s:%s"
                    .formatted(batch.indices()[i], batch.labels()[i], pixels.get(2 * i), pixels.get(2 * i + 1)));
        }
        return batch.number() + " " + samples;
    }

    static List<String> print(Batches batches) {
        List<String> printed = new ArrayList<>();
        while (batches.hasNext()) {
            printed.add(print(batches.next()));
        }
        return printed;
    }
}
