package dev.vitrail.weights;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import dev.vitrail.VitrailException;
import dev.vitrail.engine.DType;
import dev.vitrail.files.AtomicFile;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * The safetensors format: 8 bytes little-endian header length N, N bytes of JSON that name each tensor's dtype, shape
 * and place, then the tensors' bytes without gaps.
 *
 * <p>Every rule of the format is checked before a tensor is handed out, and a file, a stream and an array get the same
 * verdict: a header of at most 100,000,000 bytes that begins with a brace and names nothing twice; shape times dtype
 * equal to the bytes, in exact 64-bit arithmetic; places that begin at zero, follow each other without overlap or hole,
 * and end where the file ends. The last rule leaves no room for a second file hidden inside the first.
 *
 * @see <a href="https://github.com/huggingface/safetensors">the format's own description</a>
 */
public final class Safetensors {
    static final String METADATA = "__metadata__";

    /** Widest elements first, so that every tensor is aligned; among equals the order of the format's own writer. */
    private static final List<DType> WRITING_ORDER = List.of(
            DType.U64,
            DType.I64,
            DType.F64,
            DType.F32,
            DType.U32,
            DType.I32,
            DType.BF16,
            DType.F16,
            DType.U16,
            DType.I16,
            DType.F8_E4M3,
            DType.F8_E5M2,
            DType.I8,
            DType.U8,
            DType.BOOL);

    private Safetensors() {}

    /**
     * The tensors of a file, memory-mapped: reading is immediate, and pages are loaded when they are used.
     *
     * @throws VitrailException if there is no such file or it breaks a rule of the format
     */
    public static StateDict read(Path file) {
        return read(ByteSource.of(file));
    }

    /** The tensors in {@code bytes}, which are kept and must not change; {@code name} is used in errors. */
    public static StateDict read(byte[] bytes, String name) {
        return read(ByteSource.of(bytes, name));
    }

    /** The tensors that {@code in} gives up to its end, at most 2 GiB; {@code name} is used in errors. */
    public static StateDict read(InputStream in, String name) {
        return read(ByteSource.of(in, name));
    }

    static StateDict read(ByteSource source) {
        var header = SafetensorsHeader.of(source);
        var tensors = new ArrayList<StoredTensor>(header.entries().size());
        for (var entry : header.entries()) {
            var bytes = source.aligned(
                    header.dataStart() + entry.begin(),
                    entry.end() - entry.begin(),
                    entry.dtype().bytes());
            tensors.add(new StoredTensor(entry.name(), entry.dtype(), entry.shape(), bytes));
        }
        return new StateDict(tensors, header.metadata(), source.name());
    }

    /** Writes {@code tensors} with the metadata {@code format: pt} that PyTorch's tools look for. */
    public static void write(Path file, Iterable<StoredTensor> tensors) {
        write(file, tensors, Map.of("format", "pt"));
    }

    /**
     * Writes a file that holds {@code tensors}, replacing an old one only once the new one is safely on the disk. The
     * same tensors give the same bytes, in whatever order they come.
     *
     * @throws VitrailException if a name is impossible or occurs twice, or the file cannot be written
     */
    public static void write(Path file, Iterable<StoredTensor> tensors, Map<String, String> metadata) {
        var sorted = sorted(tensors, file);
        var header = header(sorted, metadata);
        AtomicFile.write(file, out -> {
            AtomicFile.writeFully(out, header);
            for (var tensor : sorted) {
                AtomicFile.writeFully(out, tensor.bytes());
            }
        });
    }

    private static List<StoredTensor> sorted(Iterable<StoredTensor> tensors, Path file) {
        var sorted = new ArrayList<StoredTensor>();
        tensors.forEach(sorted::add);
        new StateDict(sorted, Map.of(), file.toString()); // refuses a name that occurs twice
        for (var tensor : sorted) {
            VitrailException.require(
                    !tensor.name().equals(METADATA)
                            && StandardCharsets.UTF_8.newEncoder().canEncode(tensor.name()),
                    "cannot write a tensor named %s: the safetensors format reserves or cannot encode that name",
                    tensor.name());
        }
        sorted.sort(Comparator.comparingInt((StoredTensor tensor) -> WRITING_ORDER.indexOf(tensor.dtype()))
                .thenComparing(StoredTensor::name));
        return sorted;
    }

    /** The length, the JSON, and spaces up to a multiple of 8 bytes. */
    private static ByteBuffer header(List<StoredTensor> tensors, Map<String, String> metadata) {
        var json = new ByteArrayOutputStream();
        try (var out = new JsonFactory().createGenerator(json)) {
            out.writeStartObject();
            if (!metadata.isEmpty()) {
                out.writeObjectFieldStart(METADATA);
                for (var entry : new TreeMap<>(metadata).entrySet()) {
                    out.writeStringField(entry.getKey(), entry.getValue());
                }
                out.writeEndObject();
            }
            long offset = 0;
            for (var tensor : tensors) {
                offset = writeEntry(out, tensor, offset);
            }
            out.writeEndObject();
        } catch (IOException e) {
            throw new VitrailException("cannot write the header of a safetensors file: " + e.getMessage(), e);
        }
        int padded = Math.addExact(json.size(), 7) / 8 * 8;
        VitrailException.require(
                padded <= SafetensorsHeader.MAX_BYTES,
                "the names and metadata of these tensors take %d bytes; the safetensors format allows %d",
                padded,
                SafetensorsHeader.MAX_BYTES);
        var header = ByteBuffer.allocate(8 + padded).order(ByteOrder.LITTLE_ENDIAN);
        header.putLong(padded).put(json.toByteArray());
        while (header.hasRemaining()) {
            header.put((byte) ' ');
        }
        return header.flip();
    }

    private static long writeEntry(JsonGenerator out, StoredTensor tensor, long begin) throws IOException {
        long end = begin + tensor.bytes().remaining();
        out.writeObjectFieldStart(tensor.name());
        out.writeStringField("dtype", SafetensorsHeader.code(tensor.dtype()));
        out.writeFieldName("shape");
        out.writeArray(tensor.shape(), 0, tensor.shape().length);
        out.writeFieldName("data_offsets");
        out.writeArray(new long[] {begin, end}, 0, 2);
        out.writeEndObject();
        return end;
    }
}
