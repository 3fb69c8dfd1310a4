package dev.vitrail.weights;

import dev.vitrail.errors.VitrailException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Map;

/**
 * numpy's {@code .npz}: a zip archive of {@code .npy} arrays, stored or deflated. Google's ViT and BiT checkpoints come
 * so; names keep their slashes ({@code Transformer/encoder_norm/scale}) and lose the ending {@code .npy}.
 *
 * <p>Stored arrays in C order are views of the mapped file; deflated ones and those in Fortran order are copied.
 */
public final class NpzFile {
    private static final String SUFFIX = ".npy";

    private NpzFile() {}

    /**
     * The arrays of a file.
     *
     * @throws VitrailException if it is damaged, or an array holds anything but little-endian numbers
     */
    public static StateDict read(Path file) {
        return read(ByteSource.of(file));
    }

    /** Like {@link #read(Path)}, of bytes in memory; {@code name} is used in errors. */
    public static StateDict read(byte[] bytes, String name) {
        return read(ByteSource.of(bytes, name));
    }

    static StateDict read(ByteSource source) {
        return Allowance.guarded(source.name(), () -> unguarded(source));
    }

    private static StateDict unguarded(ByteSource source) {
        VitrailException.require(
                ZipEntries.looksLikeZip(source), "%s is not an .npz file: it is no zip archive", source.name());
        var zip = ZipEntries.of(source);
        var tensors = new ArrayList<StoredTensor>();
        for (String entry : zip.names()) {
            VitrailException.require(
                    entry.endsWith(SUFFIX), "%s is not an .npz file: it holds %s, no .npy array", source.name(), entry);
            String name = entry.substring(0, entry.length() - SUFFIX.length());
            tensors.add(array(name, zip.content(entry, 1, true), source.name()));
        }
        return new StateDict(tensors, Map.of(), source.name());
    }

    private static StoredTensor array(String name, ByteBuffer content, String source) {
        var header = NpyHeader.read(content, name, source);
        int size = header.dtype().bytes();
        var bytes = content.slice(content.position(), content.remaining());
        boolean aligned = !bytes.isDirect() || bytes.alignmentOffset(0, size) == 0;
        if (header.fortranOrder() && header.shape().length > 1) {
            bytes = rowMajor(bytes, header.shape(), size);
        } else if (!aligned) {
            bytes = ByteBuffer.allocateDirect(bytes.remaining()).put(bytes).flip();
        }
        return new StoredTensor(name, header.dtype(), header.shape(), bytes);
    }

    /** Copies an array whose first index runs fastest into one whose last does. */
    private static ByteBuffer rowMajor(ByteBuffer columnMajor, long[] shape, int size) {
        var out = ByteBuffer.allocateDirect(columnMajor.remaining()).order(ByteOrder.LITTLE_ENDIAN);
        var strides = new long[shape.length];
        long elements = 1;
        for (int d = 0; d < shape.length; d++) {
            strides[d] = elements;
            elements *= shape[d];
        }
        var index = new long[shape.length];
        long at = 0;
        for (int i = 0; i < elements; i++) {
            out.put(i * size, columnMajor, (int) at * size, size);
            for (int d = shape.length - 1; d >= 0; d--) {
                at += strides[d];
                if (++index[d] < shape[d]) {
                    break;
                }
                at -= strides[d] * shape[d];
                index[d] = 0;
            }
        }
        return out;
    }
}
