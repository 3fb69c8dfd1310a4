package dev.vitrail.weights;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import dev.vitrail.engine.DType;
import dev.vitrail.errors.VitrailException;
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
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.zip.CRC32C;

/**
 * The safetensors format: 8 bytes little-endian header length N, N bytes of JSON that name each tensor's dtype, shape
 * and place, then the tensors' bytes without gaps.
 *
 * <p>Every rule of the format is checked before a tensor is handed out, and a file, a stream and an array get the same
 * verdict: a header of at most 100,000,000 bytes that begins with a brace and names nothing twice; shape times dtype
 * equal to the bytes, in exact 64-bit arithmetic; places that begin at zero, follow each other without overlap or hole,
 * and end where the file ends. The last rule leaves no room for a second file hidden inside the first.
 *
 * <p>A file that we write carries a checksum of all that is in it, as the entry {@value #CHECKSUM} of its metadata,
 * which other readers pass over. It is compared when the file is read, which then reads every byte once.
 *
 * @see <a href="https://github.com/huggingface/safetensors">the format's own description</a>
 */
public final class Safetensors {
    static final String METADATA = "__metadata__";
    /**
     * CRC-32C (RFC 3720, B.4) in hexadecimal: of the header as we write it but for this entry, then of
     * the tensors' bytes.
     */
    static final String CHECKSUM = "vitrail.crc32c";

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
     * The tensors of a file, memory-mapped: pages are loaded when they are used, or when they are compared with
     * the file's checksum.
     *
     * @throws VitrailException if there is no such file, it breaks a rule of the format, or is not what was written
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
        return Allowance.guarded(source.name(), () -> unguarded(source));
    }

    private static StateDict unguarded(ByteSource source) {
        var header = SafetensorsHeader.of(source);
        var tensors = new ArrayList<StoredTensor>(header.entries().size());
        for (var entry : header.entries()) {
            var bytes = source.aligned(
                    header.dataStart() + entry.begin(),
                    entry.end() - entry.begin(),
                    entry.dtype().bytes());
            var tensor = new StoredTensor(entry.name(), entry.dtype(), entry.shape(), bytes);
            boolean copied =
                    (header.dataStart() + entry.begin()) % entry.dtype().bytes() != 0;
            tensors.add(source.isMapped() && !copied ? tensor.ofMappedFile() : tensor);
        }
        var metadata = new LinkedHashMap<>(header.metadata());
        var written = metadata.remove(CHECKSUM);
        VitrailException.require(
                written == null || written.equals(checksum(sorted(tensors, source.name()), metadata)),
                "%s is damaged, for its contents do not match the checksum that they were written with: restore the"
                        + " file, or use another model that the run has kept, such as best",
                source.name());
        return new StateDict(tensors, metadata, source.name());
    }

    /** Writes {@code tensors} with the metadata {@code format: pt} that PyTorch's tools look for. */
    public static void write(Path file, Iterable<StoredTensor> tensors) {
        write(file, tensors, Map.of("format", "pt"));
    }

    /**
     * Writes a file that holds {@code tensors}, replacing an old one only once the new one is safely on the disk. The
     * same tensors give the same bytes, in whatever order they come. The checksum is added.
     *
     * @throws VitrailException if a name is impossible or occurs twice, or the file cannot be written
     */
    public static void write(Path file, Iterable<StoredTensor> tensors, Map<String, String> metadata) {
        var sorted = sorted(tensors, file.toString());
        var complete = new LinkedHashMap<>(metadata);
        complete.put(CHECKSUM, checksum(sorted, metadata));
        var header = header(sorted, complete);
        AtomicFile.write(file, out -> {
            AtomicFile.writeFully(out, header);
            for (var tensor : sorted) {
                AtomicFile.writeFully(out, tensor.bytes());
            }
        });
    }

    private static String checksum(List<StoredTensor> sorted, Map<String, String> metadata) {
        var sum = new CRC32C();
        sum.update(header(sorted, metadata));
        sorted.forEach(tensor -> sum.update(tensor.bytes()));
        return HexFormat.of().toHexDigits((int) sum.getValue());
    }

    private static List<StoredTensor> sorted(Iterable<StoredTensor> tensors, String name) {
        var sorted = new ArrayList<StoredTensor>();
        tensors.forEach(sorted::add);
        new StateDict(sorted, Map.of(), name); // refuses a name that occurs twice
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
