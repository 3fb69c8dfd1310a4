package dev.vitrail.models.layers;

import java.util.Optional;

/**
 * Rows and columns of patches that an image is cut into.
 *
 * @param rows of patches
 * @param columns of patches
 */
public record Grid(int rows, int columns) {
    public long patches() {
        return (long) rows * columns;
    }

    /** The square grid of that many patches; empty if there is none. */
    static Optional<Grid> square(long patches) {
        int side = (int) Math.round(Math.sqrt(Math.max(0, patches)));
        return patches > 0 && (long) side * side == patches ? Optional.of(new Grid(side, side)) : Optional.empty();
    }
}
