package dev.vitrail.data;

import dev.vitrail.engine.DType;
import dev.vitrail.engine.Device;
import dev.vitrail.engine.Tensor;
import dev.vitrail.images.RgbImage;
import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Some images, ready for a model. It lives in memory that the loader uses again: valid until the next one is asked for.
 *
 * @param number its place in the epoch, from 0
 * @param size N, the number of images in it
 * @param channels C
 * @param height H, pixels
 * @param width W, pixels
 * @param bytes {@code 4 · N · C · H · W} bytes, direct and in native order: {@code [N, C, H, W]} floats, to be
 *     wrapped or copied
 * @param labels {@code [N]}, {@link Dataset#NO_LABEL} where there is none
 * @param indices {@code [N]}, places in the data set
 * @param whole images of the batch in all processes that share it, those that could not be read among them
 * @param places {@code [N]}, which of them these are
 */
@SuppressWarnings("ArrayRecordComponent") // a batch is compared by nobody
public record Batch(
        int number,
        int size,
        int channels,
        int height,
        int width,
        ByteBuffer bytes,
        int[] labels,
        int[] indices,
        int whole,
        int[] places) {
    /** A batch that no other process has a share of. */
    public Batch(
            int number, int size, int channels, int height, int width, ByteBuffer bytes, int[] labels, int[] indices) {
        this(
                number,
                size,
                channels,
                height,
                width,
                bytes,
                labels,
                indices,
                size,
                IntStream.range(0, size).toArray());
    }

    /** A batch of images without labels, transformed one after the other; in memory of its own. */
    public static Batch of(SampleTransform transform, List<RgbImage> images) {
        var memory = new BatchMemory(images.size(), transform);
        memory.begin(0, images.size());
        for (int place = 0; place < images.size(); place++) {
            transform.apply(images.get(place), SampleRandom.of(0, 0, place, place), memory.pixels(place));
            memory.filled(place, place, Dataset.NO_LABEL, List.of());
        }
        return memory.batch();
    }

    /** The images as a tensor, {@code [N, C, H, W]}, a copy in the caller's frame. */
    public Tensor images(Device device) {
        return images(device, 0, size);
    }

    /** Images {@code from} to {@code to} (exclusive) as a tensor, {@code [to − from, C, H, W]}, as {@link #images}. */
    public Tensor images(Device device, int from, int to) {
        int each = Float.BYTES * channels * height * width;
        var part = bytes.duplicate().limit(each * to).position(each * from);
        return Tensor.of(part, DType.F32, to - from, channels, height, width).to(device);
    }

    /** The pixels, {@code [N, C, H, W]}: a view, not a copy. */
    public FloatBuffer pixels() {
        return bytes.duplicate().order(bytes.order()).rewind().asFloatBuffer();
    }
}
