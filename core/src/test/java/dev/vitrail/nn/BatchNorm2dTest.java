package dev.vitrail.nn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vitrail.engine.Device;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Tensor;
import dev.vitrail.errors.VitrailException;
import org.junit.jupiter.api.Test;

class BatchNorm2dTest {
    @Test
    void oneValueAChannelHasNoVarianceToTrainBy() {
        try (var norm = new BatchNorm2d(3);
                var frame = Frame.open()) {
            norm.initialise(0, Device.CPU);
            norm.train(true);
            assertThatThrownBy(() -> norm.apply(Tensor.randn(1, 3, 1, 1)))
                    .isInstanceOf(VitrailException.class)
                    .hasMessageContaining("more than one value a channel, found a batch of 1 with maps of 1×1");
            assertThat(Parameters.of(norm, "running_var").value().toFloats()).containsOnly(1);
            assertThat(Parameters.of(norm, "num_batches_tracked").value().itemLong())
                    .isZero();

            norm.apply(Tensor.randn(2, 3, 1, 1));
            norm.apply(Tensor.randn(1, 3, 1, 2));
            for (float variance : Parameters.of(norm, "running_var").value().toFloats()) {
                assertThat(variance).isFinite();
            }
            norm.train(false);
            assertThat(norm.apply(Tensor.randn(1, 3, 1, 1)).shape()).containsExactly(1, 3, 1, 1);
        }
    }
}
