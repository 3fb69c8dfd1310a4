package dev.vitrail.models.layers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Tensor;
import dev.vitrail.weights.Safetensors;
import dev.vitrail.weights.StoredTensor;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

final class SinCosTest {
    @Test
    void tablesAreTheOriginals() {
        var golden = Safetensors.read(Path.of("src/test/resources/golden/misc/sincos_tables.safetensors"));
        Frame.run(() -> {
            assertSame(SinCos.sequence(17, 48), golden.get("t2t_sinusoid/n17_d48"));
            assertSame(SinCos.sequence(197, 16), golden.get("t2t_sinusoid/n197_d16"));
            assertSame(SinCos.grid(4, 6, 24), golden.get("simple_vit_sincos/h4_w6_d24"));
        });
    }

    private static void assertSame(Tensor found, StoredTensor expected) {
        assertThat(found.shape()).isEqualTo(expected.shape());
        assertThat(found.toFloats()).containsExactly(expected.toFloats(), within(1e-6f));
    }

    @Test
    void aSequenceStartsWithSineZeroAndCosineOne() {
        Frame.run(() -> {
            var table = SinCos.sequence(2, 4).toFloats();
            assertThat(table[0]).isZero();
            assertThat(table[1]).isEqualTo(1);
            assertThat(table[4]).isCloseTo((float) Math.sin(1), within(1e-7f));
            assertThat(table[7]).isCloseTo((float) Math.cos(0.01), within(1e-7f));
        });
    }
}
