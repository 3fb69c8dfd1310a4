package dev.vitrail.engine;

import dev.vitrail.errors.VitrailException;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.GradMode;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/** Switches recording of this thread's operations for a backward pass on and off, and computes gradients. */
public final class Gradients {
    private Gradients() {}

    /** Turns recording off until the result is closed. */
    public static Scope off() {
        return new Scope(false);
    }

    /** Turns recording on until the result is closed. */
    public static Scope on() {
        return new Scope(true);
    }

    /**
     * Gradients of a scalar with respect to tensors of its recorded graph, intermediate results included; those of
     * parameters are neither computed nor touched. The graph is used up.
     *
     * @param y one element
     * @param inputs what {@code y} was computed from, while gradients were {@linkplain #on recorded}
     * @return in the order and shapes of {@code inputs}, zero where {@code y} does not depend on one; tensors of
     *     the caller's frame
     * @throws VitrailException if {@code y} or an input was not recorded
     */
    public static List<Tensor> of(Tensor y, List<Tensor> inputs) {
        VitrailException.require(
                y.requiresGradient() && inputs.stream().allMatch(Tensor::requiresGradient),
                "a gradient needs results that were recorded: compute them while Gradients.on() is open, from a tensor"
                        + " that requires gradients");
        return Frame.all(() -> {
            var handles = new TensorVector();
            inputs.forEach(input -> handles.push_back(input.handle));
            var found = torch.grad(
                    new TensorVector(y.handle), handles, new TensorVector(), new BoolOptional(), false, true);
            var gradients = new ArrayList<Tensor>(inputs.size());
            for (int i = 0; i < inputs.size(); i++) {
                var gradient = found.get(i);
                gradients.add(
                        gradient.defined()
                                ? new Tensor(gradient)
                                : Tensor.zeros(inputs.get(i).shape())
                                        .to(inputs.get(i).device()));
            }
            return gradients;
        });
    }

    /** Returns whether operations are recorded at present. */
    public static boolean recorded() {
        return GradMode.is_enabled();
    }

    /** Restores the former state when closed. */
    public static final class Scope implements AutoCloseable {
        private final boolean before;

        private Scope(boolean enabled) {
            Natives.load();
            before = GradMode.is_enabled();
            GradMode.set_enabled(enabled);
        }

        @Override
        public void close() {
            GradMode.set_enabled(before);
        }
    }
}
