package dev.vitrail.bench;

import java.util.SplittableRandom;

/**
 * Batch that every peer trains on: the same numbers, normally distributed as normalised photos roughly are, and the
 * same labels.
 */
@SuppressWarnings("ArrayRecordComponent") // compared by nobody
record StepInput(int batch, int height, int width, float[] images, long[] labels) {
    static final double LEARNING_RATE = 1e-4;
    static final double WEIGHT_DECAY = 0.05;

    StepInput(int batch, int height, int width, int classes) {
        this(batch, height, width, new float[batch * 3 * height * width], new long[batch]);
        var random = new SplittableRandom(7);
        for (int i = 0; i < images.length; i++) {
            images[i] = (float) random.nextGaussian();
        }
        for (int i = 0; i < batch; i++) {
            labels[i] = random.nextInt(classes);
        }
    }
}
