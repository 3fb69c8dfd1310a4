package dev.vitrail.serve.batching;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vitrail.errors.NotFiniteException;
import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Which images run together, in which order, and which do not run. Models here are functions that double a number. */
class BatchSchedulerTest {
    private static final long BUDGET = Duration.ofSeconds(10).toNanos(), NEVER = Long.MAX_VALUE;

    private final List<String> ran = Collections.synchronizedList(new ArrayList<>());
    private final BatchScheduler scheduler = new BatchScheduler((lane, size, nanos) -> ran.add(lane + size));

    @AfterEach
    void stop() {
        scheduler.close();
    }

    /** A lane whose batches of 1, 2, 4 and 8 were measured to cost that much. */
    private Lane lane(String name, Consumer<Integer> run, long... nanos) {
        var lane = new Lane(name, 1, 8, BUDGET, (images, count) -> {
            run.accept(count);
            return doubled(images, count);
        });
        for (int i = 0; i < nanos.length; i++) {
            lane.costs.add(1 << i, nanos[i]);
        }
        scheduler.add(lane);
        return lane;
    }

    private static List<float[]> doubled(ByteBuffer images, int count) {
        var values = images.asFloatBuffer();
        return IntStream.range(0, count)
                .mapToObj(i -> {
                    float value = values.get(i);
                    if (value == 13) {
                        throw new NotFiniteException("13 is not finite here");
                    }
                    return new float[] {2 * value};
                })
                .toList();
    }

    private CompletableFuture<float[]> submit(Lane lane, float value) {
        return submit(lane, value, NEVER, false);
    }

    private CompletableFuture<float[]> submit(Lane lane, float value, long deadline, boolean cancelled) {
        var job = new BatchJob(FloatBuffer.wrap(new float[] {value}), deadline, () -> cancelled, new Timing());
        scheduler.submit(lane, job);
        return job.result();
    }

    /** Keeps the model's thread busy until the latch opens. */
    private CountDownLatch busy() {
        var begun = new CountDownLatch(1);
        var end = new CountDownLatch(1);
        scheduler.between(() -> {
            begun.countDown();
            await(end);
            return true;
        });
        await(begun);
        return end;
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void imagesThatWaitedRunTogetherAndKeepTheirResults() {
        var lane = lane("a", count -> {}, 100, 120, 160, 240);
        var end = busy();
        var results = IntStream.range(0, 11).mapToObj(i -> submit(lane, i)).toList();
        end.countDown();
        for (int i = 0; i < results.size(); i++) {
            assertThat(results.get(i).join()).containsExactly(2f * i);
        }
        assertThat(ran).startsWith("a8").hasSizeBetween(2, 4);
    }

    @Test
    void aLoneImageDoesNotWait() {
        long second = Duration.ofSeconds(1).toNanos();
        var lane = lane("a", count -> {}, second, second, second, second);
        long begin = System.nanoTime();
        submit(lane, 1).join();
        assertThat(System.nanoTime() - begin).isLessThan(second);
    }

    @Test
    void aBatchWaitsForImagesThatAreBeingDecoded() {
        long second = Duration.ofSeconds(2).toNanos();
        var lane = lane("a", count -> {}, second, second, second, second);
        scheduler.expect(lane, 1);
        var first = submit(lane, 1);
        var other = submit(lane, 2);
        scheduler.expect(lane, -1);
        CompletableFuture.allOf(first, other).join();
        assertThat(ran).containsExactly("a2");
    }

    @Test
    void aBatchDoesNotWaitLongerThanItSaves() {
        var lane = lane("a", count -> {}, 1000, 1500, 2500, 4500);
        scheduler.expect(lane, 7); // and nothing of it comes
        assertThat(submit(lane, 1).join()).containsExactly(2f);
    }

    @Test
    void givenUpAndLateImagesDoNotRun() {
        var counts = Collections.synchronizedList(new ArrayList<Integer>());
        var lane = lane("a", counts::add, 100, 120, 160, 240);
        var end = busy();
        var good = submit(lane, 1);
        var cancelled = submit(lane, 2, NEVER, true);
        var late = submit(lane, 3, System.nanoTime() - 1, false);
        end.countDown();
        assertThat(good.join()).containsExactly(2f);
        assertThatThrownBy(cancelled::join).hasMessageContaining("given up");
        assertThatThrownBy(late::join).hasCauseInstanceOf(DeadlineExceededException.class);
        assertThat(counts).containsExactly(1);
    }

    @Test
    void oneBadImageDoesNotSpoilItsBatch() {
        var lane = lane("a", count -> {}, 100, 120, 160, 240);
        var end = busy();
        var results = IntStream.of(1, 13, 3).mapToObj(i -> submit(lane, i)).toList();
        end.countDown();
        assertThat(results.get(0).join()).containsExactly(2f);
        assertThatThrownBy(results.get(1)::join).hasCauseInstanceOf(NotFiniteException.class);
        assertThat(results.get(2).join()).containsExactly(6f);
    }

    @Test
    void modelsShareTheThreadByTime() {
        var order = Collections.synchronizedList(new ArrayList<String>());
        var slow = lane("slow", count -> {
            order.add("slow");
            spin(Duration.ofMillis(20));
        });
        var fast = lane("fast", count -> {
            order.add("fast");
            spin(Duration.ofMillis(2));
        });
        var end = busy();
        var all = new ArrayList<CompletableFuture<float[]>>();
        for (int i = 0; i < 40; i++) {
            all.add(submit(slow, 20 + i));
            all.add(submit(fast, 20 + i));
        }
        end.countDown();
        CompletableFuture.allOf(all.toArray(CompletableFuture[]::new)).join();
        // In turn, the slow one would run as often as the fast one; by time, a tenth as often, and more on a busy
        // machine.
        var untilFastIsDone = order.subList(0, order.lastIndexOf("fast"));
        assertThat(untilFastIsDone.stream().filter("slow"::equals).count()).isLessThan(20);
    }

    private static void spin(Duration time) {
        long end = System.nanoTime() + time.toNanos();
        while (System.nanoTime() < end) {
            Thread.onSpinWait();
        }
    }

    @Test
    void whatWaitsIsGivenUpWhenItsModelIsUnloaded() {
        var lane = lane("a", count -> {}, 100);
        var end = busy();
        var waiting = submit(lane, 1);
        scheduler.remove(lane);
        assertThatThrownBy(waiting::join).hasMessageContaining("unloaded");
        assertThatThrownBy(submit(lane, 2)::join).hasMessageContaining("unloaded");
        end.countDown();
    }
}
