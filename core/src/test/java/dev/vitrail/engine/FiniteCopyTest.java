package dev.vitrail.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Random;
import org.junit.jupiter.api.Test;

class FiniteCopyTest {
    private static final int[] NOT_FINITE = {
        Float.floatToRawIntBits(Float.NaN),
        Float.floatToRawIntBits(Float.POSITIVE_INFINITY),
        Float.floatToRawIntBits(Float.NEGATIVE_INFINITY),
        0xff800001,
        0xffffffff
    };

    private static ByteBuffer finite(int count) {
        var random = new Random(count);
        var bytes = ByteBuffer.allocateDirect(4 * count).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < count; i++) {
            int bits = random.nextInt();
            bytes.putInt(4 * i, Float.isFinite(Float.intBitsToFloat(bits)) ? bits : 0x7f7fffff);
        }
        return bytes;
    }

    private static boolean copied(ByteBuffer bytes) {
        var into = ByteBuffer.allocateDirect(bytes.limit());
        boolean finite = FiniteCopy.copy(bytes.duplicate(), into);
        assertThat(into).isEqualTo(bytes);
        return finite;
    }

    /**
     * All finite numbers, the largest and the smallest too, and one that is not in each place where a loop
     * begins or ends.
     */
    @Test
    void copiesAndSeesEachNumberThatIsNotFinite() {
        for (int count : new int[] {1, 2, 3, 16383, 16384, 16385, 16387, 40001}) {
            assertThat(copied(finite(count))).isTrue();
            for (int place : new int[] {0, 1, count / 2, 16383, 16384, count - 2, count - 1}) {
                if (place >= 0 && place < count) {
                    for (int bits : NOT_FINITE) {
                        var bytes = finite(count);
                        bytes.putInt(4 * place, bits);
                        assertThat(copied(bytes))
                                .as("%08x at %d of %d", bits, place, count)
                                .isFalse();
                    }
                }
            }
        }
    }

    @Test
    void beginsAtThePositionOfTheBytes() {
        var bytes = finite(10);
        bytes.putInt(0, NOT_FINITE[0]);
        var tensor = Frame.compute(() -> {
            var checked = Tensor.checked(bytes.position(4), 3, 3);
            assertThat(checked.finite()).isTrue();
            return checked.tensor().toFloats();
        });
        for (int i = 0; i < 9; i++) {
            assertThat(Float.floatToRawIntBits(tensor[i])).isEqualTo(bytes.getInt(4 + 4 * i));
        }
    }
}
