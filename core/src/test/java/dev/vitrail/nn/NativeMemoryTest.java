package dev.vitrail.nn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.vitrail.engine.Device;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.Tensor;
import dev.vitrail.engine.Threads;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** Native memory belongs to frames, so it does not grow with the number of calls. */
class NativeMemoryTest {
    private static final Path STATUS = Path.of("/proc/self/status");

    /** Resident memory of this process, KiB. */
    private static long resident() throws IOException {
        return Files.readAllLines(STATUS).stream()
                .filter(line -> line.startsWith("VmRSS:"))
                .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
                .findFirst()
                .orElseThrow();
    }

    private static void grows(int calls, long limitKib, Runnable call) throws IOException {
        assumeTrue(Files.exists(STATUS), "resident memory is read from /proc, which this system has not");
        int threads = Threads.count();
        Threads.set(1); // on a busy machine, handing over such small work takes longer than the work
        try {
            for (int i = 0; i < 100; i++) {
                call.run();
            }
            long before = resident();
            for (int i = 0; i < calls; i++) {
                call.run();
            }
            assertThat(resident() - before).isLessThan(limitKib);
        } finally {
            Threads.set(threads);
        }
    }

    /**
     * A call makes 1 MiB of intermediate values, the least of them of 32 KiB: a leak of any grows by 32 MiB and more.
     */
    @Test
    void isFlatOverAThousandCalls() throws IOException {
        try (var block = new Mlp(64, 256, Activation.GELU, 0);
                var attention = new Attention(Attention.Config.of(64, 4))) {
            block.initialise(0, Device.CPU);
            attention.initialise(0, Device.CPU);
            grows(1000, 16 << 10, () -> {
                try (var frame = Frame.open();
                        var off = Gradients.off()) {
                    block.apply(attention.apply(Tensor.ones(4, 32, 64)));
                }
            });
        }
    }

    @Test
    void isFlatOverBackwardPasses() throws IOException {
        try (var block = new Mlp(64, 256, Activation.GELU, 0)) {
            block.initialise(0, Device.CPU);
            grows(600, 16 << 10, () -> {
                try (var frame = Frame.open();
                        var on = Gradients.on()) {
                    block.apply(Tensor.ones(4, 32, 64)).sum().backward();
                    block.parameters()
                            .values()
                            .forEach(parameter -> parameter.value().clearGradient());
                }
            });
        }
    }
}
