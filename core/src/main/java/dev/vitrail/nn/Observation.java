package dev.vitrail.nn;

import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.Tensor;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Copies of what modules give during the forward passes of this thread, by the modules' names.
 *
 * <p>An attention layer shows its weights, {@code [B, h, N, M]} after the softmax, under its own name with
 * {@code .attn_drop} appended (as the originals' dropout module after the softmax is called). They are computed only when
 * they are wanted, by the same mathematics as the fused kernel.
 */
public final class Observation implements AutoCloseable {
    private static final ThreadLocal<@Nullable Observation> CURRENT = new ThreadLocal<>();

    private final Map<Module, String> names = new IdentityHashMap<>();
    private final Predicate<String> wanted;
    private final Map<String, Tensor> seen = new LinkedHashMap<>();
    private final @Nullable Observation outer;

    private Observation(Module root, Predicate<String> wanted) {
        root.visitModules((name, module) -> names.put(module, name));
        this.wanted = wanted;
        outer = CURRENT.get();
    }

    /**
     * Observes {@code root} until closed.
     *
     * @param wanted which names to keep, such as {@code blocks.0} or {@code blocks.0.attn.attn_drop}
     */
    public static Observation of(Module root, Predicate<String> wanted) {
        var observation = new Observation(root, wanted);
        CURRENT.set(observation);
        return observation;
    }

    /** What was seen, in the order of computation; the tensors live until this observation is closed. */
    public Map<String, Tensor> seen() {
        return seen;
    }

    /** Whether this thread is being observed. */
    public static boolean active() {
        return CURRENT.get() != null;
    }

    /** Whether someone wants to see {@code module}'s part of that name. */
    public static boolean wants(Module module, String part) {
        var observation = CURRENT.get();
        if (observation == null) {
            return false;
        }
        var name = observation.names.get(module);
        return name != null && observation.wanted.test(part.isEmpty() ? name : Module.join(name, part));
    }

    /** Shows a result of {@code module} under its name with {@code part} appended, to whoever wants it. */
    public static void show(Module module, String part, Tensor result) {
        var observation = CURRENT.get();
        if (observation != null && wants(module, part)) {
            var name = observation.names.getOrDefault(module, "");
            observation.take(part.isEmpty() ? name : Module.join(name, part), result);
        }
    }

    private void take(String name, Tensor result) {
        try (var frame = Frame.open();
                var off = Gradients.off()) {
            var before = seen.put(name, result.detach().copy().keep());
            if (before != null) {
                before.release();
            }
        }
    }

    @Override
    public void close() {
        CURRENT.set(outer);
        seen.values().forEach(Tensor::release);
        seen.clear();
    }
}
