package dev.vitrail.train.optim;

import dev.vitrail.engine.Tensor;
import dev.vitrail.nn.Parameter;
import java.util.List;
import java.util.Map;

/**
 * Changes parameters along their gradients.
 *
 * <p>Its state is native memory of its own, freed by {@link #close}; the parameters remain the model's.
 */
public interface Optimizer extends AutoCloseable {
    /** The parameters, by how they are trained. */
    List<ParameterGroup> groups();

    /**
     * Changes every parameter that has a gradient.
     *
     * @param learningRate of this step; each group takes its {@linkplain ParameterGroup#learningRateScale share}
     */
    void step(double learningRate);

    /**
     * State kept from step to step, by {@code parameter name/part}, such as {@code head.bias/exp_avg}; the parts
     * have PyTorch's names. The tensors are the optimiser's own: copying values into them restores its state.
     */
    Map<String, Tensor> state();

    /** Forgets all gradients. */
    default void zeroGradients() {
        groups().forEach(group ->
                group.parameters().values().stream().map(Parameter::value).forEach(Tensor::clearGradient));
    }

    /** Frees the state. */
    @Override
    void close();
}
