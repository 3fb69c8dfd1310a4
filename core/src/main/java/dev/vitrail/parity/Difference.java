package dev.vitrail.parity;

/**
 * Difference between an array and the original's.
 *
 * @param largest the largest absolute difference; infinite where a value is not finite or the sizes differ
 * @param where where the largest difference is, in words
 */
@SuppressWarnings("ArrayRecordComponent") // lives for one comparison
record Difference(float[] found, float[] expected, double largest, String where) {
    static Difference of(float[] found, float[] expected) {
        if (found.length != expected.length) {
            return new Difference(
                    found,
                    expected,
                    Double.POSITIVE_INFINITY,
                    "%d elements, expected %d".formatted(found.length, expected.length));
        }
        double largest = 0;
        int at = 0;
        for (int i = 0; i < found.length; i++) {
            double difference = Math.abs((double) found[i] - expected[i]);
            if (Double.isNaN(difference)) {
                difference = Float.compare(found[i], expected[i]) == 0 ? 0 : Double.POSITIVE_INFINITY;
            }
            if (difference > largest) {
                largest = difference;
                at = i;
            }
        }
        var where = found.length == 0 ? "empty" : "element %d: %s, expected %s".formatted(at, found[at], expected[at]);
        return new Difference(found, expected, largest, where);
    }

    /** Returns whether every |found − expected| ≤ absolute + relative · |expected|. */
    boolean within(double absolute, double relative) {
        if (Double.isInfinite(largest)) {
            return false;
        }
        for (int i = 0; i < found.length; i++) {
            if (Math.abs((double) found[i] - expected[i]) > absolute + relative * Math.abs(expected[i])) {
                return false;
            }
        }
        return true;
    }

    /** The largest |expected|. */
    double scale() {
        double scale = 0;
        for (float value : expected) {
            scale = Math.max(scale, Math.abs(value));
        }
        return scale;
    }
}
