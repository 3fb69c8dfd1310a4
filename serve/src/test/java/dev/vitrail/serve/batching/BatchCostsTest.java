package dev.vitrail.serve.batching;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

class BatchCostsTest {
    private static BatchCosts measured(long... nanosOf1And2And4And8) {
        var costs = new BatchCosts(8);
        for (int i = 0; i < nanosOf1And2And4And8.length; i++) {
            costs.add(1 << i, nanosOf1And2And4And8[i]);
        }
        return costs;
    }

    @Test
    void sizesBetweenMeasuredOnesAreInterpolated() {
        var costs = measured(100, 120, 160, 240);
        assertThat(costs.nanos(2)).isEqualTo(120);
        assertThat(costs.nanos(3)).isEqualTo(140);
        assertThat(costs.nanos(6)).isEqualTo(200);
        assertThat(measured(100, 120).nanos(8)).isEqualTo(480);
        assertThat(measured().nanos(8)).isZero();
    }

    @Test
    void bestSizeHasTheMostThroughputWithinTheBudget() {
        assertThat(measured(100, 120, 160, 240).best(1000)).isEqualTo(8);
        assertThat(measured(100, 120, 160, 240).best(170)).isEqualTo(4);
        assertThat(measured(100, 120, 160, 240).best(1)).isEqualTo(1);
        // A machine with nothing to gain from batches keeps latency low.
        assertThat(measured(100, 200, 400, 800).best(1000)).isEqualTo(1);
        // Past the size that fits the caches, larger batches are slower.
        assertThat(measured(100, 120, 200, 480).best(1000)).isEqualTo(4);
    }

    @Test
    void averageFollowsNewMeasurements() {
        var costs = measured(100);
        costs.add(1, 200);
        assertThat(costs.nanos(1)).isCloseTo(120, within(1e-9));
        for (int i = 0; i < 40; i++) {
            costs.add(1, 200);
        }
        assertThat(costs.nanos(1)).isCloseTo(200, within(0.1));
    }
}
