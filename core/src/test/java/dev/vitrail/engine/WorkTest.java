package dev.vitrail.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.junit.jupiter.api.Test;

class WorkTest {
    private static void product() {
        Frame.run(() -> Tensor.ones(2, 3).matmul(Tensor.ones(3, 5)));
    }

    @Test
    void nestedCountsAddUpAndUncountedWorkIsLeftOut() {
        var all = Work.of(() -> {
            product();
            assertThat(Work.of(WorkTest::product)).isEqualTo(new Work.Count(30, 10, Map.of()));
            Work.uncounted(() -> {
                product();
                return "";
            });
        });
        assertThat(all).isEqualTo(new Work.Count(60, 20, Map.of()));
    }

    @Test
    void aThrowingBodyEndsItsCount() {
        assertThat(Work.of(() -> {
                    try {
                        Work.of(() -> {
                            product();
                            throw new IllegalStateException("on purpose");
                        });
                    } catch (IllegalStateException expected) {
                        product();
                    }
                }))
                .isEqualTo(new Work.Count(30, 10, Map.of()));
    }
}
