package dev.vitrail.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Optional;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;

class SharedBatchTest {
    private static float[] drawn(Supplier<Tensor> draw) {
        RandomState.seed(5);
        return Frame.compute(() -> draw.get().toFloats());
    }

    /** What the images at places 1 and 4 of a batch of 6 get, if each has {@code each} numbers. */
    private static float[] rows(float[] whole, int each) {
        var rows = new float[2 * each];
        System.arraycopy(whole, each, rows, 0, each);
        System.arraycopy(whole, 4 * each, rows, each, each);
        return rows;
    }

    private static float[] shared(Supplier<Tensor> draw) {
        try (var shared = SharedBatch.open(6, new int[] {1, 4}, Optional.empty())) {
            return drawn(draw);
        }
    }

    @Test
    void anImageGetsTheNumbersThatItWouldGetInTheWholeBatch() {
        assertThat(shared(() -> SharedBatch.rand(2, 3))).isEqualTo(rows(drawn(() -> SharedBatch.rand(6, 3)), 3));
        assertThat(shared(() -> SharedBatch.bernoulli(0.5, Device.CPU, 2, 1, 4)))
                .isEqualTo(rows(drawn(() -> SharedBatch.bernoulli(0.5, Device.CPU, 6, 1, 4)), 4));
        // Three windows an image, as Swin's attention has them.
        assertThat(shared(() -> SharedBatch.rand(6, 2))).isEqualTo(rows(drawn(() -> SharedBatch.rand(18, 2)), 6));
    }

    @Test
    void dropoutIsThatOfTheWholeBatch() {
        float[] whole = drawn(() -> Functional.dropout(Tensor.ones(6, 50), 0.3));
        float[] own = shared(() -> Functional.dropout(Tensor.ones(2, 50), 0.3));
        assertThat(own).isEqualTo(rows(whole, 50)).contains(0);
        float[] attended = drawn(() -> attention(6, 0.4));
        assertThat(shared(() -> attention(2, 0.4))).containsExactly(rows(attended, 2 * 5 * 3), within(1e-6f));
        assertThat(attended).isNotEqualTo(drawn(() -> attention(6, 0)));
    }

    /** Attention of images that are all alike, so that only dropout tells them apart. */
    private static Tensor attention(int images, double dropout) {
        var x = Tensor.ones(images, 2, 5, 3);
        return Functional.attention(x, x, x, null, dropout, 1);
    }

    @Test
    void bothLeaveTheRandomNumbersWhereTheyWouldBe() {
        drawn(() -> SharedBatch.rand(6, 3));
        byte[] after = RandomState.save();
        shared(() -> SharedBatch.rand(2, 3));
        assertThat(RandomState.save()).isEqualTo(after);
    }

    @Test
    void numbersOfNoImageAreRefused() {
        try (var shared = SharedBatch.open(6, new int[] {1, 4}, Optional.empty());
                var frame = Frame.open()) {
            assertThatThrownBy(() -> SharedBatch.rand(3, 2)).isInstanceOf(IllegalStateException.class);
        }
    }
}
