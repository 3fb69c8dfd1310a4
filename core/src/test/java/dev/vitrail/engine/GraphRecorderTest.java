package dev.vitrail.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vitrail.errors.VitrailException;
import java.util.List;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

class GraphRecorderTest {
    private static List<String> operations(UnaryOperator<Tensor> function) {
        return Frame.compute(() -> {
            try (var graph = GraphRecorder.record(Tensor.ones(2, 3), function)) {
                return graph.nodes().stream().map(Graph.Node::operation).toList();
            }
        });
    }

    @Test
    void whatFollowsFromTheInputIsRecordedAndTheRestIsAConstant() {
        Frame.run(() -> {
            var weight = Tensor.ones(3);
            try (var graph = GraphRecorder.record(
                    Tensor.ones(2, 3), x -> x.times(weight.plus(1)).plus(2).contiguous())) {
                assertThat(graph.nodes()).extracting(Graph.Node::operation).containsExactly("mul", "add");
                assertThat(((Graph.Constant) graph.nodes().get(0).value(1))
                                .tensor()
                                .toFloats())
                        .containsExactly(2, 2, 2);
                assertThat(graph.nodes().get(1).value(0))
                        .isEqualTo(graph.nodes().get(0).result());
                assertThat(graph.output()).isEqualTo(graph.nodes().get(1).result());
            }
        });
    }

    @Test
    void operationsInPlaceAreRecordedAsTheirMathematics() {
        assertThat(operations(x -> Functional.geluInPlace(x.plus(1)).timesInPlace(3)))
                .containsExactly("add", "gelu", "mul");
    }

    @Test
    void fastLayoutsOfInferenceAreNotRecorded() {
        Frame.run(() -> {
            var packed = new PackedWeight();
            var weight = Tensor.ones(4, 3);
            assertThat(operations(x -> Functional.linear(x, weight, null, packed)))
                    .containsExactly("linear");
            packed.release();
        });
    }

    @Test
    void aTensorThatWasWrittenOverThroughAViewIsRefused() {
        assertThatThrownBy(() -> operations(x -> {
                    var y = x.plus(1);
                    y.select(0, 0).fillInPlace(5);
                    return y.times(2);
                }))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("was written over by an operation that is not recorded");
    }

    @Test
    void aResultThatDoesNotFollowFromTheInputIsRefused() {
        assertThatThrownBy(() -> operations(x -> Tensor.ones(2)))
                .isInstanceOf(VitrailException.class)
                .hasMessage("the result of the recorded function does not follow from its input");
    }

    @Test
    void nothingIsRecordedAfterwards() {
        operations(x -> x.plus(1));
        Frame.run(
                () -> assertThat(GraphRecorder.follows(Tensor.ones(1).plus(1))).isFalse());
    }
}
