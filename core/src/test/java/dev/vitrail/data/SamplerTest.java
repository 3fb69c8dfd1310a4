package dev.vitrail.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.vitrail.errors.VitrailException;
import java.util.ArrayList;
import java.util.Arrays;
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

    @Test
    void repeatsEachIndexInARow() {
        var repeated = Sampler.shuffled(1000, 7).repeated(3);
        assertThat(repeated.length()).isEqualTo(768);
        int[] order = repeated.order(2);
        int[] once = Sampler.shuffled(1000, 7).order(2);
        assertThat(order).hasSize(768);
        for (int i = 0; i < order.length; i++) {
            assertThat(order[i]).isEqualTo(once[i / 3]);
        }
        assertThat(Sampler.sequential(5).repeated(2).order(0)).containsExactly(0, 0, 1, 1, 2);
        assertThatThrownBy(() -> Sampler.sequential(5).repeated(0)).isInstanceOf(VitrailException.class);
    }

    @Test
    void cutsPassesIntoEpochsOfAnotherLength() {
        var passes = Sampler.shuffled(10, 7);
        var longer = passes.cutInto(24);
        assertThat(longer.length()).isEqualTo(24);
        var expected = new ArrayList<Integer>();
        for (int pass = 0; pass < 5; pass++) {
            Arrays.stream(passes.order(pass)).forEach(expected::add);
        }
        var found = new ArrayList<Integer>();
        Arrays.stream(longer.order(0)).forEach(found::add);
        Arrays.stream(longer.order(1)).forEach(found::add);
        assertThat(found).isEqualTo(expected.subList(0, 48));
        assertThat(passes.cutInto(10).order(3)).isEqualTo(passes.order(3));
        assertThat(passes.cutInto(4).order(2)).hasSize(4).startsWith(passes.order(0)[8], passes.order(0)[9]);
        assertThatThrownBy(() -> passes.cutInto(0)).isInstanceOf(VitrailException.class);
    }

    @Test
    void balancesClasses() {
        int[] labels = new int[1000];
        for (int i = 0; i < labels.length; i++) {
            labels[i] = i < 900 ? 0 : i < 990 ? 3 : i < 999 ? 1 : -1;
        }
        var sampler = Sampler.balanced(labels, 5);
        assertThat(sampler.length()).isEqualTo(999);
        int[] order = sampler.order(0);
        int[] counts = new int[4];
        int[] seen = new int[1000];
        for (int index : order) {
            counts[labels[index]]++;
            seen[index]++;
        }
        assertThat(counts).containsExactly(333, 333, 0, 333);
        for (int i = 0; i < 999; i++) {
            // Within a class, no image is ahead of another by more than one.
            assertThat(seen[i]).isBetween(i < 900 ? 0 : i < 990 ? 3 : 37, i < 900 ? 1 : i < 990 ? 4 : 37);
        }
        assertThat(sampler.order(1)).isNotEqualTo(order);
        assertThat(Sampler.balanced(labels, 5).order(0)).isEqualTo(order);
        assertThatThrownBy(() -> Sampler.balanced(new int[] {-1}, 0))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("needs labels");
    }

    @Test
    void weighsClasses() {
        int[] counts = ClassWeights.counts(new int[] {0, 0, 0, 2, -1});
        assertThat(counts).containsExactly(3, 0, 1);
        assertThat(ClassWeights.inverseFrequency(counts)).containsExactly(4f / 6, 0, 2);
        assertThat(ClassWeights.effectiveNumber(counts, 0)).containsExactly(1, 0, 1);
        // (1 − 0.5³) / 0.5 = 1.75 against 1, and both weights sum to 2
        float[] weights = ClassWeights.effectiveNumber(counts, 0.5);
        assertThat(weights[0]).isCloseTo((float) (2 / 1.75 / (1 + 1 / 1.75)), within(1e-6f));
        assertThat(weights[2]).isCloseTo((float) (2 / (1 + 1 / 1.75)), within(1e-6f));
        assertThatThrownBy(() -> ClassWeights.effectiveNumber(counts, 1)).isInstanceOf(VitrailException.class);
    }
}
