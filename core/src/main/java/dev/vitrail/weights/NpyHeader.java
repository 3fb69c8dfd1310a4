package dev.vitrail.weights;

import dev.vitrail.engine.DType;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Map;

/**
 * The header of numpy's {@code .npy}: magic, version, and a Python dict literal with exactly {@code descr},
 * {@code fortran_order} and {@code shape}.
 *
 * @param fortranOrder whether the first index runs fastest
 * @see <a href="https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html">numpy's description</a>
 */
@SuppressWarnings("ArrayRecordComponent") // read by this package alone; never compared, never changed
record NpyHeader(DType dtype, boolean fortranOrder, long[] shape) {
    private static final byte[] MAGIC = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y'};

    private static final int MAX_BYTES = 1 << 16;

    /**
     * numpy has no bfloat16: JAX writes it as two opaque bytes, {@code |V2}, and nothing else in weights uses those.
     */
    private static final Map<String, DType> DTYPES = Map.ofEntries(
            Map.entry("<f8", DType.F64),
            Map.entry("<f4", DType.F32),
            Map.entry("<f2", DType.F16),
            Map.entry("|V2", DType.BF16),
            Map.entry("<V2", DType.BF16),
            Map.entry("<i8", DType.I64),
            Map.entry("<i4", DType.I32),
            Map.entry("<i2", DType.I16),
            Map.entry("|i1", DType.I8),
            Map.entry("<u8", DType.U64),
            Map.entry("<u4", DType.U32),
            Map.entry("<u2", DType.U16),
            Map.entry("|u1", DType.U8),
            Map.entry("|b1", DType.BOOL));

    /** Reads the header, checks it against the bytes that follow, and leaves {@code in} at the first element. */
    static NpyHeader read(ByteBuffer in, String array, String source) {
        return new Reader(in, new FormatErrors("array %s in %s is not a sound .npy array".formatted(array, source)))
                .read();
    }

    private static final class Reader {
        private final ByteBuffer in;
        private final FormatErrors faults;
        private String text = "";
        private int at;

        Reader(ByteBuffer in, FormatErrors faults) {
            this.in = in.order(ByteOrder.LITTLE_ENDIAN);
            this.faults = faults;
        }

        NpyHeader read() {
            text = literal();
            String descr = "";
            Boolean fortran = null;
            long[] shape = null;
            expect("{");
            while (!accept("}")) {
                String key = quoted();
                expect(":");
                switch (key) {
                    case "descr" -> {
                        faults.require(descr.isEmpty(), "its header has two descr");
                        descr = quoted();
                    }
                    case "fortran_order" -> {
                        faults.require(fortran == null, "its header has two fortran_order");
                        fortran = accept("True");
                        faults.require(fortran || accept("False"), "its fortran_order is neither True nor False");
                    }
                    case "shape" -> {
                        faults.require(shape == null, "its header has two shape");
                        shape = tuple();
                    }
                    default -> throw faults.of("its header has an unknown field %s", key);
                }
                if (!accept(",")) {
                    expect("}");
                    break;
                }
            }
            faults.require(text.substring(at).isBlank(), "something follows its header");
            if (descr.isEmpty() || fortran == null || shape == null) {
                throw faults.of("its header needs descr, fortran_order and shape");
            }
            return checked(descr, fortran, shape);
        }

        private NpyHeader checked(String descr, boolean fortran, long[] shape) {
            var dtype = DTYPES.get(descr);
            if (dtype == null) {
                throw faults.of("its elements are %s; little-endian numbers of at most 64 bits are supported", descr);
            }
            long needed = Shapes.bytes(Shapes.elements(shape, "an array"), dtype.bytes(), "an array");
            faults.require(
                    needed == in.remaining(),
                    "shape %s of %s needs %d bytes, but %d follow",
                    Arrays.toString(shape),
                    dtype,
                    needed,
                    in.remaining());
            return new NpyHeader(dtype, fortran, shape);
        }

        private String literal() {
            faults.require(
                    in.remaining() >= 10 && in.slice(0, MAGIC.length).equals(ByteBuffer.wrap(MAGIC)),
                    "it does not begin with numpy's magic");
            int version = in.get(6);
            faults.require(version >= 1 && version <= 3, "it has version %d; 1 to 3 are known", version);
            faults.require(version == 1 || in.remaining() >= 12, "it is cut short");
            long length = version == 1 ? Short.toUnsignedLong(in.getShort(8)) : Integer.toUnsignedLong(in.getInt(8));
            int start = version == 1 ? 10 : 12;
            faults.require(length <= Math.min(MAX_BYTES, in.remaining() - start), "its header claims %d bytes", length);
            var bytes = in.slice(start, (int) length);
            in.position(start + (int) length);
            try {
                var charset = version == 3 ? StandardCharsets.UTF_8 : StandardCharsets.ISO_8859_1;
                return charset.newDecoder().decode(bytes).toString();
            } catch (CharacterCodingException e) {
                throw faults.of(e, "its header is not text");
            }
        }

        private long[] tuple() {
            expect("(");
            var sizes = new ArrayList<Long>();
            while (!accept(")")) {
                faults.require(sizes.size() < Shapes.MAX_DIMENSIONS, "it has too many dimensions");
                sizes.add(number());
                if (!accept(",")) {
                    faults.require(sizes.size() > 1, "its shape is no tuple");
                    expect(")");
                    break;
                }
            }
            return sizes.stream().mapToLong(Long::longValue).toArray();
        }

        private long number() {
            skipSpaces();
            int start = at;
            while (at < text.length() && text.charAt(at) >= '0' && text.charAt(at) <= '9') {
                at++;
            }
            String digits = text.substring(start, at);
            accept("L"); // Python 2 wrote long integers so
            try {
                return Long.parseLong(digits);
            } catch (NumberFormatException e) {
                throw faults.of(e, "its shape holds something that is no 64-bit number");
            }
        }

        private String quoted() {
            skipSpaces();
            char quote = at < text.length() ? text.charAt(at) : ' ';
            int end = quote == '\'' || quote == '"' ? text.indexOf(quote, at + 1) : -1;
            faults.require(end >= 0, "its header lacks a quoted text at character %d", at);
            String content = text.substring(at + 1, end);
            at = end + 1;
            return content;
        }

        private void expect(String token) {
            faults.require(accept(token), "its header lacks %s at character %d", token, at);
        }

        private boolean accept(String token) {
            skipSpaces();
            boolean there = text.startsWith(token, at);
            at += there ? token.length() : 0;
            return there;
        }

        private void skipSpaces() {
            while (at < text.length() && Character.isWhitespace(text.charAt(at))) {
                at++;
            }
        }
    }
}
