package dev.vitrail.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class ThreadsTest {
    private int before;

    @BeforeEach
    void twoThreads() {
        assumeTrue(Threads.canDivide(), "another OpenMP runtime than GNU's, or MKL");
        before = Threads.count();
        Threads.set(2);
    }

    @AfterEach
    void restore() {
        Threads.set(before);
    }

    @Test
    void worksRunAtOnceWithOneThreadEachAndTheCallerKeepsItsOwn() {
        var met = new CountDownLatch(2);
        Supplier<Integer> work = () -> {
            met.countDown();
            try {
                assertThat(met.await(1, TimeUnit.MINUTES)).isTrue();
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
            return Threads.count();
        };
        assertThat(Threads.sideBySide(List.of(work, work))).containsExactly(1, 1);
        assertThat(Threads.count()).isEqualTo(2);
    }

    @Test
    void worksBeyondTheThreadsFollowInOrder() {
        var works =
                IntStream.range(0, 9).<Supplier<Integer>>mapToObj(i -> () -> i).toList();
        assertThat(Threads.sideBySide(works)).containsExactly(0, 1, 2, 3, 4, 5, 6, 7, 8);
    }

    @Test
    void threadsThatComeAfterHaveTheNumberOfTheProcess() throws InterruptedException {
        var seen = new int[1];
        Threads.sideBySide(List.<Supplier<Integer>>of(() -> 0, () -> {
            var thread = new Thread(() -> seen[0] = Threads.count());
            thread.start();
            try {
                thread.join();
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
            return 0;
        }));
        assertThat(seen[0]).isEqualTo(2);
    }

    @Test
    void precisionIsTheCallersAndNothingIsRecorded() {
        try (var on = Gradients.on();
                var autocast = Autocast.open(Device.Type.CPU, DType.BF16)) {
            Supplier<DType> work = () -> {
                assertThat(Gradients.recorded()).isFalse();
                return Frame.compute(
                        () -> Tensor.ones(2, 2).matmul(Tensor.ones(2, 2)).dtype());
            };
            assertThat(Threads.sideBySide(List.of(work, work))).containsExactly(DType.BF16, DType.BF16);
            assertThat(Gradients.recorded()).isTrue();
        }
    }

    @Test
    void failureOfAnyWorkIsThrownAfterAllHaveEnded() {
        Supplier<Integer> good = () -> 1;
        Supplier<Integer> bad = () -> {
            throw new IllegalArgumentException("bad");
        };
        assertThatThrownBy(() -> Threads.sideBySide(List.of(good, bad)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("bad");
        assertThatThrownBy(() -> Threads.sideBySide(List.of(bad, good))).isInstanceOf(IllegalArgumentException.class);
        assertThat(Threads.count()).isEqualTo(2);
    }
}
