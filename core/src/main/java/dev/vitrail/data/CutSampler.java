package dev.vitrail.data;

import static dev.vitrail.errors.VitrailException.require;

/**
 * Implementation of {@link Sampler#cutInto}.
 *
 * @param passes whose epochs follow each other
 * @param length positions of an epoch
 */
record CutSampler(Sampler passes, int length) implements Sampler {
    CutSampler {
        require(length >= 1, "an epoch has at least 1 image, found %d", length);
    }

    @Override
    public int[] order(int epoch) {
        int[] order = new int[length];
        long from = (long) epoch * length;
        for (int filled = 0; filled < length; ) {
            long at = from + filled;
            int[] pass = passes.order(Math.toIntExact(at / passes.length()));
            int begin = (int) (at % pass.length);
            int count = Math.min(length - filled, pass.length - begin);
            System.arraycopy(pass, begin, order, filled, count);
            filled += count;
        }
        return order;
    }
}
