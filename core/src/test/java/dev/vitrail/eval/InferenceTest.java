package dev.vitrail.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.vitrail.data.Batch;
import dev.vitrail.engine.RandomState;
import dev.vitrail.engine.Threads;
import dev.vitrail.loading.LoadOptions;
import dev.vitrail.loading.LoadedModel;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class InferenceTest {
    private static final int SIDE = 32;

    private int before;

    @BeforeEach
    void twoThreads() {
        before = Threads.count();
        Threads.set(2);
        RandomState.seed(0);
    }

    @AfterEach
    void restore() {
        Threads.set(before);
    }

    @ParameterizedTest
    @CsvSource({
        "vit_mini_patch4_gap_32, 9",
        "cait_mini_32, 8",
        "swin_mini_32, 19",
        "resnet20_mini_32, 8",
        "vit_mini_patch4_gap_32, 7"
    })
    void dividedBatchGivesTheResultsOfTheWholeInTheirOrder(String name, int images) {
        assumeTrue(Threads.canDivide(), "another OpenMP runtime than GNU's, or MKL");
        try (var loaded = LoadedModel.load(name, LoadOptions.DEFAULT)) {
            var model = loaded.model();
            model.train(false);
            var batch = batch(images);
            var parts = Collections.synchronizedList(new ArrayList<Long>());
            var divided = Inference.floats(model, batch, x -> {
                parts.add(x.size(0));
                return model.apply(x);
            });
            var whole = Inference.of(model, batch, x -> model.apply(x).toFloats());
            assertThat(parts).hasSize(images < 8 ? 1 : 2 * (images / 8));
            assertThat(parts.stream().mapToLong(Long::longValue).sum()).isEqualTo(images);
            assertThat(divided).hasSameSizeAs(whole);
            for (int i = 0; i < whole.length; i++) {
                assertThat(divided[i]).isCloseTo(whole[i], within(1e-5f));
            }
        }
    }

    private static Batch batch(int images) {
        var bytes = ByteBuffer.allocateDirect(Float.BYTES * 3 * SIDE * SIDE * images)
                .order(ByteOrder.nativeOrder());
        var random = new Random(1);
        var pixels = bytes.asFloatBuffer();
        while (pixels.hasRemaining()) {
            pixels.put((float) random.nextGaussian());
        }
        return new Batch(0, images, 3, SIDE, SIDE, bytes, new int[images], new int[images]);
    }
}
