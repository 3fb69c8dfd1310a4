package dev.vitrail.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

class ServiceRateTest {
    private static final long MILLI = 1_000_000;

    private final ServiceRate rate = new ServiceRate(10 * MILLI);

    @Test
    void expectedTimeHoldsUntilImagesLeave() {
        assertThat(rate.nanosPerImage()).isEqualTo(10 * MILLI);
        rate.come(64, 0);
        assertThat(rate.nanosPerImage()).isEqualTo(10 * MILLI);
    }

    /** A cold decoder and a first batch once made the estimate a second an image, and 64 clients were refused. */
    @Test
    void slowFirstImageOfManyDoesNotMakeAllSlow() {
        rate.come(64, 0);
        rate.leave(1_000 * MILLI);
        assertThat(rate.nanosPerImage()).isLessThan(25 * MILLI);
    }

    @Test
    void estimateFollowsTheImagesThatLeave() {
        rate.come(10_000, 0);
        for (int batch = 1; batch <= 60; batch++) {
            for (int image = 0; image < 32; image++) {
                rate.leave(batch * 32L * 20 * MILLI);
            }
        }
        assertThat(rate.nanosPerImage()).isCloseTo(20 * MILLI, within(1e6));
    }

    @Test
    void timeWithoutImagesDoesNotCount() {
        for (int image = 0; image < 1_000; image++) {
            long begin = image * 1_000L * MILLI;
            rate.come(1, begin);
            rate.leave(begin + 15 * MILLI);
        }
        assertThat(rate.nanosPerImage()).isCloseTo(15 * MILLI, within(0.1 * MILLI));
    }
}
