package dev.vitrail.weights.torch;

import dev.vitrail.engine.DType;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.files.AtomicFile;
import dev.vitrail.weights.StoredTensor;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.nio.channels.WritableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import org.apache.commons.compress.archivers.zip.Zip64Mode;
import org.apache.commons.compress.archivers.zip.ZipArchiveEntry;
import org.apache.commons.compress.archivers.zip.ZipArchiveOutputStream;

/**
 * Writes a state dict as {@code torch.save} does: a zip archive with a pickle of an {@code OrderedDict} and a member
 * for each tensor's elements. {@code torch.load} reads it with {@code weights_only=True}.
 */
public final class TorchWriter {
    /** Alignment of elements in the file, bytes, so that {@code torch.load(mmap=True)} can use them in place. */
    private static final int ALIGNMENT = 64;
    /**
     * Time stamp of all entries, milliseconds since 1970: the first that a zip archive can name. A fixed one, so that
     * equal weights give equal bytes.
     */
    private static final long TIME = 315_532_800_000L;

    private static final String FOLDER = "archive/";

    private TorchWriter() {}

    /**
     * Replaces {@code file}.
     *
     * @throws VitrailException if it cannot be written, or PyTorch has no storage for a tensor's data type
     */
    public static void write(Path file, Iterable<StoredTensor> tensors) {
        var all = new ArrayList<StoredTensor>();
        tensors.forEach(all::add);
        var pickle = new Pickle().stateDict(all);
        AtomicFile.write(file, out -> {
            // Sizes are known beforehand, so the archive is written from front to back.
            try (var zip = new ZipArchiveOutputStream(Channels.newOutputStream(uncloseable(out)))) {
                zip.setUseZip64(Zip64Mode.AsNeeded);
                add(zip, "data.pkl", ByteBuffer.wrap(pickle));
                add(zip, "byteorder", ascii("little"));
                for (int i = 0; i < all.size(); i++) {
                    add(zip, "data/" + i, all.get(i).bytes());
                }
                add(zip, "version", ascii("3\n"));
            }
        });
    }

    private static WritableByteChannel uncloseable(WritableByteChannel out) {
        return new WritableByteChannel() {
            @Override
            public int write(ByteBuffer bytes) throws IOException {
                return out.write(bytes);
            }

            @Override
            public boolean isOpen() {
                return out.isOpen();
            }

            @Override
            public void close() {}
        };
    }

    private static ByteBuffer ascii(String text) {
        return ByteBuffer.wrap(text.getBytes(StandardCharsets.US_ASCII));
    }

    private static void add(ZipArchiveOutputStream zip, String name, ByteBuffer content) throws IOException {
        var checksum = new CRC32();
        checksum.update(content.duplicate());
        var entry = new ZipArchiveEntry(FOLDER + name);
        entry.setMethod(ZipEntry.STORED);
        entry.setSize(content.remaining());
        entry.setCrc(checksum.getValue());
        entry.setAlignment(ALIGNMENT);
        entry.setTime(TIME);
        zip.putArchiveEntry(entry);
        AtomicFile.writeFully(Channels.newChannel(zip), content.duplicate());
        zip.closeArchiveEntry();
    }

    /** PyTorch's class of a storage. */
    private static String storage(StoredTensor tensor) {
        return switch (tensor.dtype()) {
            case F64 -> "DoubleStorage";
            case F32 -> "FloatStorage";
            case F16 -> "HalfStorage";
            case BF16 -> "BFloat16Storage";
            case I64 -> "LongStorage";
            case I32 -> "IntStorage";
            case I16 -> "ShortStorage";
            case I8 -> "CharStorage";
            case U8 -> "ByteStorage";
            case BOOL -> "BoolStorage";
            default ->
                throw VitrailException.of(
                        "%s is %s, which PyTorch's file format has no storage for: write safetensors, or convert it to"
                                + " %s",
                        tensor.name(), tensor.dtype(), DType.F32);
        };
    }

    /** Instructions of pickle's machine, protocol 2. */
    private static final class Pickle {
        private final ByteArrayOutputStream code = new ByteArrayOutputStream();

        byte[] stateDict(List<StoredTensor> tensors) {
            code.write(0x80); // PROTO
            code.write(2);
            orderedDict();
            code.write('('); // MARK
            for (int i = 0; i < tensors.size(); i++) {
                text(tensors.get(i).name());
                tensor(tensors.get(i), i);
            }
            code.write('u'); // SETITEMS
            code.write('.'); // STOP
            return code.toByteArray();
        }

        private void orderedDict() {
            global("collections", "OrderedDict");
            code.write(')'); // EMPTY_TUPLE
            code.write('R'); // REDUCE
        }

        /** {@code _rebuild_tensor_v2(storage, offset, size, stride, requires_grad, backward_hooks)}. */
        private void tensor(StoredTensor tensor, int key) {
            global("torch._utils", "_rebuild_tensor_v2");
            code.write('(');
            code.write('(');
            text("storage");
            global("torch", storage(tensor));
            text(Integer.toString(key));
            text("cpu");
            integer(tensor.elements());
            code.write('t'); // TUPLE
            code.write('Q'); // BINPERSID
            integer(0);
            tuple(tensor.shape());
            tuple(strides(tensor.shape()));
            code.write(0x89); // NEWFALSE
            orderedDict();
            code.write('t');
            code.write('R');
        }

        private static long[] strides(long[] shape) {
            var strides = new long[shape.length];
            long stride = 1;
            for (int i = shape.length - 1; i >= 0; i--) {
                strides[i] = stride;
                stride *= Math.max(shape[i], 1);
            }
            return strides;
        }

        private void tuple(long[] values) {
            code.write('(');
            for (long value : values) {
                integer(value);
            }
            code.write('t');
        }

        private void integer(long value) {
            boolean small = value == (int) value;
            code.write(small ? 'J' : 0x8a); // BININT or LONG1
            if (!small) {
                code.write(Long.BYTES);
            }
            var bytes = ByteBuffer.allocate(Long.BYTES)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putLong(value)
                    .array();
            code.write(bytes, 0, small ? Integer.BYTES : Long.BYTES);
        }

        private void global(String module, String name) {
            code.writeBytes(("c" + module + "\n" + name + "\n").getBytes(StandardCharsets.US_ASCII));
        }

        private void text(String value) {
            var bytes = value.getBytes(StandardCharsets.UTF_8);
            code.write('X'); // BINUNICODE
            code.writeBytes(ByteBuffer.allocate(Integer.BYTES)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putInt(bytes.length)
                    .array());
            code.writeBytes(bytes);
        }
    }
}
