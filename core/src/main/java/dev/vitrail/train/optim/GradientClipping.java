package dev.vitrail.train.optim;

import dev.vitrail.engine.Foreach;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Functional;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.Tensor;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.models.Model;
import dev.vitrail.nn.Parameter;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/** Clipping of gradients before a step. */
public sealed interface GradientClipping {
    /**
     * Shortens the gradients of a model where they are too long; those that are not there are left out.
     *
     * @return the Euclidean length of all gradients together before
     */
    double apply(Model model);

    /** Gradients stay as they are. */
    record None() implements GradientClipping {
        @Override
        public double apply(Model model) {
            return Functional.clipGradientNorm(values(model.parameters()), Double.POSITIVE_INFINITY);
        }
    }

    /**
     * All gradients are scaled alike, such that their length together is at most the limit (Pascanu et al., 2013,
     * arXiv:1211.5063).
     */
    record Norm(double limit) implements GradientClipping {
        public Norm {
            requirePositive("norm", limit);
        }

        @Override
        public double apply(Model model) {
            return Functional.clipGradientNorm(values(model.parameters()), limit);
        }
    }

    /** Each element of a gradient is brought to between −limit and limit. */
    record Value(double limit) implements GradientClipping {
        public Value {
            requirePositive("value", limit);
        }

        @Override
        public double apply(Model model) {
            double norm = new None().apply(model);
            Frame.run(() -> Foreach.clampInPlace(
                    values(model.parameters()).stream().map(Tensor::gradient).toList(), -limit, limit));
            return norm;
        }
    }

    /**
     * Adaptive gradient clipping (Brock et al., 2021, <a href="https://arxiv.org/abs/2102.06171">arXiv:2102.06171</a>,
     * eq. 3): the gradient of each unit of a layer is at most {@code factor} times as long as the unit's weights. A
     * unit is a row of a weight, all that leads to one output; a vector, such as a bias, is one unit. The classifier is
     * left out, as the paper has it.
     *
     * @param factor λ, 0.01 to 0.16 in the paper
     * @param eps the least length that a unit is taken to have, so that what starts at zero can learn
     */
    record Adaptive(double factor, double eps) implements GradientClipping {
        /** Gradients' lengths below this count as this. */
        private static final double LEAST_GRADIENT = 1e-6;

        public Adaptive {
            requirePositive("adaptive factor", factor);
            requirePositive("eps", eps);
        }

        /** Adaptive clipping with the paper's eps of 10⁻³. */
        public static Adaptive of(double factor) {
            return new Adaptive(factor, 1e-3);
        }

        @Override
        public double apply(Model model) {
            double norm = new None().apply(model);
            try (var off = Gradients.off()) {
                model.parameters().forEach((name, parameter) -> {
                    if (!model.isClassifier(name) && isTrained(parameter)) {
                        Frame.run(() -> clip(parameter.value()));
                    }
                });
            }
            return norm;
        }

        private void clip(Tensor value) {
            var limit = unitNorms(value).atLeast(eps).times(factor);
            var length = unitNorms(value.gradient());
            var within = limit.minus(length).greaterThan(0);
            value.gradient()
                    .timesInPlace(
                            limit.dividedBy(length.atLeast(LEAST_GRADIENT)).maskedFill(within, 1));
        }

        private static Tensor unitNorms(Tensor x) {
            return x.dims() <= 1
                    ? x.flat().norm(false, 0)
                    : x.norm(true, IntStream.range(1, x.dims()).asLongStream().toArray());
        }
    }

    private static void requirePositive(String what, double limit) {
        VitrailException.require(
                limit > 0, "the %s that gradients are clipped by must be positive, found %s", what, limit);
    }

    private static boolean isTrained(Parameter parameter) {
        return parameter.isTrainable() && parameter.value().hasGradient();
    }

    private static List<Tensor> values(Map<String, Parameter> parameters) {
        return parameters.values().stream()
                .filter(GradientClipping::isTrained)
                .map(Parameter::value)
                .toList();
    }
}
