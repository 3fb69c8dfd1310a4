package dev.vitrail.data;

import dev.vitrail.images.Preprocessing;
import dev.vitrail.images.RgbImage;
import dev.vitrail.images.TrainingTransform;
import java.nio.FloatBuffer;
import java.util.random.RandomGenerator;

/** The transforms of package {@code images}, as a {@link Loader} applies them. */
public final class Transforms {
    private Transforms() {}

    /** The same view of a picture every time: for evaluation and prediction. */
    public static SampleTransform evaluation(Preprocessing preprocessing) {
        return new Sized(preprocessing) {
            @Override
            public void apply(RgbImage image, RandomGenerator random, FloatBuffer pixels) {
                preprocessing.write(image, pixels);
            }
        };
    }

    /** A random view of a picture. */
    public static SampleTransform training(TrainingTransform transform) {
        return new Sized(transform.preprocessing()) {
            @Override
            public void apply(RgbImage image, RandomGenerator random, FloatBuffer pixels) {
                transform.write(image, random, pixels);
            }
        };
    }

    /** A transform into a model's input. */
    private abstract static class Sized implements SampleTransform {
        private final Preprocessing input;

        Sized(Preprocessing input) {
            this.input = input;
        }

        @Override
        public int channels() {
            return input.channels();
        }

        @Override
        public int height() {
            return input.height();
        }

        @Override
        public int width() {
            return input.width();
        }
    }
}
