package dev.vitrail.train;

import dev.vitrail.engine.Frame;
import dev.vitrail.models.Model;
import dev.vitrail.nn.ForwardHook;
import java.util.ArrayList;
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
public record StepDiagnosis(double loss, List<TensorStatistics> outputs, List<TensorStatistics> gradients) {
    /** Makes the step's forward and backward passes again, watching; the weights stay as they are. */
    public static StepDiagnosis of(Model model, TrainingStep step, TrainingStep.Inputs inputs) {
        step.discard();
        try (var watched = ForwardHook.of(model, name -> !name.isEmpty() && !name.endsWith(ForwardHook.INPUT))) {
            double loss = step.accumulate(inputs, 1).loss();
            var outputs = new ArrayList<TensorStatistics>();
            watched.activations().forEach((name, tensor) -> outputs.add(TensorStatistics.of(name, tensor)));
            return new StepDiagnosis(loss, outputs, Double.isFinite(loss) ? gradients(model) : List.of());
        } finally {
            step.discard();
        }
    }

    private static List<TensorStatistics> gradients(Model model) {
        var found = new ArrayList<TensorStatistics>();
        Frame.run(() -> model.parameters().forEach((name, parameter) -> {
            if (parameter.isTrainable() && parameter.value().hasGradient()) {
                found.add(TensorStatistics.of(name, parameter.value().gradient()));
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

    private static Optional<TensorStatistics> first(List<TensorStatistics> tensors) {
        return tensors.stream().filter(tensor -> tensor.nonFinite() > 0).findFirst();
    }
}
