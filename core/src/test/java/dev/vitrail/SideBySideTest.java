package dev.vitrail;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.data.Offset.offset;

import dev.vitrail.data.StainedGlass;
import dev.vitrail.engine.NativeMemory;
import dev.vitrail.engine.Threads;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.images.decode.DecodeOptions;
import dev.vitrail.loading.LoadOptions;
import dev.vitrail.loading.LoadedModel;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CyclicBarrier;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

final class SideBySideTest {
    @Test
    void callersThatRunAtOnceGetWhatEachWouldAlone() {
        var glass = StainedGlass.trainAndValidation().validation();
        var images = IntStream.range(0, 8).mapToObj(glass::image).toList();
        try (var vitrail = Vitrail.sideBySide(
                LoadedModel.load("vit_mini_patch4_gap_32", LoadOptions.DEFAULT.withSeed(1)), DecodeOptions.DEFAULT)) {
            var alone = vitrail.logits(images);
            var begin = new CyclicBarrier(4);
            var running = new ArrayList<CompletableFuture<List<float[]>>>();
            for (int i = 0; i < 4; i++) {
                running.add(CompletableFuture.supplyAsync(
                        () -> {
                            try {
                                begin.await();
                            } catch (Exception e) {
                                throw new IllegalStateException(e);
                            }
                            Threads.set(1);
                            List<float[]> last = List.of();
                            for (int turn = 0; turn < 20; turn++) {
                                last = vitrail.logits(images);
                            }
                            return last;
                        },
                        task -> new Thread(task, "caller").start()));
            }
            for (var each : running) {
                var found = each.join();
                for (int i = 0; i < images.size(); i++) {
                    for (int j = 0; j < found.get(i).length; j++) {
                        assertThat(found.get(i)[j]).isCloseTo(alone.get(i)[j], offset(1e-5f));
                    }
                }
            }
            vitrail.close();
            assertThatThrownBy(() -> vitrail.logits(images))
                    .isInstanceOf(VitrailException.class)
                    .hasMessageContaining("is closed");
        }
    }

    @Test
    void librariesInMemoryAreCounted() {
        // libtorch_cpu alone has more of code that runs at its start.
        NativeMemory.libraryBytes().ifPresent(bytes -> assertThat(bytes).isGreaterThan(16 << 20));
    }
}
