package dev.vitrail.data;

import dev.vitrail.images.Preprocessing;
import dev.vitrail.images.RgbImage;
import dev.vitrail.images.augment.TrainingTransform;
import java.nio.FloatBuffer;
import java.util.random.RandomGenerator;

/** The transforms of package {@code images}, as a {@link Loader} applies them. */
public final class Transforms {
    private Transforms() {}

    /** Deterministic view of an image, for evaluation and prediction. */
    public static SampleTransform evaluation(Preprocessing preprocessing) {
        return new Sized(preprocessing.channels(), preprocessing.height(), preprocessing.width()) {
            @Override
            void write(RgbImage image, RandomGenerator random, float[] values) {
                preprocessing.toFloats(image, values, 0);
            }
        };
    }

    /** A random view of an image. */
    public static SampleTransform training(TrainingTransform transform) {
        return new Sized(transform.normalization().channels(), transform.height(), transform.width()) {
            @Override
            void write(RgbImage image, RandomGenerator random, float[] values) {
                transform.toFloats(image, random, values, 0);
            }
        };
    }

    /** A transform into a model's input, by way of an array of each thread's own. */
    private abstract static class Sized implements SampleTransform {
        private final int channels;
        private final int height;
        private final int width;
        private final ThreadLocal<float[]> values;

        Sized(int channels, int height, int width) {
            this.channels = channels;
            this.height = height;
            this.width = width;
            values = ThreadLocal.withInitial(() -> new float[channels * height * width]);
        }

        abstract void write(RgbImage image, RandomGenerator random, float[] values);

        @Override
        public void apply(RgbImage image, RandomGenerator random, FloatBuffer pixels) {
            var own = values.get();
            write(image, random, own);
            pixels.put(own);
        }

        @Override
        public int channels() {
            return channels;
        }

        @Override
        public int height() {
            return height;
        }

        @Override
        public int width() {
            return width;
        }
    }
}
