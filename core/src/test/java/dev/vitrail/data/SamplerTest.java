package dev.vitrail.data;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class SamplerTest {
    @Test
    void shufflesEveryEpochDifferentlyAndTheSameWayAgain() {
        Sampler sampler = Sampler.shuffled(1000, 7);
        int[] first = sampler.order(0);
        assertThat(first).hasSize(1000).doesNotHaveDuplicates().isNotEqualTo(sampler.order(1));
        assertThat(Sampler.shuffled(1000, 7).order(0)).isEqualTo(first);
        assertThat(Sampler.shuffled(1000, 8).order(0)).isNotEqualTo(first);
        int unmoved = 0;
        for (int i = 0; i < first.length; i++) {
            unmoved += first[i] == i ? 1 : 0;
        }
        assertThat(unmoved).isLessThan(10); // one is expected of a fair shuffle
    }

    @Test
    void sequentialCountsUp() {
        assertThat(Sampler.sequential(4).order(9)).containsExactly(0, 1, 2, 3);
    }
}
