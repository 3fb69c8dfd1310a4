package dev.vitrail.weights;

import dev.vitrail.engine.DType;
import dev.vitrail.engine.NativeMemory;
import dev.vitrail.errors.VitrailException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.stream.IntStream;

/**
 * A named tensor as a file holds it: raw little-endian bytes, row-major, without gaps.
 *
 * <p>The bytes are usually a window onto the memory-mapped file: they cost no memory until they are read, stay valid
 * when the file is replaced by another, and must never be written to (the pages are read-only and a write from native
 * code ends the process). Wrap them to read, copy them to train.
 */
public final class StoredTensor {
    private final String name;
    private final DType dtype;
    private final long[] shape;
    private final long elements;
    private final Supplier<ByteBuffer> bytes;
    /** True if the bytes are pages of a mapped file. */
    private final boolean mapped;

    /**
     * @param bytes exactly the elements of {@code shape}, little-endian and row-major; kept, not copied
     * @throws VitrailException if shape, dtype and the number of bytes do not fit together
     */
    public StoredTensor(String name, DType dtype, long[] shape, ByteBuffer bytes) {
        this.name = name;
        this.dtype = dtype;
        this.shape = shape.clone();
        this.elements = Shapes.elements(shape, "tensor " + name);
        long expected = Shapes.bytes(elements, dtype.bytes(), "tensor " + name);
        VitrailException.require(
                expected == bytes.remaining(),
                "tensor %s of dtype %s and shape %s needs %d bytes, but %d are there",
                FormatErrors.printable(name),
                dtype,
                Arrays.toString(shape),
                expected,
                bytes.remaining());
        var window = bytes.slice().asReadOnlyBuffer();
        this.bytes = () -> window;
        mapped = false;
    }

    private StoredTensor(String name, DType dtype, long[] shape, Supplier<ByteBuffer> bytes, boolean mapped) {
        this.name = name;
        this.dtype = dtype;
        this.shape = shape;
        this.elements = Shapes.elements(shape, "tensor " + name);
        this.bytes = bytes;
        this.mapped = mapped;
    }

    /**
     * Tensors one after the other along the first dimension. They are put together each time the bytes are asked for,
     * so that the file's own stay where they are.
     *
     * @return empty if they differ in dtype or in another dimension
     */
    static Optional<StoredTensor> joined(String name, List<StoredTensor> parts) {
        var first = parts.get(0);
        long rows = 0;
        for (var part : parts) {
            if (part.dtype != first.dtype || part.shape.length == 0 || !Arrays.equals(part.rest(), first.rest())) {
                return Optional.empty();
            }
            rows += part.shape[0];
        }
        var shape = first.shape();
        shape[0] = rows;
        int size = Math.toIntExact(Shapes.bytes(Shapes.elements(shape, name), first.dtype.bytes(), name));
        return Optional.of(new StoredTensor(
                name,
                first.dtype,
                shape,
                () -> {
                    var all = ByteBuffer.allocateDirect(size);
                    parts.forEach(part -> all.put(part.bytes()));
                    return all.flip();
                },
                false));
    }

    /** The sizes of all dimensions but the first. */
    private long[] rest() {
        return Arrays.copyOfRange(shape, 1, shape.length);
    }

    /** A float tensor made from an array of {@code shape}'s elements, row-major. */
    public static StoredTensor of(String name, float[] values, long... shape) {
        var bytes = ByteBuffer.allocateDirect(Math.multiplyExact(values.length, Float.BYTES))
                .order(ByteOrder.LITTLE_ENDIAN);
        bytes.asFloatBuffer().put(values);
        return new StoredTensor(name, DType.F32, shape, bytes);
    }

    public String name() {
        return name;
    }

    public DType dtype() {
        return dtype;
    }

    /** The size of each dimension; empty for a scalar. */
    public long[] shape() {
        return shape.clone();
    }

    /** The number of elements: the product of {@link #shape()}. */
    public long elements() {
        return elements;
    }

    /** This tensor under another name; the bytes are shared. */
    public StoredTensor named(String newName) {
        return new StoredTensor(newName, dtype, shape, bytes, mapped);
    }

    /** This tensor, whose bytes are known to be pages of a mapped file. */
    StoredTensor ofMappedFile() {
        return new StoredTensor(name, dtype, shape, bytes, true);
    }

    /**
     * Takes the file's pages out of this process's memory, once they have been read; who reads them again has
     * them read again.
     */
    void discardPages() {
        if (mapped) {
            NativeMemory.discardPages(bytes.get());
        }
    }

    /** This tensor cut into equal parts along its first dimension, the bytes shared; empty if it cannot be cut so. */
    List<StoredTensor> parts(int count) {
        if (shape.length == 0 || shape[0] % count != 0) {
            return List.of();
        }
        var part = shape();
        part[0] /= count;
        var whole = bytes.get();
        int size = whole.remaining() / count;
        return IntStream.range(0, count)
                .mapToObj(i -> new StoredTensor(name, dtype, part, whole.slice(i * size, size)))
                .toList();
    }

    /**
     * The raw bytes from position 0 to the limit: read-only, little-endian, row-major; direct wherever the tensor comes
     * from a file, and then aligned to the size of an element.
     */
    public ByteBuffer bytes() {
        return bytes.get().duplicate().order(ByteOrder.LITTLE_ENDIAN);
    }

    /** Every element as a float, row-major; wider types are rounded to the nearest float, BOOL gives 0 and 1. */
    public float[] toFloats() {
        var values = new float[arrayLength()];
        var in = bytes();
        switch (dtype) {
            case F32 -> in.asFloatBuffer().get(values);
            case F64 -> {
                for (int i = 0; i < values.length; i++) {
                    values[i] = (float) in.getDouble(8 * i);
                }
            }
            case F16 -> {
                for (int i = 0; i < values.length; i++) {
                    values[i] = SmallFloats.half(in.getShort(2 * i));
                }
            }
            case BF16 -> {
                for (int i = 0; i < values.length; i++) {
                    values[i] = SmallFloats.bfloat16(in.getShort(2 * i));
                }
            }
            case F8_E4M3 -> {
                for (int i = 0; i < values.length; i++) {
                    values[i] = SmallFloats.e4m3(in.get(i));
                }
            }
            case F8_E5M2 -> {
                for (int i = 0; i < values.length; i++) {
                    values[i] = SmallFloats.e5m2(in.get(i));
                }
            }
            case U64 -> {
                for (int i = 0; i < values.length; i++) {
                    values[i] = unsignedToFloat(in.getLong(8 * i));
                }
            }
            default -> {
                for (int i = 0; i < values.length; i++) {
                    values[i] = integer(in, i);
                }
            }
        }
        return values;
    }

    /**
     * Every element of an integer or BOOL tensor, row-major.
     *
     * @throws VitrailException if the elements are floating-point numbers, or a U64 beyond 2⁶³ − 1
     */
    public long[] toLongs() {
        VitrailException.require(
                !dtype.floating(), "tensor %s holds %s; integers were expected, so read it as floats", name, dtype);
        var values = new long[arrayLength()];
        var in = bytes();
        for (int i = 0; i < values.length; i++) {
            values[i] = integer(in, i);
            VitrailException.require(
                    dtype != DType.U64 || values[i] >= 0,
                    "tensor %s holds %s, which is more than a signed 64-bit integer can",
                    name,
                    Long.toUnsignedString(values[i]));
        }
        return values;
    }

    private long integer(ByteBuffer in, int i) {
        return switch (dtype) {
            case I64, U64 -> in.getLong(8 * i);
            case I32 -> in.getInt(4 * i);
            case U32 -> Integer.toUnsignedLong(in.getInt(4 * i));
            case I16 -> in.getShort(2 * i);
            case U16 -> Short.toUnsignedLong(in.getShort(2 * i));
            case I8 -> in.get(i);
            case U8 -> Byte.toUnsignedLong(in.get(i));
            case BOOL -> in.get(i) == 0 ? 0 : 1;
            default -> throw new IllegalStateException(dtype + " is no integer type");
        };
    }

    private static float unsignedToFloat(long bits) {
        // Halved, the value fits the signed range; the lowest bit is kept so that the rounding stays correct.
        return bits >= 0 ? (float) bits : 2f * (float) ((bits >>> 1) | (bits & 1));
    }

    private int arrayLength() {
        return Math.toIntExact(elements); // the bytes fit one buffer, so the elements fit one array
    }

    @Override
    public String toString() {
        return "%s %s%s".formatted(name, dtype, Arrays.toString(shape));
    }
}
