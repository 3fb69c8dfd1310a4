package dev.vitrail.engine;

import org.bytedeco.pytorch.global.torch.ScalarType;

/** Data type of a tensor's elements. */
public enum DType {
    F64(8, ScalarType.Double),
    F32(4, ScalarType.Float),
    F16(2, ScalarType.Half),
    BF16(2, ScalarType.BFloat16),
    I64(8, ScalarType.Long),
    I32(4, ScalarType.Int),
    I16(2, ScalarType.Short),
    I8(1, ScalarType.Char),
    U8(1, ScalarType.Byte),
    BOOL(1, ScalarType.Bool),
    F8_E4M3(1, ScalarType.Float8_e4m3fn),
    F8_E5M2(1, ScalarType.Float8_e5m2),
    U16(2, ScalarType.UInt16),
    U32(4, ScalarType.UInt32),
    U64(8, ScalarType.UInt64);

    private final int bytes;
    final ScalarType scalarType;

    DType(int bytes, ScalarType scalarType) {
        this.bytes = bytes;
        this.scalarType = scalarType;
    }

    /** Bytes of one element. */
    public int bytes() {
        return bytes;
    }

    /** Returns whether elements are floating-point numbers. */
    public boolean floating() {
        return switch (this) {
            case F64, F32, F16, BF16, F8_E4M3, F8_E5M2 -> true;
            default -> false;
        };
    }

    static DType of(ScalarType scalarType) {
        for (var dtype : values()) {
            if (dtype.scalarType.value == scalarType.value) {
                return dtype;
            }
        }
        throw new IllegalArgumentException("no DType stands for libtorch's " + scalarType);
    }
}
