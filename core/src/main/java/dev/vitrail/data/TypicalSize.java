package dev.vitrail.data;

import dev.vitrail.errors.VitrailException;
import java.util.OptionalInt;
import java.util.stream.IntStream;

/**
 * Typical size of the images of a set, estimated from a sample.
 *
 * @param side median of their shorter sides, pixels; empty if none could be read
 */
public record TypicalSize(OptionalInt side) {
    private static final int LOOKED_AT = 16;

    /** Reads sixteen images, evenly spread over the set. */
    public static TypicalSize of(Dataset set) {
        int looked = Math.min(LOOKED_AT, set.size());
        int[] sides = IntStream.range(0, looked)
                .map(i -> side(set, (int) ((long) i * set.size() / looked)))
                .filter(side -> side > 0)
                .sorted()
                .toArray();
        return new TypicalSize(sides.length == 0 ? OptionalInt.empty() : OptionalInt.of(sides[sides.length / 2]));
    }

    /** 0 if the image cannot be read: loading will report it. */
    private static int side(Dataset set, int index) {
        try {
            var image = set.image(index);
            return Math.min(image.width(), image.height());
        } catch (VitrailException e) {
            return 0;
        }
    }
}
