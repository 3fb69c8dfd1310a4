package dev.vitrail.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class FrameTest {
    private static boolean alive(Tensor tensor) {
        return !tensor.handle.isNull();
    }

    @Test
    void valuesDieWithTheirFrame() {
        var seen = new ArrayList<Tensor>();
        try (var frame = Frame.open()) {
            seen.add(Tensor.ones(3));
            Frame.run(() -> {
                seen.add(Tensor.ones(3));
                assertThat(seen).allMatch(FrameTest::alive);
            });
            assertThat(alive(seen.get(0))).isTrue();
            assertThat(alive(seen.get(1))).isFalse();
        }
        assertThat(alive(seen.get(0))).isFalse();
    }

    @Test
    void aResultMovesToTheFrameBelow() {
        var within = new ArrayList<Tensor>();
        Tensor result;
        try (var frame = Frame.open()) {
            result = Frame.of(() -> {
                within.add(Tensors.full(2, 3));
                return Frame.of(() -> within.get(0).times(3));
            });
            assertThat(alive(within.get(0))).isFalse();
            assertThat(result.toFloats()).containsExactly(6, 6, 6);
        }
        assertThat(alive(result)).isFalse();
    }

    @Test
    void severalResultsMoveTogether() {
        List<Tensor> results;
        try (var frame = Frame.open()) {
            results = Frame.all(() -> Tensors.count(4).chunk(2, 0));
            assertThat(results.get(0).toLongs()).containsExactly(0, 1);
            assertThat(results.get(1).toLongs()).containsExactly(2, 3);
        }
        assertThat(results).noneMatch(FrameTest::alive);
    }

    /**
     * libtorch lends these from inside a list, a tuple, an operator's stack and a leaf, which die or change
     * before they do.
     */
    @Test
    void whatLibtorchLendsIsKeptAlive() {
        Frame.run(() -> {
            var x = Tensor.of(new float[] {1, 4, 2, 3}, 4);
            assertThat(Frame.of(() -> x.unbind(0).get(1)).item()).isEqualTo(4);
            assertThat(Frame.of(() -> x.chunk(2, 0).get(1)).toFloats()).containsExactly(2, 3);
            assertThat(Frame.of(() -> x.topk(2).get(0)).toFloats()).containsExactly(4, 3);
            assertThat(Frame.of(() -> x.topk(2).get(1)).toLongs()).containsExactly(1, 3);
            assertThat(Frame.of(() -> Functional.resize(x.reshape(1, 1, 2, 2), 1, 1, Functional.Resize.BILINEAR, true))
                            .item())
                    .isEqualTo(2.5);
            x.requireGradient(true);
            x.sum().backward();
            var gradient = x.gradient();
            x.clearGradient();
            assertThat(gradient.toFloats()).containsExactly(1, 1, 1, 1);
        });
    }

    /** A layer that gives back what it got must not free it, however often. */
    @Test
    void aResultThatWasTheCallersStaysTheCallers() {
        Tensor mine;
        try (var frame = Frame.open()) {
            mine = Tensors.full(5, 2);
            for (int i = 0; i < 100; i++) {
                assertThat(Frame.of(() -> mine)).isSameAs(mine);
            }
            assertThat(mine.toFloats()).containsExactly(5, 5);
        }
        assertThat(alive(mine)).isFalse();
    }

    @Test
    void whatIsKeptOutlivesEveryFrame() {
        Tensor kept;
        try (var frame = Frame.open()) {
            kept = Tensors.full(7, 2).keep();
        }
        assertThat(kept.toFloats()).containsExactly(7, 7);
        kept.release();
        assertThat(alive(kept)).isFalse();
    }

    @Test
    void aThrowingBodyFreesItsValuesToo() {
        var seen = new ArrayList<Tensor>();
        assertThatThrownBy(() -> Frame.run(() -> {
                    seen.add(Tensor.ones(1));
                    throw new IllegalStateException("on purpose");
                }))
                .hasMessage("on purpose");
        assertThat(seen).noneMatch(FrameTest::alive);
    }

    @Test
    void aTensorOutsideEveryFrameIsRefused() {
        assertThatThrownBy(() -> Tensor.zeros(1))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("a tensor was made outside every frame and would never be freed: wrap the call in"
                        + " Frame.open()");
        assertThatThrownBy(() -> Frame.of(() -> Tensor.zeros(1)))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("a tensor was returned to a thread without an open frame: wrap the call in Frame.open()");
    }
}
