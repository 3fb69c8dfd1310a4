package dev.vitrail.data;

import java.nio.ByteBuffer;
import java.nio.FloatBuffer;

/**
 * Some pictures, ready for a model. It lives in memory that the loader uses again: valid until the next one is asked for.
 *
 * @param number its place in the epoch, from 0
 * @param size N, the number of pictures in it
 * @param channels C
 * @param height H, pixels
 * @param width W, pixels
 * @param bytes {@code 4 · N · C · H · W} bytes, direct and in native order: {@code [N, C, H, W]} floats, to be wrapped or copied
 * @param labels {@code [N]}, {@link Dataset#NO_LABEL} where there is none
 * @param indices {@code [N]}, places in the data set
 */
@SuppressWarnings("ArrayRecordComponent") // a batch is compared by nobody
public record Batch(
        int number, int size, int channels, int height, int width, ByteBuffer bytes, int[] labels, int[] indices) {

    /** The pixels, {@code [N, C, H, W]}: a view, not a copy. */
    public FloatBuffer pixels() {
        return bytes.duplicate().order(bytes.order()).rewind().asFloatBuffer();
    }
}
