package dev.vitrail.nn;

import dev.vitrail.Names;
import dev.vitrail.VitrailException;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.Tensor;
import java.util.Arrays;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * What modules give during the forward passes of this thread, by the modules' names; part of the recorded graph, if there is
 * one.
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

    /**
     * All names of modules and landmarks below {@code root} that patterns stand for.
     *
     * @param patterns names, in which {@code *} stands for any name between two dots
     * @throws VitrailException if a pattern stands for nothing
     */
    public static Set<String> names(Module root, List<String> patterns) {
        var known = new LinkedHashSet<String>();
        root.visitModules((name, module) -> known.add(name));
        for (var kind : Module.Landmark.values()) {
            known.addAll(root.landmarks(kind));
        }
        var found = new LinkedHashSet<String>();
        for (var pattern : patterns) {
            var regex =
                    Arrays.stream(pattern.split("\\*", -1)).map(Pattern::quote).collect(Collectors.joining("[^.]*"));
            var matching = known.stream().filter(name -> name.matches(regex)).toList();
            VitrailException.require(
                    !matching.isEmpty(),
                    "the model has nothing by the name '%s' to look at: the nearest names are %s",
                    pattern,
                    String.join(", ", Names.nearest(pattern, known, 3)));
            found.addAll(matching);
        }
        return found;
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
        // Without recorded gradients later steps may write over a result; with them nothing is written over.
        try (var frame = Frame.open()) {
            var before = seen.put(name, (Gradients.recorded() ? result : result.copy()).keep());
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
