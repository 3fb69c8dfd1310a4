package dev.vitrail.weights.torch;

import dev.vitrail.weights.Allowance;
import dev.vitrail.weights.FormatErrors;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/**
 * The values that stand inside a pickle's instructions; each length is compared with what is there before it is used.
 */
final class PickleInput {
    /** Python's integers have no limit; beyond this, converting them takes quadratic time. */
    private static final int MAX_INTEGER_BYTES = 255;

    private final ByteBuffer in;
    private final FormatErrors faults;
    private final Allowance allowance;

    PickleInput(ByteBuffer in, FormatErrors faults, Allowance allowance) {
        this.in = in;
        this.faults = faults;
        this.allowance = allowance;
    }

    /**
     * The bytes of a text or of raw bytes, charged for what they will take in memory: two bytes a character, and as
     * much to decode.
     */
    private ByteBuffer charged(long count) {
        var bytes = bytes(count);
        allowance.charge(4 * count);
        return bytes;
    }

    ByteBuffer bytes(long count) {
        faults.require(count >= 0 && count <= in.remaining(), "it ends in the middle of an instruction (cut short?)");
        var bytes = in.slice(in.position(), (int) count).order(ByteOrder.LITTLE_ENDIAN);
        in.position(in.position() + (int) count);
        return bytes;
    }

    long unsignedByte() {
        return Byte.toUnsignedLong(bytes(1).get());
    }

    long length4() {
        return Integer.toUnsignedLong(bytes(4).getInt());
    }

    long length8() {
        return bytes(8).getLong();
    }

    PickleValues.Bytes raw(long length) {
        var content = charged(length);
        var copy = new byte[content.remaining()];
        content.get(copy);
        return new PickleValues.Bytes(copy);
    }

    String utf8(long length) {
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(charged(length)).toString();
        } catch (CharacterCodingException e) {
            throw faults.of(e, "a text in it is not UTF-8");
        }
    }

    /** Python 2 pickled its byte strings so; names are ASCII, and Latin-1 reads any other byte without loss. */
    String latin(long length) {
        return StandardCharsets.ISO_8859_1.decode(charged(length)).toString();
    }

    String line() {
        for (int end = in.position(); end < in.limit(); end++) {
            if (in.get(end) == '\n') {
                var text = StandardCharsets.UTF_8.decode(charged(end - in.position()));
                bytes(1);
                return text.toString();
            }
        }
        throw faults.of("it ends in the middle of a line (cut short?)");
    }

    String quoted(String line) {
        boolean sound = line.length() >= 2
                && (line.charAt(0) == '\'' || line.charAt(0) == '"')
                && line.charAt(0) == line.charAt(line.length() - 1)
                && line.indexOf('\\') < 0;
        faults.require(sound, "it has a text without quotes or with escapes");
        return line.substring(1, line.length() - 1);
    }

    Object integer(long length) {
        faults.require(length <= MAX_INTEGER_BYTES, "it has an integer of %d bytes", length);
        if (length == 0) {
            return 0L;
        }
        var little = bytes(length);
        var big = new byte[(int) length];
        for (int i = 0; i < big.length; i++) {
            big[big.length - 1 - i] = little.get(i);
        }
        return shortest(new BigInteger(big));
    }

    Object decimalOrBoolean(String text) {
        return switch (text) {
            case "00" -> false;
            case "01" -> true;
            default -> decimal(text);
        };
    }

    Object decimal(String text) {
        faults.require(text.length() <= 2 * MAX_INTEGER_BYTES, "it has an integer of %d digits", text.length());
        try {
            return shortest(new BigInteger(text));
        } catch (NumberFormatException e) {
            throw faults.of(e, "%s is no integer", text);
        }
    }

    private static Object shortest(BigInteger value) {
        return value.bitLength() < 64 ? (Object) value.longValue() : value;
    }

    double floating(String text) {
        faults.require(text.length() <= 2 * MAX_INTEGER_BYTES, "it has a number of %d digits", text.length());
        try {
            return switch (text) {
                case "inf" -> Double.POSITIVE_INFINITY;
                case "-inf" -> Double.NEGATIVE_INFINITY;
                case "nan" -> Double.NaN;
                default -> Double.parseDouble(text);
            };
        } catch (NumberFormatException e) {
            throw faults.of(e, "%s is no number", text);
        }
    }

    int index(String text) {
        if (decimal(text) instanceof Long index && index >= 0 && index <= Integer.MAX_VALUE) {
            return index.intValue();
        }
        throw faults.of("it keeps a value under the impossible number %s", text);
    }
}
