package dev.vitrail.nn;

import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.Tensor;
import dev.vitrail.errors.Names;
import dev.vitrail.errors.VitrailException;
import java.util.Arrays;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Reads, and on demand replaces, intermediate results of the forward passes of this thread, by the names of modules.
 * What it reads is part of the recorded graph, if there is one, so that {@link Gradients#of} differentiates with
 * respect to it.
 *
 * <p>An attention layer gives its weights, {@code [B, h, N, M]} after the softmax, under its own name with
 * {@code .attn_drop} appended (as the originals' dropout module after the softmax is called). They are computed only
 * when they are wanted, by the same mathematics as the fused kernel. A block gives its input under its name with
 * {@code .input} appended.
 *
 * <p>It is the one way to see inside a forward pass: feature maps, figures and the diagnosis of a failed step all read
 * by it. A hook that is opened while another is open takes its place until it is closed.
 */
public final class ForwardHook implements AutoCloseable {
    /** Appended to a block's name, names its input. */
    public static final String INPUT = "input";

    private static final ThreadLocal<@Nullable ForwardHook> CURRENT = new ThreadLocal<>();

    private final Map<Module, String> names = new IdentityHashMap<>();
    private final Predicate<String> wanted;
    private final Map<String, Tensor> replacements;
    private final Map<String, Tensor> activations = new LinkedHashMap<>();
    private final @Nullable ForwardHook outer;

    private ForwardHook(Module root, Predicate<String> wanted, Map<String, Tensor> replacements) {
        root.visitModules((name, module) -> names.put(module, name));
        this.wanted = wanted;
        this.replacements = Map.copyOf(replacements);
        outer = CURRENT.get();
        CURRENT.set(this);
    }

    /**
     * Hooks {@code root} until closed.
     *
     * @param wanted which names to keep, such as {@code blocks.0}, {@code blocks.0.input} or
     *     {@code blocks.0.attn.attn_drop}
     */
    public static ForwardHook of(Module root, Predicate<String> wanted) {
        return new ForwardHook(root, wanted, Map.of());
    }

    /**
     * Hooks {@code root} until closed, giving tensors in place of the outputs of modules, which do not run.
     *
     * @param replacements by module; each must live until this is closed
     * @param wanted which names to keep
     */
    public static ForwardHook replacing(Module root, Map<String, Tensor> replacements, Predicate<String> wanted) {
        return new ForwardHook(root, wanted, replacements);
    }

    /**
     * All names of modules and hook points below {@code root} that patterns stand for.
     *
     * @param patterns names, in which {@code *} stands for any name between two dots
     * @throws VitrailException if a pattern stands for nothing
     */
    public static Set<String> names(Module root, List<String> patterns) {
        var known = new LinkedHashSet<String>();
        root.visitModules((name, module) -> known.add(name));
        for (var kind : HookPoint.values()) {
            known.addAll(root.hookPoints(kind));
        }
        root.hookPoints(HookPoint.BLOCK).forEach(block -> known.add(Module.join(block, INPUT)));
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

    /** Results by name, in the order of computation; the tensors live until this hook is closed. */
    public Map<String, Tensor> activations() {
        return activations;
    }

    /**
     * The result of that name; the tensor lives until this hook is closed.
     *
     * @throws VitrailException if it is not kept, or was not computed
     */
    public Tensor activation(String name) {
        var result = activations.get(name);
        if (result == null) {
            throw VitrailException.of(
                    "there is no result of '%s': the forward pass gave %s",
                    name, activations.isEmpty() ? "nothing that is kept" : String.join(", ", activations.keySet()));
        }
        return result;
    }

    /** The hook of this thread's forward passes, or null. */
    static @Nullable ForwardHook current() {
        return CURRENT.get();
    }

    /** Returns whether this thread has a hook. */
    public static boolean active() {
        return CURRENT.get() != null;
    }

    /** Returns whether a hook wants {@code module}'s result of that name, or replaces its output. */
    public static boolean wants(Module module, String part) {
        var hook = CURRENT.get();
        if (hook == null) {
            return false;
        }
        var name = hook.names.get(module);
        return name != null && (hook.wanted.test(full(name, part)) || hook.replacements.containsKey(full(name, part)));
    }

    /** Gives a result of {@code module}, under its name with {@code part} appended, to a hook that wants it. */
    public static void record(Module module, String part, Tensor result) {
        var hook = CURRENT.get();
        if (hook != null) {
            var name = hook.names.get(module);
            if (name != null && hook.wanted.test(full(name, part))) {
                hook.take(full(name, part), result);
            }
        }
    }

    /** Runs a module, or gives its replacement. */
    Tensor run(Module module, Supplier<Tensor> body) {
        var name = names.get(module);
        var replacement = name == null ? null : replacements.get(name);
        // Later steps may write over what they get while no gradient is recorded.
        var result =
                Frame.of(replacement == null ? body : () -> Gradients.recorded() ? replacement : replacement.copy());
        record(module, "", result);
        return result;
    }

    private static String full(String name, String part) {
        return part.isEmpty() ? name : Module.join(name, part);
    }

    private void take(String name, Tensor result) {
        // Without recorded gradients later steps may write over a result; with them nothing is written over.
        try (var frame = Frame.open()) {
            var before = activations.put(name, (Gradients.recorded() ? result : result.copy()).keep());
            if (before != null) {
                before.release();
            }
        }
    }

    @Override
    public void close() {
        CURRENT.set(outer);
        activations.values().forEach(Tensor::release);
        activations.clear();
    }
}
