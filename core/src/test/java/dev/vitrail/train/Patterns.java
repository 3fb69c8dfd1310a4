package dev.vitrail.train;

import dev.vitrail.data.Dataset;
import dev.vitrail.data.Loader;
import dev.vitrail.data.LoaderOptions;
import dev.vitrail.data.SampleTransform;
import dev.vitrail.data.Sampler;
import dev.vitrail.images.RgbImage;
import java.nio.FloatBuffer;
import java.util.List;
import java.util.Random;
import java.util.random.RandomGenerator;

/**
 * Noisy images of a few classes, each brighter in a colour of its own (the fourth in none), to learn from in seconds.
 */
final class Patterns implements Dataset {
    private final int side;
    private final int size;
    private final int classes;

    Patterns(int side, int size, int classes) {
        this.side = side;
        this.size = size;
        this.classes = classes;
    }

    @Override
    public int size() {
        return size;
    }

    @Override
    public RgbImage image(int index) {
        var random = new Random(index);
        var pixels = new byte[3 * side * side];
        for (int i = 0; i < pixels.length; i++) {
            pixels[i] = (byte) (random.nextInt(128) + (i % 3 == label(index) ? 100 : 0));
        }
        return new RgbImage(side, side, pixels);
    }

    @Override
    public int label(int index) {
        return index % classes;
    }

    @Override
    public List<String> classes() {
        return List.of("a", "b", "c", "d").subList(0, classes);
    }

    @Override
    public String name(int index) {
        return "pattern " + index;
    }

    @Override
    public String describe() {
        return size + " patterns";
    }

    /** Scales levels to about −1 … 1, with a little noise that a loader's random numbers give. */
    static class Scaled implements SampleTransform {
        private final int side;

        Scaled(int side) {
            this.side = side;
        }

        @Override
        public int height() {
            return side;
        }

        @Override
        public int width() {
            return side;
        }

        @Override
        public void apply(RgbImage image, RandomGenerator random, FloatBuffer pixels) {
            for (int channel = 0; channel < 3; channel++) {
                for (int i = 0; i < side * side; i++) {
                    int level = Byte.toUnsignedInt(image.pixels()[3 * i + channel]);
                    pixels.put(level / 127.5f - 1 + 0.1f * random.nextFloat());
                }
            }
        }
    }

    Loader training(int batch) {
        return training(batch, new Scaled(side));
    }

    Loader training(int batch, SampleTransform transform) {
        return new Loader(this, transform, Sampler.shuffled(size, 3), LoaderOptions.training(batch, 3));
    }

    Loader evaluation(int batch) {
        return new Loader(this, new Scaled(side), Sampler.sequential(size), LoaderOptions.evaluation(batch));
    }
}
