package dev.vitrail.nn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vitrail.engine.DType;
import dev.vitrail.engine.Device;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.Tensor;
import org.junit.jupiter.api.Test;

class ModuleTest {
    private static final class Pair extends Layer {
        private Layer first;

        Pair() {
            parameter("scale", Init.ones(), 4);
            fixedParameter("table", Init.zeros(), 2, 4);
            buffer("count", DType.I64, Init.zeros());
            first = child("first", new Linear(4, 4));
            children("more", 2, i -> new Linear(4, 4, i == 0));
        }

        Layer first() {
            return first;
        }

        void shrink() {
            first = replace("first", new Linear(4, 2));
        }

        void declareTwice() {
            child("first", new Identity());
        }

        @Override
        protected Tensor forward(Tensor x) {
            return first.apply(x);
        }
    }

    @Test
    void namesAreJoinedByDotsInTheOrderOfDeclaration() {
        try (var module = new Pair()) {
            assertThat(module.parameters().keySet())
                    .containsExactly(
                            "scale",
                            "table",
                            "count",
                            "first.weight",
                            "first.bias",
                            "more.0.weight",
                            "more.0.bias",
                            "more.1.weight");
            assertThat(module.parameterCount()).isEqualTo(4 + 8 + 20 + 20 + 16);
            assertThat(Parameters.of(module, "table").isTrainable()).isFalse();
            assertThat(Parameters.of(module, "count").isBuffer()).isTrue();
            assertThat(Parameters.of(module, "scale").isTrainable()).isTrue();
        }
    }

    @Test
    void theSameSeedGivesTheSameFirstValues() {
        try (var a = new Pair();
                var b = new Pair();
                var frame = Frame.open()) {
            a.initialise(5, Device.CPU);
            b.initialise(5, Device.CPU);
            var weight = Parameters.of(a, "first.weight").value().toFloats();
            assertThat(Parameters.of(b, "first.weight").value().toFloats()).isEqualTo(weight);
            b.initialise(6, Device.CPU);
            assertThat(Parameters.of(b, "first.weight").value().toFloats()).isNotEqualTo(weight);
        }
    }

    @Test
    void aReplacedChildTakesTheNameAndTheMode() {
        try (var module = new Pair()) {
            module.train(true);
            module.shrink();
            assertThat(module.first().training()).isTrue();
            assertThat(Parameters.of(module, "first.weight").shape()).containsExactly(2, 4);
            assertThatThrownBy(module::declareTwice).hasMessage("child 'first' is declared twice");
        }
    }

    @Test
    void gradientsReachWhatIsTrainable() {
        try (var module = new Pair();
                var frame = Frame.open()) {
            module.initialise(0, Device.CPU);
            var bias = Parameters.of(module, "first.bias");
            bias.setTrainable(false);
            try (var on = Gradients.on()) {
                module.apply(Tensor.ones(1, 4)).sum().backward();
            }
            assertThat(Parameters.of(module, "first.weight").value().gradient().toFloats())
                    .containsOnly(1);
            assertThat(bias.value().hasGradient()).isFalse();
            Parameters.of(module, "count").setTrainable(true);
            assertThat(Parameters.of(module, "count").isTrainable()).isFalse();
        }
    }

    @Test
    void valuesOfAnotherShapeAreRefused() {
        try (var module = new Linear(4, 2);
                var frame = Frame.open()) {
            assertThatThrownBy(() -> Parameters.of(module, "weight").assign(Tensor.zeros(4, 2)))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("a parameter of shape [2, 4] cannot take values of shape [4, 2]");
        }
    }
}
