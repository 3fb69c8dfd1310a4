package dev.vitrail.inspect;

import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.Tensor;
import dev.vitrail.errors.NotFiniteException;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.models.Model;
import dev.vitrail.nn.ForwardHook;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * One forward pass under a hook, for the time of a function on what it read.
 *
 * @param logits {@code [B, classes]}
 * @param outputs by hook point
 * @param gradients of the explained logits with respect to the outputs; empty where none was asked for
 */
record Pass(Tensor logits, Map<String, Tensor> outputs, Map<String, Tensor> gradients) {
    /** The pass that figures of this thread share. */
    private static final ThreadLocal<Optional<Shared>> SHARED = ThreadLocal.withInitial(Optional::empty);

    private record Shared(Model model, Tensor images, Pass pass) {
        boolean holds(Model other, Tensor batch, Collection<String> names) {
            return model == other && images == batch && pass.outputs.keySet().containsAll(names);
        }
    }

    /**
     * Runs a batch once for several figures: each {@link #forward} of the same batch inside reads this pass, if it
     * holds what the figure reads. Inside, the model must run under hooks of the figures' own alone.
     *
     * @param names all hook points that the figures read
     */
    static <T> T shared(Model model, Tensor images, Collection<String> names, Supplier<T> figures) {
        return forward(model, images, names, pass -> {
            var outer = SHARED.get();
            SHARED.set(Optional.of(new Shared(model, images, pass)));
            try {
                return figures.get();
            } finally {
                SHARED.set(outer);
            }
        });
    }

    /**
     * Runs a batch, without gradients, or reads the pass that is {@link #shared}; the function's result holds no
     * tensor.
     */
    static <T> T forward(Model model, Tensor images, Collection<String> names, Function<Pass, T> use) {
        var shared = SHARED.get().filter(found -> found.holds(model, images, names));
        if (shared.isPresent()) {
            return use.apply(shared.get().pass);
        }
        return Frame.compute(() -> {
            try (var off = Gradients.off();
                    var hook = ForwardHook.of(model, names::contains)) {
                var logits = model.apply(images);
                return use.apply(new Pass(logits, checked(hook, names), Map.of()));
            }
        });
    }

    /**
     * Runs a batch, and differentiates the logit of each image's class with respect to what was read. The images of a
     * batch are independent, so the sum of their logits is differentiated once.
     *
     * @param classes one for each image
     */
    static <T> T backward(Model model, Tensor images, int[] classes, Collection<String> names, Function<Pass, T> use) {
        return Frame.compute(() -> {
            try (var on = Gradients.on();
                    var hook = ForwardHook.of(model, names::contains)) {
                var logits = model.apply(images.copy().requireGradient(true));
                requireClasses(classes, images.size(0), logits.size(1));
                var outputs = checked(hook, names);
                var chosen = new long[classes.length];
                for (int i = 0; i < chosen.length; i++) {
                    chosen[i] = classes[i];
                }
                var sum = logits.gather(1, Tensor.of(chosen, chosen.length, 1).to(logits.device()))
                        .sum();
                var found = Gradients.of(sum, List.copyOf(outputs.values()));
                var gradients = new LinkedHashMap<String, Tensor>();
                outputs.keySet().forEach(name -> gradients.put(name, found.get(gradients.size())));
                try (var off = Gradients.off()) {
                    return use.apply(new Pass(logits.detach(), outputs, gradients));
                }
            }
        });
    }

    private static void requireClasses(int[] classes, long images, long count) {
        VitrailException.require(
                classes.length == images, "%d images need a class each, found %d classes", images, classes.length);
        for (int c : classes) {
            VitrailException.require(
                    c >= 0 && c < count, "the model has %d classes, 0 to %d, found %d", count, count - 1, c);
        }
    }

    private static Map<String, Tensor> checked(ForwardHook hook, Collection<String> names) {
        var found = new LinkedHashMap<String, Tensor>();
        for (var name : names) {
            found.put(name, hook.activation(name));
        }
        return found;
    }

    /** What a hook point gave, as floats. */
    float[] output(String name) {
        return checked(name, required(outputs, name));
    }

    /** The gradient with respect to what a hook point gave, as floats. */
    float[] gradient(String name) {
        return checked("the gradient of " + name, required(gradients, name));
    }

    /** Sizes of what a hook point gave. */
    long[] shape(String name) {
        return required(outputs, name).shape();
    }

    private static Tensor required(Map<String, Tensor> tensors, String name) {
        return Optional.ofNullable(tensors.get(name))
                .orElseThrow(() -> new IllegalArgumentException("'" + name + "' was not asked for"));
    }

    /**
     * Values of a tensor. Its sum is finite where all of them are, unless it overflows: only then is each looked at.
     */
    private static float[] checked(String name, Tensor tensor) {
        var values = tensor.toFloats();
        return Double.isFinite(tensor.sum().item()) ? values : finite(name, values);
    }

    /** Refuses values that are no numbers, naming the layer. */
    static float[] finite(String name, float[] values) {
        for (float value : values) {
            if (!Float.isFinite(value)) {
                throw new NotFiniteException(
                        ("'%s' gives values that are not finite, so no figure can be computed: look at the weights "
                                        + "with `doctor`")
                                .formatted(name));
            }
        }
        return values;
    }
}
