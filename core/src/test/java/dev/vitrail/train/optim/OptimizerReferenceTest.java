package dev.vitrail.train.optim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.vitrail.engine.DType;
import dev.vitrail.engine.Device;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.Tensor;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.nn.Init;
import dev.vitrail.nn.Module;
import dev.vitrail.train.Fixture;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.Random;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** LAMB, Lion and Adafactor against their papers' formulas in plain arithmetic, and their states saved and restored. */
class OptimizerReferenceTest {
    private static final double RATE = 0.01;
    private static final double DECAY = 0.1;
    private static final int STEPS = 5;

    /** Weights of the shapes that optimisers treat differently; the vector is in a group of its own. */
    private static final class Weights extends Module {
        static final Map<String, long[]> SHAPES = new LinkedHashMap<>();

        static {
            SHAPES.put("wide", new long[] {33, 40});
            SHAPES.put("tall", new long[] {48, 34});
            SHAPES.put("kernel", new long[] {36, 2, 3, 35});
            SHAPES.put("small", new long[] {3, 4});
            SHAPES.put("vector", new long[] {7});
            SHAPES.put("untouched", new long[] {5, 5});
        }

        Weights() {
            SHAPES.forEach((name, shape) -> parameter(name, Init.normal(0.5), shape));
            initialise(4, Device.CPU);
        }

        List<ParameterGroup> groups() {
            var all = parameters();
            var decayed = new LinkedHashMap<>(all);
            decayed.remove("vector");
            return List.of(
                    new ParameterGroup(1, DECAY, decayed),
                    new ParameterGroup(0.5, 0, Map.of("vector", Fixture.of(all, "vector"))));
        }

        /** Gives each weight but one the gradient of that step. */
        void backward(int step) {
            try (var frame = Frame.open();
                    var on = Gradients.on()) {
                parameters().forEach((name, parameter) -> {
                    parameter.value().clearGradient();
                    if (!name.equals("untouched")) {
                        var wanted = Tensor.of(gradient(name, step), parameter.shape());
                        parameter.value().times(wanted).sum().backward();
                    }
                });
            }
        }
    }

    private static float[] gradient(String name, int step) {
        var random = new Random(name.hashCode() * 31L + step);
        var values = new float[(int) count(Fixture.of(Weights.SHAPES, name))];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) (0.3 * random.nextGaussian());
        }
        return values;
    }

    private static long count(long[] shape) {
        long count = 1;
        for (long side : shape) {
            count *= side;
        }
        return count;
    }

    /**
     * An update of one weight in place, by the paper: its values, its gradient, the step's number, learning rate,
     * decay.
     */
    private interface Rule {
        void update(double[] weight, double[] gradient, int step, double rate, double decay);
    }

    /** @param rules makes the rule of a weight of that shape, with a memory of its own */
    private static void assertFollows(
            Function<List<ParameterGroup>, Optimizer> make,
            Function<long[], Rule> rules,
            double gradientLimit,
            double tolerance) {
        try (var weights = new Weights()) {
            var expected = new LinkedHashMap<String, double[]>();
            var memory = new LinkedHashMap<String, Rule>();
            weights.parameters().forEach((name, parameter) -> {
                expected.put(name, doubles(parameter.value().toFloats()));
                memory.put(name, rules.apply(parameter.shape()));
            });
            try (var optimizer = make.apply(weights.groups())) {
                for (int step = 1; step <= STEPS; step++) {
                    weights.backward(step);
                    optimizer.step(RATE);
                    double factor = shortening(step, gradientLimit);
                    for (var name : expected.keySet()) {
                        if (!name.equals("untouched")) {
                            var gradient = doubles(gradient(name, step));
                            for (int i = 0; i < gradient.length; i++) {
                                gradient[i] *= factor;
                            }
                            boolean vector = name.equals("vector");
                            Fixture.of(memory, name)
                                    .update(
                                            Fixture.of(expected, name),
                                            gradient,
                                            step,
                                            vector ? 0.5 * RATE : RATE,
                                            vector ? 0 : DECAY);
                        }
                    }
                }
            }
            weights.parameters().forEach((name, parameter) -> {
                var found = parameter.value().toFloats();
                var wanted = Fixture.of(expected, name);
                for (int i = 0; i < found.length; i++) {
                    assertThat((double) found[i]).as(name + " " + i).isCloseTo(wanted[i], within(tolerance));
                }
            });
        }
    }

    private static double shortening(int step, double limit) {
        double squares = 0;
        for (var name : Weights.SHAPES.keySet()) {
            if (!name.equals("untouched")) {
                for (float g : gradient(name, step)) {
                    squares += (double) g * g;
                }
            }
        }
        return Math.min(1, limit / Math.sqrt(squares));
    }

    private static double[] doubles(float[] values) {
        var wide = new double[values.length];
        for (int i = 0; i < values.length; i++) {
            wide[i] = values[i];
        }
        return wide;
    }

    private static double length(double[] values) {
        double squares = 0;
        for (double value : values) {
            squares += value * value;
        }
        return Math.sqrt(squares);
    }

    static Stream<Arguments> lambs() {
        return Stream.of(
                Arguments.of(Lamb.Settings.DEFAULT),
                Arguments.of(new Lamb.Settings(0.8, 0.99, 1e-6, OptionalDouble.empty(), true, true)));
    }

    @ParameterizedTest
    @MethodSource("lambs")
    void lambFollowsThePaper(Lamb.Settings s) {
        Function<long[], Rule> rule = shape -> {
            var m = new double[(int) count(shape)];
            var v = new double[m.length];
            return (w, g, t, rate, decay) -> {
                var r = new double[m.length];
                for (int i = 0; i < m.length; i++) {
                    m[i] = s.beta1() * m[i] + (1 - s.beta1()) * g[i];
                    v[i] = s.beta2() * v[i] + (1 - s.beta2()) * g[i] * g[i];
                    double mean = m[i] / (1 - Math.pow(s.beta1(), t));
                    double square = v[i] / (1 - Math.pow(s.beta2(), t));
                    r[i] = mean / (Math.sqrt(square) + s.eps()) + decay * w[i];
                }
                double ratio = decay != 0 || s.alwaysAdapt() ? length(w) / length(r) : 1;
                ratio = s.trustClip() ? Math.min(ratio, 1) : ratio;
                for (int i = 0; i < m.length; i++) {
                    w[i] -= rate * ratio * r[i];
                }
            };
        };
        assertFollows(groups -> new Lamb(groups, s), rule, s.maxNorm().orElse(Double.POSITIVE_INFINITY), 2e-6);
    }

    @Test
    void lambTakesAdamsStepWhereTheWeightIsZero() {
        try (var weights = new Weights();
                var optimizer = new Lamb(weights.groups(), Lamb.Settings.DEFAULT);
                var frame = Frame.open();
                var off = Gradients.off()) {
            var small = Fixture.of(weights.parameters(), "small").value().fillInPlace(0);
            weights.backward(1);
            optimizer.step(RATE);
            for (float value : small.toFloats()) {
                assertThat(Math.abs(value)).isCloseTo((float) RATE, within(1e-4f));
            }
        }
    }

    @Test
    void lionFollowsThePaper() {
        var s = Lion.Settings.DEFAULT;
        Function<long[], Rule> rule = shape -> {
            var m = new double[(int) count(shape)];
            return (w, g, t, rate, decay) -> {
                for (int i = 0; i < m.length; i++) {
                    double c = s.beta1() * m[i] + (1 - s.beta1()) * g[i];
                    w[i] -= rate * (Math.signum(c) + decay * w[i]);
                    m[i] = s.beta2() * m[i] + (1 - s.beta2()) * g[i];
                }
            };
        };
        assertFollows(groups -> new Lion(groups, s), rule, Double.POSITIVE_INFINITY, 2e-6);
    }

    static Stream<Arguments> adafactors() {
        return Stream.of(
                Arguments.of(new Adafactor.Settings(0.8, 0.999, 0, OptionalDouble.empty(), 32, 1e-30), 2e-6),
                Arguments.of(new Adafactor.Settings(0.8, 0.5, 0, OptionalDouble.of(0.7), 32, 1e-30), 2e-6),
                // A momentum of 8 digits of binary is 2⁻⁸ off at most at each step.
                Arguments.of(Adafactor.Settings.DEFAULT, STEPS * RATE * 4 / 256));
    }

    @ParameterizedTest
    @MethodSource("adafactors")
    void adafactorFollowsThePaper(Adafactor.Settings s, double tolerance) {
        assertFollows(
                groups -> new Adafactor(groups, s), shape -> adafactor(s, shape), Double.POSITIVE_INFINITY, tolerance);
    }

    private static Rule adafactor(Adafactor.Settings s, long[] shape) {
        int n = (int) count(shape);
        // The sides whose squares are kept apart, first and last of all shapes here that are large enough.
        boolean factored = shape.length > 1 && shape[0] >= 32;
        int first = (int) shape[0], last = (int) shape[shape.length - 1], middle = n / first / last;
        boolean lastIsLarger = last >= first;
        var full = new double[n];
        var byFirst = new double[first][middle];
        var byLast = new double[last][middle];
        var m = new double[n];
        return (w, g, t, rate, decay) -> {
            double memory = Math.min(s.beta2Cap(), 1 - Math.pow(t, -s.decayRate()));
            var u = new double[n];
            if (!factored) {
                for (int i = 0; i < n; i++) {
                    full[i] = memory * full[i] + (1 - memory) * (g[i] * g[i] + s.eps());
                    u[i] = g[i] / Math.sqrt(full[i]);
                }
            } else {
                for (int k = 0; k < middle; k++) {
                    for (int i = 0; i < first; i++) {
                        double mean = 0;
                        for (int j = 0; j < last; j++) {
                            double x = g[(i * middle + k) * last + j];
                            mean += (x * x + s.eps()) / last;
                        }
                        byFirst[i][k] = memory * byFirst[i][k] + (1 - memory) * mean;
                    }
                    for (int j = 0; j < last; j++) {
                        double mean = 0;
                        for (int i = 0; i < first; i++) {
                            double x = g[(i * middle + k) * last + j];
                            mean += (x * x + s.eps()) / first;
                        }
                        byLast[j][k] = memory * byLast[j][k] + (1 - memory) * mean;
                    }
                    double mean = 0;
                    for (var row : lastIsLarger ? byFirst : byLast) {
                        mean += row[k] / (lastIsLarger ? first : last);
                    }
                    for (int i = 0; i < first; i++) {
                        for (int j = 0; j < last; j++) {
                            int at = (i * middle + k) * last + j;
                            u[at] = g[at] / Math.sqrt(byFirst[i][k] * byLast[j][k] / mean);
                        }
                    }
                }
            }
            if (s.clipThreshold().isPresent()) {
                double share =
                        Math.max(1, length(u) / Math.sqrt(n) / s.clipThreshold().getAsDouble());
                for (int i = 0; i < n; i++) {
                    u[i] /= share;
                }
            }
            for (int i = 0; i < n; i++) {
                m[i] = s.momentum() * m[i] + (1 - s.momentum()) * u[i];
                w[i] = (1 - rate * decay) * w[i] - rate * m[i];
            }
        };
    }

    @Test
    void adafactorKeepsLittle() {
        try (var weights = new Weights();
                var optimizer = new Adafactor(weights.groups(), Adafactor.Settings.DEFAULT)) {
            assertThat(Fixture.of(optimizer.state(), "wide/exp_avg").dtype()).isEqualTo(DType.BF16);
            assertThat(Fixture.of(optimizer.state(), "wide/exp_avg_sq_r").shape())
                    .containsExactly(33, 1);
            assertThat(Fixture.of(optimizer.state(), "wide/exp_avg_sq_c").shape())
                    .containsExactly(1, 40);
            assertThat(Fixture.of(optimizer.state(), "tall/exp_avg_sq_r").shape())
                    .containsExactly(1, 34);
            assertThat(Fixture.of(optimizer.state(), "small/exp_avg_sq").shape())
                    .containsExactly(3, 4);
        }
    }

    static Stream<Arguments> optimizers() {
        return Stream.<Function<List<ParameterGroup>, Optimizer>>of(
                        groups -> new AdamW(groups, AdamW.Settings.DEFAULT),
                        groups -> new Sgd(groups, new Sgd.Settings(0.9, true)),
                        groups -> new Lamb(groups, Lamb.Settings.DEFAULT),
                        groups -> new Lion(groups, Lion.Settings.DEFAULT),
                        groups -> new Adafactor(groups, Adafactor.Settings.DEFAULT))
                .map(Arguments::of);
    }

    @ParameterizedTest
    @MethodSource("optimizers")
    void goesOnFromItsStateToTheLastBit(Function<List<ParameterGroup>, Optimizer> make) {
        try (var straight = new Weights();
                var first = make.apply(straight.groups());
                var resumed = new Weights();
                var second = make.apply(resumed.groups());
                var frame = Frame.open();
                var off = Gradients.off()) {
            steps(straight, first, 1, 3);
            straight.parameters()
                    .forEach((name, parameter) ->
                            Fixture.of(resumed.parameters(), name).value().copyInPlace(parameter.value()));
            first.state()
                    .forEach((name, part) -> Fixture.of(second.state(), name).copyInPlace(part));
            steps(straight, first, 4, 6);
            steps(resumed, second, 4, 6);
            straight.parameters().forEach((name, parameter) -> assertThat(
                            Fixture.of(resumed.parameters(), name).value().toBytes())
                    .as(name)
                    .isEqualTo(parameter.value().toBytes()));
            first.state().forEach((name, part) -> assertThat(
                            Fixture.of(second.state(), name).toBytes())
                    .as(name)
                    .isEqualTo(part.toBytes()));
        }
    }

    private static void steps(Weights weights, Optimizer optimizer, int from, int to) {
        for (int step = from; step <= to; step++) {
            weights.backward(step);
            optimizer.step(RATE);
        }
    }

    @Test
    void refusesWhatCannotBe() {
        assertThatThrownBy(() -> new Lion.Settings(1, 0.9))
                .isInstanceOf(VitrailException.class)
                .hasMessage("Lion needs betas in [0, 1), found 1.0 and 0.9");
        assertThatThrownBy(() -> new Lamb.Settings(0.9, 0.99, 1e-6, OptionalDouble.of(0), false, false))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("positive length, found 0.0");
        assertThatThrownBy(() -> new Adafactor.Settings(0.8, 0.999, 0.9, OptionalDouble.of(-1), 32, 1e-30))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("threshold must be positive, found -1.0");
    }
}
