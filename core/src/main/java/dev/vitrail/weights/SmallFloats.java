package dev.vitrail.weights;

/**
 * Floating-point formats of 16 and 8 bits, widened to {@code float} (which holds each of their values exactly).
 *
 * <p>A format has a sign, {@code e} exponent bits with a bias, and {@code m} mantissa bits; exponent 0 holds the
 * subnormal numbers. IEEE 754 binary16 and E5M2 spend the highest exponent on infinity and NaN; E4M3 (the variant
 * "fn" of Micikevicius et al. 2022, arXiv:2209.05433) has no infinity, and its only NaN is all ones.
 */
final class SmallFloats {
    private SmallFloats() {}

    /** IEEE 754 binary16: 5 exponent bits, 10 mantissa bits. */
    static float half(short bits) {
        int sign = (bits & 0x8000) << 16;
        int exponent = (bits >>> 10) & 0x1f;
        int mantissa = bits & 0x3ff;
        if (exponent == 0x1f) {
            return Float.intBitsToFloat(sign | 0x7f800000 | (mantissa << 13));
        }
        if (exponent == 0) {
            float magnitude = mantissa * 0x1p-24f;
            return sign == 0 ? magnitude : -magnitude;
        }
        return Float.intBitsToFloat(sign | ((exponent + 112) << 23) | (mantissa << 13));
    }

    /** The upper half of a binary32: 8 exponent bits, 7 mantissa bits. */
    static float bfloat16(short bits) {
        return Float.intBitsToFloat(bits << 16);
    }

    /** 4 exponent bits with bias 7, 3 mantissa bits, no infinity. */
    static float e4m3(byte bits) {
        int exponent = (bits >>> 3) & 0xf;
        int mantissa = bits & 7;
        if ((bits & 0x7f) == 0x7f) {
            return Float.NaN;
        }
        float magnitude = exponent == 0 ? mantissa * 0x1p-9f : Math.scalb(8 + mantissa, exponent - 10);
        return bits < 0 ? -magnitude : magnitude;
    }

    /** 5 exponent bits, 2 mantissa bits: the upper half of a binary16. */
    static float e5m2(byte bits) {
        return half((short) (bits << 8));
    }
}
