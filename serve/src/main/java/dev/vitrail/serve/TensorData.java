package dev.vitrail.serve;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A tensor of the Open Inference Protocol, in row-major order.
 *
 * @param datatype FP32, UINT8 or BYTES
 */
record TensorData(String name, String datatype, List<Long> shape, Contents contents) {
    static final String FP32 = "FP32", UINT8 = "UINT8", BYTES = "BYTES";

    /** The values. */
    sealed interface Contents {
        /** Elements of FP32. */
        @SuppressWarnings("ArrayRecordComponent") // large, and compared by nobody
        record Floats(float[] values) implements Contents {}

        /** Elements of UINT8. */
        @SuppressWarnings("ArrayRecordComponent")
        record Levels(byte[] values) implements Contents {}

        /** Elements of BYTES: any bytes, or text in UTF-8. */
        record Strings(List<byte[]> values) implements Contents {}

        default int size() {
            if (this instanceof Floats floats) {
                return floats.values().length;
            }
            if (this instanceof Levels levels) {
                return levels.values().length;
            }
            return ((Strings) this).values().size();
        }
    }

    TensorData {
        shape = List.copyOf(shape);
        RequestException.requireGood(
                shape.stream().allMatch(side -> side >= 0 && side <= Integer.MAX_VALUE),
                "the shape of '%s' is %s: expected sides of 0 to %d",
                name,
                shape,
                Integer.MAX_VALUE);
        RequestException.requireGood(
                elements(shape) == contents.size(),
                "'%s' has %d values, and its shape %s has %s: expected as many",
                name,
                contents.size(),
                shape,
                elements(shape) < 0 ? "too many" : elements(shape));
    }

    /** Elements of a shape; −1 where an array cannot hold them. */
    private static long elements(List<Long> shape) {
        long elements = 1;
        for (long side : shape) {
            elements = side == 0 || elements <= Integer.MAX_VALUE / side ? elements * side : -1;
            if (elements < 0) {
                return -1;
            }
        }
        return elements;
    }

    static TensorData floats(String name, List<Long> shape, float[] values) {
        return new TensorData(name, FP32, shape, new Contents.Floats(values));
    }

    static TensorData strings(String name, List<Long> shape, List<String> values) {
        return new TensorData(
                name,
                BYTES,
                shape,
                new Contents.Strings(values.stream()
                        .map(value -> value.getBytes(StandardCharsets.UTF_8))
                        .toList()));
    }

    /** A tensor from little-endian bytes; each element of BYTES follows its length, four bytes. */
    static TensorData ofRaw(String name, String datatype, List<Long> shape, ByteBuffer raw) {
        var data = raw.slice().order(ByteOrder.LITTLE_ENDIAN);
        return new TensorData(
                name,
                datatype,
                shape,
                switch (datatype) {
                    case FP32 -> {
                        RequestException.requireGood(
                                data.remaining() % Float.BYTES == 0,
                                "'%s' has %d bytes: expected a multiple of 4 for FP32",
                                name,
                                data.remaining());
                        var values = new float[data.remaining() / Float.BYTES];
                        data.asFloatBuffer().get(values);
                        yield new Contents.Floats(values);
                    }
                    case UINT8 -> {
                        var values = new byte[data.remaining()];
                        data.get(values);
                        yield new Contents.Levels(values);
                    }
                    case BYTES -> new Contents.Strings(strings(name, data));
                    default -> throw unknown(name, datatype);
                });
    }

    static RequestException unknown(String name, String datatype) {
        return RequestException.bad("'%s' has the data type %s: expected FP32, UINT8 or BYTES", name, datatype);
    }

    private static List<byte[]> strings(String name, ByteBuffer data) {
        var values = new ArrayList<byte[]>();
        while (data.hasRemaining()) {
            int length = data.remaining() < Integer.BYTES ? -1 : data.getInt();
            RequestException.requireGood(
                    length >= 0 && length <= data.remaining(),
                    "'%s' is cut off: expected each element of BYTES behind its length of four bytes",
                    name);
            var value = new byte[length];
            data.get(value);
            values.add(value);
        }
        return values;
    }

    /** The values as {@link #ofRaw} reads them. */
    byte[] raw() {
        if (contents instanceof Contents.Floats floats) {
            var bytes =
                    ByteBuffer.allocate(Float.BYTES * floats.values().length).order(ByteOrder.LITTLE_ENDIAN);
            bytes.asFloatBuffer().put(floats.values());
            return bytes.array();
        }
        if (contents instanceof Contents.Levels levels) {
            return levels.values();
        }
        var bytes = new ByteArrayOutputStream();
        for (var value : ((Contents.Strings) contents).values()) {
            bytes.writeBytes(ByteBuffer.allocate(Integer.BYTES)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putInt(value.length)
                    .array());
            bytes.writeBytes(value);
        }
        return bytes.toByteArray();
    }

    /** The values as JSON has them; {@code BYTES} must be text. */
    List<?> list() {
        if (contents instanceof Contents.Floats floats) {
            var all = new ArrayList<Float>(floats.values().length);
            for (float value : floats.values()) {
                all.add(value);
            }
            return all;
        }
        if (contents instanceof Contents.Strings strings) {
            return strings.values().stream()
                    .map(value -> new String(value, StandardCharsets.UTF_8))
                    .toList();
        }
        var levels = ((Contents.Levels) contents).values();
        var all = new ArrayList<Integer>(levels.length);
        for (byte level : levels) {
            all.add(Byte.toUnsignedInt(level));
        }
        return all;
    }

    /** Part of the values of FP32. */
    static float[] slice(float[] values, int index, int length) {
        return Arrays.copyOfRange(values, index * length, (index + 1) * length);
    }
}
