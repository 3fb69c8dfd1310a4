package dev.vitrail.data;

import static dev.vitrail.errors.VitrailException.require;

/** Implementation of {@link Sampler#repeated}. */
record RepeatedSampler(Sampler sampler, int times) implements Sampler {
    /** Epochs are cut to a multiple of this. */
    private static final int ROUND = 256;

    RepeatedSampler {
        require(times >= 1, "an image is repeated at least 1 time, found %d", times);
    }

    @Override
    public int length() {
        int length = sampler.length();
        return length < ROUND ? length : length / ROUND * ROUND;
    }

    @Override
    public int[] order(int epoch) {
        int[] once = sampler.order(epoch);
        int[] order = new int[length()];
        for (int i = 0; i < order.length; i++) {
            order[i] = once[i / times];
        }
        return order;
    }
}
