package dev.vitrail.weights;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import dev.vitrail.engine.DType;
import dev.vitrail.errors.VitrailException;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The checked header of a safetensors file.
 *
 * @param dataStart the byte of the file at which offsets begin to count
 * @param entries the tensors in the header's order
 */
record SafetensorsHeader(long dataStart, List<Entry> entries, Map<String, String> metadata) {
    static final int MAX_BYTES = 100_000_000;

    /** The longest name, or text of the metadata, in characters. */
    private static final int MAX_TEXT = 4 << 20;

    /** Bytes on the heap of a tensor's description, here and as it is handed on, its name aside. */
    private static final int ENTRY_BYTES = 600;

    /** One tensor; {@code begin} and {@code end} are bytes from {@link #dataStart}. */
    @SuppressWarnings("ArrayRecordComponent") // read by this package alone; never compared, never changed
    record Entry(String name, DType dtype, long[] shape, long begin, long end) {}

    private static final Map<String, DType> DTYPES = Map.ofEntries(
            Map.entry("F64", DType.F64),
            Map.entry("F32", DType.F32),
            Map.entry("F16", DType.F16),
            Map.entry("BF16", DType.BF16),
            Map.entry("I64", DType.I64),
            Map.entry("I32", DType.I32),
            Map.entry("I16", DType.I16),
            Map.entry("I8", DType.I8),
            Map.entry("U8", DType.U8),
            Map.entry("BOOL", DType.BOOL),
            Map.entry("F8_E4M3", DType.F8_E4M3),
            Map.entry("F8_E5M2", DType.F8_E5M2),
            Map.entry("U16", DType.U16),
            Map.entry("U32", DType.U32),
            Map.entry("U64", DType.U64));

    private static final JsonFactory JSON = JsonFactory.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
            .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxNestingDepth(8)
                    .maxNameLength(MAX_TEXT)
                    .maxStringLength(MAX_TEXT)
                    .build())
            .build();

    /** Name of {@code dtype} in the format. */
    static String code(DType dtype) {
        return dtype.name();
    }

    /** Reads and checks everything but the tensors' values. */
    static SafetensorsHeader of(ByteSource source) {
        VitrailException.require(
                source.size() >= 8,
                "%s has %d bytes; a safetensors file begins with 8 bytes of header length",
                source.name(),
                source.size());
        long length = source.slice(0, 8).getLong();
        VitrailException.require(
                length >= 0 && length <= MAX_BYTES,
                "%s declares a header of %s bytes; the safetensors format allows %d, so this is damaged or another"
                        + " format",
                source.name(),
                Long.toUnsignedString(length),
                MAX_BYTES);
        VitrailException.require(
                length <= source.size() - 8,
                "%s declares a header of %d bytes, but only %d follow: the file is cut short",
                source.name(),
                length,
                source.size() - 8);
        return new Reader(source, length).header();
    }

    /** The bytes of a buffer, from its beginning to its end. */
    private static final class BufferStream extends InputStream {
        private final ByteBuffer bytes;

        BufferStream(ByteBuffer bytes) {
            this.bytes = bytes;
        }

        @Override
        public int read() {
            return bytes.hasRemaining() ? Byte.toUnsignedInt(bytes.get()) : -1;
        }

        @Override
        public int read(byte[] target, int offset, int length) {
            int count = Math.min(length, bytes.remaining());
            if (count == 0 && length > 0) {
                return -1;
            }
            bytes.get(target, offset, count);
            return count;
        }
    }

    /** Walks the JSON token by token, so that nothing but the expected structure gets through. */
    private static final class Reader {
        private final ByteSource source;
        private final FormatErrors faults;
        private final long dataStart;
        private final ByteBuffer text;
        private final Allowance allowance;
        private final List<Entry> entries = new ArrayList<>();
        private final Map<String, String> metadata = new LinkedHashMap<>();

        Reader(ByteSource source, long length) {
            this.source = source;
            this.faults = new FormatErrors(source.name() + " is not a valid safetensors file");
            this.dataStart = 8 + length;
            this.allowance = Allowance.of(source);
            this.text = source.slice(8, length);
            faults.require(length > 0 && text.get(0) == '{', "its header does not begin with {");
        }

        SafetensorsHeader header() {
            // The format fills up with spaces, and allows nothing else behind the object.
            int end = text.limit();
            while (end > 0 && text.get(end - 1) == ' ') {
                end--;
            }
            faults.require(text.get(end - 1) == '}', "something other than spaces follows the JSON of its header");
            // Read bit by bit: as one text a header of the largest size would take six times its bytes.
            var characters =
                    new InputStreamReader(new BufferStream(text.slice(0, end)), StandardCharsets.UTF_8.newDecoder());
            try (var json = JSON.createParser(characters)) {
                expect(json.nextToken() == JsonToken.START_OBJECT, "an object");
                while (json.nextToken() == JsonToken.FIELD_NAME) {
                    if (json.currentName().equals(Safetensors.METADATA)) {
                        readMetadata(json);
                    } else {
                        entries.add(readEntry(json));
                    }
                }
                expect(json.currentToken() == JsonToken.END_OBJECT, "the end of an object");
                faults.require(json.nextToken() == null, "something other than spaces follows the JSON of its header");
            } catch (CharacterCodingException e) {
                throw faults.of(e, "its header is not UTF-8");
            } catch (IOException e) {
                // Jackson appends the place and a dump of its source; the first line says what is wrong.
                throw faults.of(
                        e,
                        "its header is damaged (%s)",
                        String.valueOf(e.getMessage()).lines().findFirst().orElse(""));
            }
            checkPlaces();
            return new SafetensorsHeader(dataStart, List.copyOf(entries), metadata);
        }

        private void readMetadata(JsonParser json) throws IOException {
            expect(json.nextToken() == JsonToken.START_OBJECT, "an object of strings as __metadata__");
            while (json.nextToken() == JsonToken.FIELD_NAME) {
                String key = json.currentName();
                expect(json.nextToken() == JsonToken.VALUE_STRING, "a string for each entry of __metadata__");
                allowance.charge(ENTRY_BYTES + 2L * (key.length() + json.getTextLength()));
                metadata.put(key, json.getText());
            }
        }

        private Entry readEntry(JsonParser json) throws IOException {
            String name = json.currentName();
            allowance.charge(ENTRY_BYTES + 4L * name.length());
            String code = "";
            long[] shape = null;
            long[] offsets = null;
            expect(json.nextToken() == JsonToken.START_OBJECT, "an object that describes tensor " + name);
            while (json.nextToken() == JsonToken.FIELD_NAME) {
                String field = json.currentName();
                switch (field) {
                    case "dtype" -> {
                        expect(json.nextToken() == JsonToken.VALUE_STRING, "a string as dtype of tensor " + name);
                        code = json.getText();
                    }
                    case "shape" -> shape = readLongs(json, name, field);
                    case "data_offsets" -> offsets = readLongs(json, name, field);
                    default -> throw faults.of("tensor %s has a field %s that the format does not know", name, field);
                }
            }
            if (code.isEmpty() || shape == null || offsets == null || offsets.length != 2) {
                throw faults.of("tensor %s needs a dtype, a shape and two data_offsets", name);
            }
            return checked(name, code, shape, offsets[0], offsets[1]);
        }

        private long[] readLongs(JsonParser json, String name, String field) throws IOException {
            expect(json.nextToken() == JsonToken.START_ARRAY, "an array as %s of tensor %s".formatted(field, name));
            var values = new long[4];
            int count = 0;
            while (json.nextToken() != JsonToken.END_ARRAY) {
                expect(
                        json.currentToken() == JsonToken.VALUE_NUMBER_INT
                                && json.getTextCharacters()[json.getTextOffset()] != '-'
                                && json.getNumberType() != JsonParser.NumberType.BIG_INTEGER,
                        "64-bit non-negative integers in %s of tensor %s".formatted(field, name));
                if (count == Shapes.MAX_DIMENSIONS) {
                    throw faults.of("tensor %s has more than %d dimensions", name, Shapes.MAX_DIMENSIONS);
                }
                if (count == values.length) {
                    values = Arrays.copyOf(values, 2 * count);
                }
                values[count++] = json.getLongValue();
            }
            return Arrays.copyOf(values, count);
        }

        private Entry checked(String name, String code, long[] shape, long begin, long end) {
            var dtype = DTYPES.get(code);
            if (dtype == null) {
                throw faults.of(
                        "tensor %s has dtype %s; known are %s",
                        name, code, DTYPES.keySet().stream().sorted().toList());
            }
            String what = "tensor %s in %s".formatted(name, source.name());
            long bytes = Shapes.bytes(Shapes.elements(shape, what), dtype.bytes(), what);
            long available = source.size() - dataStart;
            if (begin > end || end > available) {
                throw faults.of(
                        "tensor %s lies at bytes %d to %d, but the file has %d bytes of data (cut short?)",
                        name, begin, end, available);
            }
            if (end - begin != bytes) {
                throw faults.of(
                        "tensor %s takes %d bytes, but its dtype %s and shape %s need %d",
                        name, end - begin, code, Arrays.toString(shape), bytes);
            }
            return new Entry(name, dtype, shape, begin, end);
        }

        /** Checks that from zero to the end of the file each tensor begins where the one before it ended. */
        private void checkPlaces() {
            var inOrder = new ArrayList<>(entries);
            inOrder.sort(Comparator.comparingLong(Entry::begin).thenComparingLong(Entry::end));
            long reached = 0;
            for (var entry : inOrder) {
                if (entry.begin() != reached) {
                    throw faults.of(
                            "tensor %s begins at byte %d, but the one before it ends at %d: tensors may neither overlap"
                                    + " nor leave a hole",
                            entry.name(), entry.begin(), reached);
                }
                reached = entry.end();
            }
            long available = source.size() - dataStart;
            if (reached != available) {
                throw faults.of(
                        "its tensors end at byte %d of the data, but the file has %d: nothing may follow the last"
                                + " tensor",
                        reached, available);
            }
        }

        private void expect(boolean condition, String expected) {
            faults.require(condition, "its header needs %s", expected);
        }
    }
}
