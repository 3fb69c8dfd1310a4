package dev.vitrail.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vitrail.engine.DType;
import java.nio.ByteBuffer;
import org.junit.jupiter.api.Test;

/** Arrays in NumPy's format, by the reader of this package. */
class NpyFileTest {
    @Test
    void whatIsWrittenIsReadAgain() {
        var file = ByteBuffer.wrap(NpyFile.of(new float[] {1, 2, 3, 4, 5, -6.5f}, 1, 2, 3));
        var header = NpyHeader.read(file, "it", "memory");
        assertThat(header.dtype()).isEqualTo(DType.F32);
        assertThat(header.fortranOrder()).isFalse();
        assertThat(header.shape()).containsExactly(1, 2, 3);
        assertThat(file.position() % 64).as("alignment of the elements").isZero();
        var values = new float[6];
        file.asFloatBuffer().get(values);
        assertThat(values).containsExactly(1, 2, 3, 4, 5, -6.5f);
    }

    @Test
    void oneDimensionIsATupleOfOne() {
        var file = ByteBuffer.wrap(NpyFile.of(new float[] {7, 8}, 2));
        assertThat(NpyHeader.read(file, "it", "memory").shape()).containsExactly(2);
    }

    @Test
    void aShapeOfOtherSizeIsRefused() {
        assertThatThrownBy(() -> NpyFile.of(new float[5], 2, 3))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("[2, 3] has 6 elements, found 5");
    }
}
