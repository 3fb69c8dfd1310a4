package dev.vitrail.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.HashSet;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class SampleRandomTest {
    @Test
    void givesTheBitsOfSplitMix64() {
        SampleRandom ours = new SampleRandom(1234567);
        assertThat(ours.nextLong()).isEqualTo(6457827717110365317L);
        assertThat(ours.nextLong()).isEqualTo(3203168211198807973L);
        SampleRandom again = new SampleRandom(-42);
        SplittableRandom reference = new SplittableRandom(-42); // SplitMix64 with the same increment
        for (int i = 0; i < 1000; i++) {
            assertThat(again.nextLong()).isEqualTo(reference.nextLong());
        }
    }

    @Test
    void boundedNumbersFillTheirRangeEvenly() {
        SampleRandom random = new SampleRandom(3);
        int[] counts = new int[7];
        for (int i = 0; i < 70_000; i++) {
            counts[random.nextInt(7)]++;
        }
        for (int count : counts) {
            assertThat(count).isBetween(9_600, 10_400);
        }
        for (int i = 0; i < 1000; i++) {
            assertThat(random.nextInt(-3, 4)).isBetween(-3, 3);
            assertThat(random.nextInt(Integer.MIN_VALUE, Integer.MAX_VALUE)).isLessThan(Integer.MAX_VALUE);
            assertThat(random.nextLong(-5, 5)).isBetween(-5L, 4L);
            assertThat(random.nextDouble(2, 3)).isBetween(2.0, Math.nextDown(3.0));
            assertThat(random.nextFloat(2, 3)).isBetween(2f, Math.nextDown(3f));
        }
        assertThat(random.nextLong(Long.MIN_VALUE, Long.MAX_VALUE)).isLessThan(Long.MAX_VALUE);
    }

    @Test
    void gaussianNumbersHaveMeanZeroAndDeviationOne() {
        SampleRandom random = new SampleRandom(5);
        double sum = 0;
        double squares = 0;
        int n = 100_000;
        for (int i = 0; i < n; i++) {
            double value = random.nextGaussian();
            sum += value;
            squares += value * value;
        }
        assertThat(sum / n).isCloseTo(0, within(0.02));
        assertThat(squares / n).isCloseTo(1, within(0.02));
    }

    @Test
    void keysThatDifferInOrderOrNumberGiveOtherStreams() {
        Set<Long> first = new HashSet<>();
        for (int a = 0; a < 50; a++) {
            first.add(SampleRandom.of(a).nextLong());
            for (int b = 0; b < 50; b++) {
                first.add(SampleRandom.of(a, b).nextLong());
                first.add(SampleRandom.of(a, b, 0).nextLong());
            }
        }
        assertThat(first).hasSize(50 + 2 * 50 * 50);
    }
}
