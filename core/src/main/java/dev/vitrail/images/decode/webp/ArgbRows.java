package dev.vitrail.images.decode.webp;

import java.io.IOException;

/** Consumer of the rows of a lossless image as they are decoded. */
interface ArgbRows {
    /**
     * Takes the next rows.
     *
     * @param pixels holds them, and is not to be changed
     * @param at where the first of them begins
     * @param rows how many there are, one behind the other
     */
    void take(int[] pixels, int at, int rows) throws IOException;
}
