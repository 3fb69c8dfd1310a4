package dev.vitrail.nn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.vitrail.data.BatchShare;
import dev.vitrail.distributed.ProcessGroup;
import dev.vitrail.distributed.Ranks;
import dev.vitrail.engine.DType;
import dev.vitrail.engine.Device;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.SharedBatch;
import dev.vitrail.engine.Tensor;
import dev.vitrail.errors.VitrailException;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class BatchNorm2dTest {
    /** What a normalisation of five images gives and learns, as one process or as three with one or two images each. */
    private static List<float[]> normalized(ProcessGroup group, boolean synchronises) {
        try (var norm = new BatchNorm2d(3, 1e-5, Activation.RELU, Init.ones());
                var frame = Frame.open()) {
            norm.initialise(0, Device.CPU);
            norm.train(true);
            var all = Tensor.of(values(5 * 3 * 4 * 2), 5, 3, 4, 2);
            var places = new BatchShare(group.rank(), group.size(), false).places(5);
            var rows = Tensor.of(IntStream.of(places).asLongStream().toArray(), places.length);
            var x = all.indexSelect(0, rows).requireGradient(true);
            try (var on = Gradients.on();
                    var shared =
                            SharedBatch.open(5, places, synchronises ? Optional.of(group::sum) : Optional.empty())) {
                var y = norm.apply(x);
                y.times(y).times(all.indexSelect(0, rows)).sum().backward();
                var gradient = Parameters.of(norm, "weight").value().gradient().copy();
                group.sum(gradient);
                return List.of(
                        flat(group, y),
                        flat(group, x.gradient()),
                        gradient.toFloats(),
                        Parameters.of(norm, "running_mean").value().toFloats(),
                        Parameters.of(norm, "running_var").value().toFloats());
            }
        }
    }

    /** Far from zero, where a difference of sums would lose digits. */
    private static float[] values(int count) {
        var random = new Random(11);
        var values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) (20 + 3 * random.nextGaussian());
        }
        return values;
    }

    /** The elements of all processes. */
    private static float[] flat(ProcessGroup group, Tensor x) {
        var all = group.gather(x.to(DType.F64).toDoubles()).stream()
                .flatMapToDouble(DoubleStream::of)
                .toArray();
        var floats = new float[all.length];
        for (int i = 0; i < all.length; i++) {
            floats[i] = (float) all[i];
        }
        return floats;
    }

    /** The group of one computes by libtorch's own kernel, so that this holds the synchronised way against it. */
    @Test
    void processesNormalizeByTheStatisticsOfAllTheirImages() {
        var alone = normalized(ProcessGroup.single(), false);
        for (var rank : Ranks.run(3, group -> normalized(group, true))) {
            for (int i = 0; i < alone.size(); i++) {
                assertThat(rank.get(i)).containsExactly(alone.get(i), within(2e-3f));
            }
        }
        assertThat(Ranks.run(3, group -> normalized(group, false)).get(0).get(4))
                .isNotEqualTo(alone.get(4));
    }

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
