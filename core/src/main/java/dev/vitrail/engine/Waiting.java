package dev.vitrail.engine;

import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Lets OpenMP's threads wait awake only while the processor is theirs.
 *
 * <p>Awake, a thread takes up the next operation at once; but where other work wants its core, each turn of waiting is
 * taken from the very thread that is waited for. The kernel counts how long each thread of this process was ready to
 * run and had no core ({@code /proc/self/task/TID/schedstat}). Where that is a third of their time and more, waiting
 * becomes short, and after a second it is tried long again, after two, four, five seconds where the contention lasts.
 * The time for which a quota holds threads back counts the same way.
 *
 * <p>How libgomp is told at run time: it waits {@code GOMP_SPINCOUNT} turns, but only some hundred while the process
 * has more OpenMP threads than processors (libgomp manual, GOMP_SPINCOUNT). So a thread of ours opens a team one larger
 * than the processors and keeps it, asleep, for as long as waiting shall be short. It computes nothing. When the thread
 * ends, so does its team.
 */
final class Waiting {
    private static final Logger LOG = LoggerFactory.getLogger(Waiting.class);

    private static final long PERIOD_MILLIS = 200;

    /**
     * The share of their time in which threads were ready and had no core, smoothed over some periods. One busy loop on
     * one of two cores gives 0.4 and two give 0.55; many small programs beside give 0.1 to 0.3, and there long waiting
     * is still the faster.
     */
    private static final double CONTENDED = 0.33;

    /** Periods for which waiting is short before it is tried long; doubled each time that contention is still there. */
    private static final int SHORT_PERIODS = 5;

    private static final int MOST_SHORT_PERIODS = 25;

    /** Periods of long waiting after which contention counts as new. */
    private static final int TRIAL_PERIODS = 20;

    private final NativeLibrary openMp;
    private @Nullable CountDownLatch team;

    private double level;

    /** Periods since waiting last changed, and those after which short waiting ends. */
    private int since = TRIAL_PERIODS;

    private int wanted = SHORT_PERIODS;

    /** Controls the waiting of the OpenMP runtime in a file, which must be open already. */
    Waiting(Path openMp) {
        this.openMp = NativeLibrary.getInstance(openMp.toString());
    }

    /** Adapts from now on, for as long as the process lives, to what the kernel tells. */
    static void adapt(Path openMp, int threads) {
        if (threads == 1) {
            return; // Nobody waits for anybody.
        }
        var waiting = new Waiting(openMp);
        if (Files.isReadable(Path.of("/proc/self/schedstat"))) {
            var watch = new Thread(waiting::watch, "vitrail-waiting");
            watch.setDaemon(true);
            watch.start();
        }
    }

    private void watch() {
        var seen = new HashMap<String, long[]>();
        lacked(seen);
        try {
            while (true) {
                Thread.sleep(PERIOD_MILLIS);
                observe(lacked(seen));
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /**
     * Takes in one period, in which threads lacked a core for such a share of their time.
     *
     * <p>Long waiting shows best whether the cores are ours. Short waiting puts threads to sleep, and one that is woken
     * is ready before it has a core: on a virtual machine whose host is busy, slow waking can look like contention. So
     * what is seen during short waiting does not decide when it ends.
     */
    void observe(double lacked) {
        since++;
        if (isShort()) {
            if (since >= wanted) {
                since = 0;
                level = 0;
                keepLong();
                LOG.debug("waiting is tried long again");
            }
            return;
        }
        level = (level + lacked) / 2;
        if (level > CONTENDED) {
            wanted = since < TRIAL_PERIODS ? Math.min(MOST_SHORT_PERIODS, 2 * wanted) : SHORT_PERIODS;
            since = 0;
            keepShort();
            LOG.debug("waiting is short: threads lacked a core for {} of their time", level);
        }
    }

    boolean isShort() {
        return team != null;
    }

    void keepShort() {
        var end = new CountDownLatch(1);
        team = end;
        var holder = new Thread(() -> hold(end), "vitrail-short-waiting");
        holder.setDaemon(true);
        holder.start();
    }

    void keepLong() {
        if (team != null) {
            team.countDown();
            team = null;
        }
    }

    /** Opens a team of more threads than processors, each of which calls a function without effect, and keeps it. */
    private void hold(CountDownLatch end) {
        int threads = openMp.getFunction("omp_get_num_procs").invokeInt(new Object[0]) + 1;
        openMp.getFunction("GOMP_parallel")
                .invokeVoid(new Object[] {openMp.getFunction("omp_get_level"), Pointer.NULL, threads, 0});
        try {
            end.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /**
     * The share of their time that threads lacked a core since the last call, weighted by what each ran, so that those
     * that compute decide and not the helpers of Java that wait for a moment; 0 where hardly any ran.
     */
    private static double lacked(Map<String, long[]> seen) {
        var now = new HashMap<String, long[]>();
        double ran = 0;
        double lacked = 0;
        try (var tasks = Files.newDirectoryStream(Path.of("/proc/self/task"))) {
            for (var task : tasks) {
                var fields = fields(task);
                var name = task.getFileName().toString();
                var before = seen.get(name);
                now.put(name, fields);
                if (before != null) {
                    double run = fields[0] - before[0];
                    double without = fields[1] - before[1];
                    ran += run;
                    lacked += run > 0 ? run * without / (run + without) : 0;
                }
            }
        } catch (IOException e) {
            return 0; // Without the kernel's word waiting stays as it is set.
        }
        seen.clear();
        seen.putAll(now);
        return ran < TimeUnit.MILLISECONDS.toNanos(PERIOD_MILLIS) / 10 ? 0 : lacked / ran;
    }

    /** Nanoseconds on a core and nanoseconds ready without one. */
    private static long[] fields(Path task) {
        try {
            var fields = Files.readString(task.resolve("schedstat")).split(" ");
            return new long[] {Long.parseLong(fields[0]), Long.parseLong(fields[1])};
        } catch (IOException | NumberFormatException | ArrayIndexOutOfBoundsException e) {
            return new long[2]; // The thread has just ended.
        }
    }
}
