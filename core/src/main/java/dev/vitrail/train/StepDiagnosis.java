package dev.vitrail.train;

import dev.vitrail.engine.DType;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Tensor;
import dev.vitrail.models.Model;
import dev.vitrail.nn.ForwardHook;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Optional;

/**
 * Finds non-finite values in a step: what every module gave on the way forward, and then every parameter's gradient in
 * the order of the way back.
 *
 * @param loss of the step
 * @param outputs by module, in the order of computation
 * @param gradients by parameter, the last layer's first; empty where the loss is not finite
 */
public record StepDiagnosis(double loss, List<Finding> outputs, List<Finding> gradients) {
    /**
     * The numbers of a tensor.
     *
     * @param name of the module or parameter
     * @param shape of the tensor
     * @param largest magnitude among the finite numbers
     * @param bad numbers that are infinite or none at all
     */
    @SuppressWarnings("ArrayRecordComponent") // a finding is compared by nobody
    public record Finding(String name, long[] shape, double largest, long bad) {
        private static Finding of(String name, Tensor tensor) {
            return Frame.compute(() -> {
                var numbers = tensor.detach().to(DType.F32).toFloats();
                double largest = 0;
                long bad = 0;
                for (float number : numbers) {
                    if (Float.isFinite(number)) {
                        largest = Math.max(largest, Math.abs(number));
                    } else {
                        bad++;
                    }
                }
                return new Finding(name, tensor.shape(), largest, bad);
            });
        }

        @Override
        public String toString() {
            return "%s %s".formatted(name, Arrays.toString(shape));
        }
    }

    /** Makes the step's forward and backward passes again, watching; the weights stay as they are. */
    public static StepDiagnosis of(Model model, TrainingStep step, TrainingStep.Inputs inputs) {
        step.discard();
        try (var watched = ForwardHook.of(model, name -> !name.isEmpty() && !name.endsWith(ForwardHook.INPUT))) {
            double loss = step.accumulate(inputs, 1).loss();
            var outputs = new ArrayList<Finding>();
            watched.activations().forEach((name, tensor) -> outputs.add(Finding.of(name, tensor)));
            return new StepDiagnosis(loss, outputs, Double.isFinite(loss) ? gradients(model) : List.of());
        } finally {
            step.discard();
        }
    }

    private static List<Finding> gradients(Model model) {
        var found = new ArrayList<Finding>();
        Frame.run(() -> model.parameters().forEach((name, parameter) -> {
            if (parameter.isTrainable() && parameter.value().hasGradient()) {
                found.add(Finding.of(name, parameter.value().gradient()));
            }
        }));
        Collections.reverse(found);
        return found;
    }

    /** The first tensor that holds a number which is not finite, and of which kind it is. */
    public Optional<String> firstBad() {
        return first(outputs)
                .map(found -> "the output of " + found)
                .or(() -> first(gradients).map(found -> "the gradient of " + found))
                .or(() -> Double.isFinite(loss) ? Optional.empty() : Optional.of("the loss itself"));
    }

    private static Optional<Finding> first(List<Finding> findings) {
        return findings.stream().filter(finding -> finding.bad > 0).findFirst();
    }
}
