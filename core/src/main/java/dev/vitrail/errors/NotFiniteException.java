package dev.vitrail.errors;

import java.util.List;

/**
 * A model that gave NaN or infinite numbers, which are no results, though its weights are finite.
 *
 * <p>The command line exits with 1: neither the input nor its use was wrong.
 */
public final class NotFiniteException extends VitrailException {
    public NotFiniteException(String message) {
        super(message);
    }

    /**
     * Refuses results that are not finite.
     *
     * @param results a row an image
     * @param model what to call the model, such as {@code the model 'runs/shapes'}
     * @throws NotFiniteException with the number of such rows
     */
    public static void requireFinite(List<float[]> results, String model) {
        long bad = results.stream().filter(row -> !isFinite(row)).count();
        if (bad > 0) {
            throw new NotFiniteException(
                    ("%s gives numbers that are not finite (NaN or infinite) for %d of %d images, which is no result:"
                                    + " its weights are too large for its arithmetic, so load another checkpoint")
                            .formatted(model, bad, results.size()));
        }
    }

    private static boolean isFinite(float[] row) {
        for (float value : row) {
            if (!Float.isFinite(value)) {
                return false;
            }
        }
        return true;
    }
}
