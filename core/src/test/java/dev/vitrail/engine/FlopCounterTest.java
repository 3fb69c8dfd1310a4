package dev.vitrail.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.junit.jupiter.api.Test;

class FlopCounterTest {
    private static void product() {
        Frame.run(() -> Tensor.ones(2, 3).matmul(Tensor.ones(3, 5)));
    }

    @Test
    void nestedCountsAddUpAndUncountedWorkIsLeftOut() {
        var all = FlopCounter.of(() -> {
            product();
            assertThat(FlopCounter.of(FlopCounterTest::product)).isEqualTo(new FlopCounter.Count(30, 10, Map.of()));
            FlopCounter.uncounted(() -> {
                product();
                return "";
            });
        });
        assertThat(all).isEqualTo(new FlopCounter.Count(60, 20, Map.of()));
    }

    @Test
    void aThrowingBodyEndsItsCount() {
        assertThat(FlopCounter.of(() -> {
                    try {
                        FlopCounter.of(() -> {
                            product();
                            throw new IllegalStateException("on purpose");
                        });
                    } catch (IllegalStateException expected) {
                        product();
                    }
                }))
                .isEqualTo(new FlopCounter.Count(30, 10, Map.of()));
    }
}
