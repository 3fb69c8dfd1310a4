package dev.vitrail.weights.torch;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/** Writes pickles instruction by instruction, and puts them into PyTorch's two containers. */
public final class Pickle {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();

    public static Pickle start() {
        return new Pickle().op(0x80, 2);
    }

    Pickle op(int... bytes) {
        for (int b : bytes) {
            out.write(b);
        }
        return this;
    }

    public Pickle ascii(String text) {
        out.writeBytes(text.getBytes(StandardCharsets.ISO_8859_1));
        return this;
    }

    Pickle global(String module, String name) {
        return ascii("c" + module + "\n" + name + "\n");
    }

    public Pickle text(String text) {
        var bytes = text.getBytes(StandardCharsets.UTF_8);
        out.write('X');
        out.writeBytes(ByteBuffer.allocate(4)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(bytes.length)
                .array());
        out.writeBytes(bytes);
        return this;
    }

    Pickle integer(long value) {
        out.write(0x8a);
        out.write(8);
        out.writeBytes(ByteBuffer.allocate(8)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(value)
                .array());
        return this;
    }

    Pickle integers(long... values) {
        ascii("(");
        for (long value : values) {
            integer(value);
        }
        return ascii("t");
    }

    Pickle storage(String type, String key, long elements) {
        return ascii("(")
                .text("storage")
                .global("torch", type)
                .text(key)
                .text("cpu")
                .integer(elements)
                .ascii("tQ");
    }

    /** A call of _rebuild_tensor_v2 on a FloatStorage. */
    public Pickle tensor(String key, long elements, long offset, long[] shape, long[] strides) {
        return global("torch._utils", "_rebuild_tensor_v2")
                .ascii("(")
                .storage("FloatStorage", key, elements)
                .integer(offset)
                .integers(shape)
                .integers(strides)
                .op(0x89)
                .global("collections", "OrderedDict")
                .ascii(")RtR");
    }

    public byte[] end() {
        return op('.').out.toByteArray();
    }

    /** The zip container with one storage {@code data/0}. */
    public static byte[] zip(byte[] pickle, byte[] storage) {
        return zip(new String[] {"any/data.pkl", "any/data/0"}, pickle, storage);
    }

    public static byte[] zip(String[] names, byte[]... contents) {
        var bytes = new ByteArrayOutputStream();
        try (var zip = new ZipOutputStream(bytes)) {
            for (int i = 0; i < names.length; i++) {
                var crc = new CRC32();
                crc.update(contents[i]);
                var entry = new ZipEntry(names[i]);
                entry.setMethod(ZipEntry.STORED);
                entry.setSize(contents[i].length);
                entry.setCrc(crc.getValue());
                zip.putNextEntry(entry);
                zip.write(contents[i]);
            }
        } catch (IOException e) {
            throw new AssertionError(e);
        }
        return bytes.toByteArray();
    }

    /** The stream of pickles that torch.save wrote before 1.6, followed by {@code storages}. */
    public static byte[] legacy(byte[] object, byte[] keys, byte[] storages) {
        var out = new ByteArrayOutputStream();
        out.writeBytes(new byte[] {
            (byte) 0x80,
            2,
            (byte) 0x8a,
            10,
            0x6c,
            (byte) 0xfc,
            (byte) 0x9c,
            0x46,
            (byte) 0xf9,
            0x20,
            0x6a,
            (byte) 0xa8,
            0x50,
            0x19,
            '.'
        });
        out.writeBytes(start().op('M', 0xe9, 0x03).end());
        out.writeBytes(
                start().ascii("}").text("little_endian").op(0x88).ascii("s").end());
        out.writeBytes(object);
        out.writeBytes(keys);
        out.writeBytes(storages);
        return out.toByteArray();
    }
}
