package dev.vitrail.inspect;

/**
 * Histogram of token norms after a block, over many images: the share of patches by {@code ‖t‖₂} divided by the median
 * of their own image. {@link TokenNorms} calls a patch an outlier above {@link #OUTLIER}.
 *
 * @param block its name, or {@code embedding}
 * @param shares of the patches in each bin of {@link #WIDTH} from 0 on, {@code [BINS]}; the last bin holds all that is
 *     longer
 * @param median mean over images of the images' medians
 */
@SuppressWarnings("ArrayRecordComponent") // the figures are plain arrays by design
public record NormHistogram(String block, float[] shares, double median) {
    /** Width of a bin, in medians. */
    public static final double WIDTH = 0.25;

    /** Bins: up to ten medians, and one for what is longer. */
    public static final int BINS = 41;

    /** Medians above which a patch is an outlier. */
    public static final double OUTLIER = TokenNorms.FACTOR;

    /** Counts patches, in memory that does not grow with them. */
    static final class Counter {
        private final String block;
        private final long[] counts = new long[BINS];
        private double medians;
        private int images;

        Counter(String block) {
            this.block = block;
        }

        /** Adds the norms of an image's patches. */
        void add(float[] patches) {
            double median = TokenNorms.median(patches);
            for (float norm : patches) {
                counts[median > 0 ? (int) Math.min(BINS - 1, norm / median / WIDTH) : 0]++;
            }
            medians += median;
            images++;
        }

        NormHistogram result() {
            long all = 0;
            for (long count : counts) {
                all += count;
            }
            var shares = new float[BINS];
            for (int i = 0; i < BINS; i++) {
                shares[i] = all == 0 ? 0 : (float) counts[i] / all;
            }
            return new NormHistogram(block, shares, images == 0 ? 0 : medians / images);
        }
    }
}
