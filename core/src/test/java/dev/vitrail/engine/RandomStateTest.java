package dev.vitrail.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class RandomStateTest {
    private static float[] draw() {
        return Frame.compute(() -> Tensor.randn(5).toFloats());
    }

    @Test
    void theSameSeedGivesTheSameSequence() {
        RandomState.seed(3);
        var first = draw();
        var second = draw();
        RandomState.seed(3);
        assertThat(draw()).isEqualTo(first);
        assertThat(draw()).isEqualTo(second).isNotEqualTo(first);
        RandomState.seed(4);
        assertThat(draw()).isNotEqualTo(first);
    }

    @Test
    void aRestoredStateGoesOnWhereItWasSaved() {
        RandomState.seed(3);
        draw(); // an odd number of normal samples: the generator holds one back
        var state = RandomState.save();
        var expected = draw();
        RandomState.seed(99);
        draw();
        RandomState.restore(state);
        assertThat(RandomState.save()).isEqualTo(state);
        assertThat(draw()).isEqualTo(expected);
    }

    @Test
    void aDeviceHasTheCpusStateAndAGpusBesides() {
        RandomState.seed(3);
        var states = RandomState.save(Device.CPU);
        assertThat(states).containsExactly(RandomState.save());
        var expected = draw();
        // A second state is a GPU's, from a run that was there; it says nothing to the CPU.
        RandomState.restore(Device.CPU, List.of(states.get(0), new byte[16]));
        assertThat(draw()).isEqualTo(expected);
    }
}
