package dev.vitrail.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.sun.jna.NativeLibrary;
import com.sun.jna.Platform;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class WaitingTest {
    @TempDir
    @SuppressWarnings("NullAway.Init") // set by JUnit
    Path root;

    @Test
    void readsTheQuotaOfTheSecondVersion() throws IOException {
        write("proc/self/cgroup", "0::/pod/app\n");
        write("sys/fs/cgroup/pod/app/cpu.max", "max 100000\n");
        assertThat(CpuLimits.quota(root)).isEmpty();
        write("sys/fs/cgroup/pod/cpu.max", "150000 100000\n");
        assertThat(CpuLimits.quota(root)).hasValue(1.5);
        write("sys/fs/cgroup/pod/app/cpu.max", "50000 100000\n");
        assertThat(CpuLimits.quota(root)).hasValue(0.5);
    }

    /** In a container the group's own path may not exist: the limit is then at the top of what is mounted. */
    @Test
    void readsTheQuotaOfTheFirstVersion() throws IOException {
        write("proc/self/cgroup", "5:memory:/docker/1\n4:cpu,cpuacct:/docker/1\n0::/docker/1\n");
        write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
        write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
        assertThat(CpuLimits.quota(root)).isEmpty();
        write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "250000\n");
        assertThat(CpuLimits.quota(root)).hasValue(2.5);
    }

    @Test
    void knowsNoLimitWhereTheSystemTellsNone() {
        assertThat(CpuLimits.quota(root)).isEmpty();
    }

    @Test
    void waitingIsShortAfterBusyPeriodsAndIsThenTriedLong() {
        assumeTrue(Platform.isLinux());
        var waiting = new Waiting(openMp());
        waiting.observe(0.3);
        waiting.observe(0.3);
        waiting.observe(0.5);
        assertThat(waiting.isShort()).isTrue();
        assertThat(shortPeriods(waiting, 0)).isEqualTo(5);
        // Contention that is still there is waited out for twice as long each time, up to half a minute.
        for (int expected : new int[] {10, 20, 25, 25}) {
            contend(waiting);
            assertThat(shortPeriods(waiting, 0)).isEqualTo(expected);
        }
        for (int i = 0; i < 100; i++) {
            waiting.observe(0);
        }
        contend(waiting);
        assertThat(shortPeriods(waiting, 0)).isEqualTo(5);
    }

    /** On a busy host, waking a thread takes so long that sleeping threads seem to lack a core. */
    @Test
    void whatSleepingThreadsLackDoesNotKeepWaitingShort() {
        assumeTrue(Platform.isLinux());
        var waiting = new Waiting(openMp());
        contend(waiting);
        assertThat(shortPeriods(waiting, 0.9)).isEqualTo(5);
        for (int i = 0; i < 100; i++) {
            waiting.observe(0.2);
            assertThat(waiting.isShort()).isFalse();
        }
    }

    /** Some programs that now and then want a core are no reason to sleep. */
    @Test
    void aLittleContentionLeavesWaitingLong() {
        assumeTrue(Platform.isLinux());
        var waiting = new Waiting(openMp());
        for (int i = 0; i < 100; i++) {
            waiting.observe(i % 4 == 0 ? 0.4 : 0.2);
        }
        assertThat(waiting.isShort()).isFalse();
    }

    private static void contend(Waiting waiting) {
        waiting.observe(0.6);
        waiting.observe(0.6);
        assertThat(waiting.isShort()).isTrue();
    }

    /**
     * A process of its own, in which nothing else decides: what two threads use for operations with
     * pauses between them.
     */
    @Test
    void shortWaitingLeavesTheProcessorToOthers() throws Exception {
        assumeTrue(Platform.isLinux());
        var output = root.resolve("output");
        var builder = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xmx256m",
                        "-Dvitrail.wait=brief",
                        "-cp",
                        System.getProperty("java.class.path"),
                        WaitingTest.class.getName())
                .redirectErrorStream(true)
                .redirectOutput(output.toFile());
        builder.environment().keySet().removeAll(List.of("GOMP_SPINCOUNT", "OMP_WAIT_POLICY"));
        var process = builder.start();
        try {
            assertThat(process.waitFor(2, TimeUnit.MINUTES)).isTrue();
        } finally {
            process.destroyForcibly().waitFor();
        }
        var said = Files.readString(output);
        assertThat(process.exitValue()).as(said).isZero();
        var times = said.lines()
                .filter(line -> line.startsWith("used "))
                .map(line -> Long.valueOf(line.substring(5)))
                .toList();
        assertThat(times.get(1)).as(said).isLessThan(times.get(0) / 3).isLessThan(times.get(2) / 3);
    }

    public static void main(String[] arguments) throws InterruptedException {
        var waiting = new Waiting(openMp());
        processorTimeOfPauses(); // Lets Java compile first.
        System.out.println("used " + processorTimeOfPauses());
        waiting.keepShort();
        Thread.sleep(200);
        System.out.println("used " + processorTimeOfPauses());
        waiting.keepLong();
        Thread.sleep(200);
        System.out.println("used " + processorTimeOfPauses());
    }

    private static int shortPeriods(Waiting waiting, double lacked) {
        int periods = 0;
        while (waiting.isShort()) {
            waiting.observe(lacked);
            periods++;
        }
        return periods;
    }

    private static long processorTimeOfPauses() throws InterruptedException {
        var library = NativeLibrary.getInstance(openMp().toString());
        var parallel = library.getFunction("GOMP_parallel");
        var nothing = library.getFunction("omp_get_level");
        var process = (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        long before = process.getProcessCpuTime();
        for (int i = 0; i < 40; i++) {
            parallel.invokeVoid(new Object[] {nothing, null, 2, 0});
            Thread.sleep(20);
        }
        return TimeUnit.NANOSECONDS.toMicros(process.getProcessCpuTime() - before);
    }

    private static Path openMp() {
        Natives.load();
        return NativeLibraries.openMp().orElseThrow();
    }

    private void write(String path, String content) throws IOException {
        var file = root.resolve(path);
        Files.createDirectories(file.getParent());
        Files.writeString(file, content);
    }
}
