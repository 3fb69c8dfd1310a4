package dev.vitrail.inspect;

import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.Tensor;
import dev.vitrail.errors.NotFiniteException;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.models.Model;
import dev.vitrail.nn.ForwardHook;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/**
 * One forward pass under a hook, for the time of a function on it. Each figure has a method that names the hook points
 * it reads, and one from a pass to its record, so that several figures of a batch read one pass over the union of their
 * points.
 *
 * @param model that ran
 * @param layout of the model for images of this size
 * @param images {@code [B, C, H, W]}, normalized
 * @param logits {@code [B, classes]}
 * @param outputs by hook point
 * @param gradients of the explained logits with respect to the outputs; empty where none was asked for
 */
record Pass(
        Model model,
        ModelLayout layout,
        Tensor images,
        Tensor logits,
        Map<String, Tensor> outputs,
        Map<String, Tensor> gradients) {
    /**
     * Runs a batch, without gradients. Until the function ends, the model must run under hooks of the figures' own
     * alone.
     *
     * @param names the hook points that the function reads
     * @param use its result holds no tensor
     */
    static <T> T forward(
            Model model, Tensor images, Function<ModelLayout, Collection<String>> names, Function<Pass, T> use) {
        var layout = ModelLayout.of(model, images);
        var points = names.apply(layout);
        return Frame.compute(() -> {
            try (var off = Gradients.off();
                    var hook = ForwardHook.of(model, points::contains)) {
                var logits = model.apply(images);
                return use.apply(new Pass(model, layout, images, logits, activations(hook, points), Map.of()));
            }
        });
    }

    /**
     * Runs a batch, and differentiates the logit of each image's class with respect to what was read. The images of a
     * batch are independent, so the sum of their logits is differentiated once.
     *
     * @param classes one for each image
     * @param names the hook points that the function reads
     * @param use its result holds no tensor
     */
    static <T> T backward(
            Model model,
            Tensor images,
            int[] classes,
            Function<ModelLayout, Collection<String>> names,
            Function<Pass, T> use) {
        var layout = ModelLayout.of(model, images);
        var points = names.apply(layout);
        return Frame.compute(() -> {
            try (var on = Gradients.on();
                    var hook = ForwardHook.of(model, points::contains)) {
                var logits = model.apply(images.copy().requireGradient(true));
                requireClasses(classes, images.size(0), logits.size(1));
                var outputs = activations(hook, points);
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
                    return use.apply(new Pass(model, layout, images, logits.detach(), outputs, gradients));
                }
            }
        });
    }

    /** Refuses classes that are not one for each image, or that the model does not have. */
    static void requireClasses(int[] classes, long images, long count) {
        VitrailException.require(
                classes.length == images, "%d images need a class each, found %d classes", images, classes.length);
        for (int c : classes) {
            VitrailException.require(
                    c >= 0 && c < count, "the model has %d classes, 0 to %d, found %d", count, count - 1, c);
        }
    }

    private static Map<String, Tensor> activations(ForwardHook hook, Collection<String> names) {
        var found = new LinkedHashMap<String, Tensor>();
        for (var name : names) {
            found.put(name, hook.activation(name));
        }
        return found;
    }

    /** B, the number of images. */
    int size() {
        return (int) images.size(0);
    }

    /** An empty list for each image. */
    <T> List<List<T>> perImage() {
        var lists = new ArrayList<List<T>>();
        for (int b = 0; b < size(); b++) {
            lists.add(new ArrayList<>());
        }
        return lists;
    }

    /** The output of a hook point, all values finite. */
    Tensor tensor(String name) {
        var output = required(outputs, name);
        finite(name, output);
        return output;
    }

    /** The values of a hook point's output, all finite. */
    float[] output(String name) {
        return tensor(name).toFloats();
    }

    /** The values of the gradient with respect to a hook point's output, all finite. */
    float[] gradient(String name) {
        var gradient = required(gradients, name);
        finite("the gradient of " + name, gradient);
        return gradient.toFloats();
    }

    /** Sizes of a hook point's output. */
    long[] shape(String name) {
        return required(outputs, name).shape();
    }

    private static Tensor required(Map<String, Tensor> tensors, String name) {
        return Optional.ofNullable(tensors.get(name))
                .orElseThrow(() -> new IllegalArgumentException("'" + name + "' was not asked for"));
    }

    /** Refuses values that are not finite. Where the sum is finite, all are; it may overflow, so then each is read. */
    private static void finite(String name, Tensor tensor) {
        if (!Double.isFinite(tensor.sum().item())) {
            finite(name, tensor.toFloats());
        }
    }

    /** Refuses values that are not finite, naming the layer. */
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
