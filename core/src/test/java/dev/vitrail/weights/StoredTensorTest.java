package dev.vitrail.weights;

import static dev.vitrail.weights.Golden.assertRefused;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vitrail.engine.DType;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.junit.jupiter.api.Test;

class StoredTensorTest {
    private static StoredTensor tensor(DType dtype, int... bytes) {
        var data = ByteBuffer.allocate(bytes.length);
        for (int b : bytes) {
            data.put((byte) b);
        }
        return new StoredTensor("t", dtype, new long[] {bytes.length / dtype.bytes()}, data.flip());
    }

    @Test
    void widensHalves() {
        assertThat(tensor(DType.F16, 0, 0x3c, 0, 0xc0, 1, 0, 0xff, 0x7b, 0, 0x7c, 0, 0xfc, 0, 0x80)
                        .toFloats())
                .containsExactly(1f, -2f, 0x1p-24f, 65504f, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY, -0f);
        assertThat(tensor(DType.F16, 1, 0x7e).toFloats()[0]).isNaN();
        assertThat(tensor(DType.BF16, 0x80, 0x3f, 0x49, 0xc0).toFloats()).containsExactly(1f, -3.140625f);
    }

    @Test
    void widensBytesOfFloats() {
        assertThat(tensor(DType.F8_E4M3, 0x38, 0x7e, 0x01, 0xb8, 0x08).toFloats())
                .containsExactly(1f, 448f, 0x1p-9f, -1f, 0x1p-6f);
        assertThat(tensor(DType.F8_E4M3, 0x7f, 0xff).toFloats()).containsExactly(Float.NaN, Float.NaN);
        assertThat(tensor(DType.F8_E5M2, 0x3c, 0x7b, 0x01, 0xfc).toFloats())
                .containsExactly(1f, 57344f, 0x1p-16f, Float.NEGATIVE_INFINITY);
    }

    @Test
    void widensIntegersWithTheirSign() {
        assertThat(tensor(DType.I8, 0xff).toLongs()).containsExactly(-1);
        assertThat(tensor(DType.U8, 0xff).toLongs()).containsExactly(255);
        assertThat(tensor(DType.I16, 0xfe, 0xff).toFloats()).containsExactly(-2);
        assertThat(tensor(DType.U16, 0xfe, 0xff).toFloats()).containsExactly(65534);
        assertThat(tensor(DType.U32, 0xff, 0xff, 0xff, 0xff).toLongs()).containsExactly(4294967295L);
        assertThat(tensor(DType.I32, 0xff, 0xff, 0xff, 0xff).toLongs()).containsExactly(-1);
        assertThat(tensor(DType.BOOL, 0, 1, 2).toLongs()).containsExactly(0, 1, 1);
        var all = tensor(DType.U64, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff);
        assertThat(all.toFloats()).containsExactly(0x1p64f);
        assertRefused(all::toLongs, "18446744073709551615");
        assertRefused(tensor(DType.F32, 0, 0, 0, 0)::toLongs, "integers were expected");
    }

    @Test
    void roundsDoubles() {
        var bytes = ByteBuffer.allocate(8)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putDouble(0.1)
                .flip();
        assertThat(new StoredTensor("t", DType.F64, new long[] {}, bytes).toFloats())
                .containsExactly(0.1f);
    }

    @Test
    void refusesBytesThatDoNotFit() {
        assertRefused(
                () -> new StoredTensor("t", DType.F32, new long[] {2}, ByteBuffer.allocate(7)), "needs 8 bytes, but 7");
    }

    @Test
    void cannotBeChangedThroughWhatItHandsOut() {
        var tensor = StoredTensor.of("t", new float[] {1, 2}, 2);
        tensor.shape()[0] = 5;
        tensor.bytes().position(4);
        assertThat(tensor.shape()).containsExactly(2);
        assertThat(tensor.bytes().position()).isZero();
        assertThat(tensor.bytes().isReadOnly()).isTrue();
    }
}
