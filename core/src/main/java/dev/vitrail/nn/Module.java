package dev.vitrail.nn;

import dev.vitrail.engine.DType;
import dev.vitrail.engine.Device;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.RandomState;
import dev.vitrail.engine.Recomputation;
import dev.vitrail.engine.Tensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import java.util.function.IntFunction;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;

/**
 * A node of the model tree: named parameters and named children. Names joined by dots are the names in the checkpoint.
 *
 * <p>Modules whose input is a single tensor extend {@link Layer}; others have a method of their own that wraps its work
 * in {@link #framed}.
 */
public abstract class Module implements AutoCloseable {
    private final Map<String, Parameter> parameters = new LinkedHashMap<>();
    private final Map<String, Module> children = new LinkedHashMap<>();
    private final List<Constant> constants = new ArrayList<>();
    private final List<Runnable> releases = new ArrayList<>(0);
    private final Map<String, HookPoint> hookPoints = new LinkedHashMap<>();
    private boolean training;

    // --------------------------------------------------------------------------------------------------- building

    /** Declares a trained parameter, F32. */
    protected final Parameter parameter(String name, Init init, long... shape) {
        return declare(name, new Parameter(init, DType.F32, false, true, shape));
    }

    /** Declares a parameter that the original stores and counts, but never trains, such as a fixed position table. */
    protected final Parameter fixedParameter(String name, Init init, long... shape) {
        return declare(name, new Parameter(init, DType.F32, false, false, shape));
    }

    /** Declares state that is stored with the weights, but is none, such as a running mean. */
    protected final Parameter buffer(String name, DType dtype, Init init, long... shape) {
        return declare(name, new Parameter(init, dtype, true, false, shape));
    }

    private Parameter declare(String name, Parameter parameter) {
        if (parameters.putIfAbsent(name, parameter) != null) {
            throw new IllegalStateException("parameter '" + name + "' is declared twice");
        }
        return parameter;
    }

    /**
     * Declares a child. A dotted name, such as {@code patch_embed.proj}, stands for a path without modules on its way;
     * the empty name, for a child whose parameters are named as if they were this module's own.
     */
    protected final <M extends Module> M child(String name, M module) {
        if (children.putIfAbsent(name, module) != null) {
            throw new IllegalStateException("child '" + name + "' is declared twice");
        }
        return module;
    }

    /** Declares children {@code name.0 … name.(count−1)}. */
    protected final <M extends Module> List<M> children(String name, int count, IntFunction<M> make) {
        var list = new ArrayList<M>(count);
        for (int i = 0; i < count; i++) {
            list.add(child(name + "." + i, make.apply(i)));
        }
        return List.copyOf(list);
    }

    /** Replaces a child by another of the same name, releasing the former. */
    protected final <M extends Module> M replace(String name, M module) {
        var former = children.put(name, module);
        if (former == null) {
            throw new IllegalStateException("there is no child '" + name + "' to replace");
        }
        former.close();
        module.train(training);
        return module;
    }

    /** A tensor that follows from the configuration, such as an index table: made when first used, never stored. */
    protected final Constant constant(Supplier<Tensor> make) {
        var constant = new Constant(make);
        constants.add(constant);
        return constant;
    }

    /**
     * Declares that this module gives such a result to a {@link ForwardHook}, under its own name with
     * {@code part} appended.
     */
    protected final void hookPoint(HookPoint kind, String part) {
        hookPoints.put(part, kind);
    }

    /** Has {@code release} run when this module is closed, for what it holds besides parameters. */
    protected final void onClose(Runnable release) {
        releases.add(release);
    }

    // ---------------------------------------------------------------------------------------------------- running

    /** Runs a part of the forward pass in a native-memory frame of its own, under the eyes of a {@link ForwardHook}. */
    protected final Tensor framed(Supplier<Tensor> body) {
        var hook = ForwardHook.current();
        return hook == null ? Frame.of(body) : hook.run(this, body);
    }

    /**
     * Runs a part of the forward pass that gets gradients through {@code x} alone in a frame of its own; a
     * {@link HookPoint#BLOCK} is computed again in the backward pass where that is wanted.
     */
    protected final Tensor framed(Tensor x, UnaryOperator<Tensor> body) {
        ForwardHook.record(this, ForwardHook.INPUT, x);
        return hookPoints.get("") == HookPoint.BLOCK
                ? framed(() -> Recomputation.segment(x, body))
                : framed(() -> body.apply(x));
    }

    /**
     * Returns whether the module is in training mode: dropout and drop path act, batch statistics are taken from the
     * batch.
     */
    public final boolean training() {
        return training;
    }

    /** Switches this module and all below it between training and evaluation. */
    public final void train(boolean on) {
        training = on;
        children.values().forEach(child -> child.train(on));
    }

    // -------------------------------------------------------------------------------------------------- inspecting

    /** All parameters and buffers by their names in the checkpoint, in the order of declaration. */
    public final Map<String, Parameter> parameters() {
        var all = new LinkedHashMap<String, Parameter>();
        visit("", (name, module) -> module.parameters.forEach((own, value) -> all.put(join(name, own), value)));
        return all;
    }

    /** Device of the parameters, which all lie on one. */
    public final Device device() {
        return parameters().values().iterator().next().value().device();
    }

    /** Number of elements of all parameters, buffers left out. */
    public final long parameterCount() {
        return parameters().values().stream()
                .filter(parameter -> !parameter.isBuffer())
                .mapToLong(Parameter::count)
                .sum();
    }

    /** Visits this module (by the empty name) and all below it, with their names. */
    public final void visitModules(BiConsumer<String, Module> visitor) {
        visit("", visitor);
    }

    /** Names of all hook points of a kind in this module and below it, in the order of declaration. */
    public final List<String> hookPoints(HookPoint kind) {
        var names = new ArrayList<String>();
        visit(
                "",
                (name, module) -> module.hookPoints.forEach((part, own) -> {
                    if (own == kind) {
                        names.add(part.isEmpty() ? name : join(name, part));
                    }
                }));
        return List.copyOf(names);
    }

    private void visit(String name, BiConsumer<String, Module> visitor) {
        visitor.accept(name, this);
        children.forEach((own, child) -> child.visit(join(name, own), visitor));
    }

    static String join(String path, String name) {
        return path.isEmpty() ? name : path + "." + name;
    }

    // ------------------------------------------------------------------------------------------------------- life

    /** Draws initial values for all parameters, always the same for the same seed. */
    public final void initialise(long seed, Device device) {
        initialise(seed, device, WeightInit.ORIGINAL);
    }

    /**
     * Draws initial values for all parameters, the weights of linear layers and convolutions by a scheme of one's
     * choice.
     */
    public final void initialise(long seed, Device device, WeightInit weights) {
        RandomState.seed(seed);
        visit(
                "",
                (name, module) -> module.parameters.forEach(
                        (own, parameter) -> parameter.initialise(device, weights.of(own, parameter))));
    }

    /**
     * Keeps the weights of linear layers in memory once, for a model that only predicts: where the first prediction
     * lays them out for inference, their values are given up. {@link Parameter#value} restores them, bit for bit, so
     * that all else goes on as before. No tensor that it gave before may still be in use.
     */
    public final void keepWeightsOnce() {
        parameters().values().forEach(Parameter::keepOnce);
    }

    /** Moves all parameters to a device. */
    public final void moveTo(Device device) {
        parameters().values().forEach(parameter -> parameter.moveTo(device));
    }

    /** Frees the native memory of all parameters. The module must not be used afterwards. */
    @Override
    public final void close() {
        visit("", (name, module) -> {
            module.parameters.values().forEach(Parameter::release);
            module.constants.forEach(Constant::release);
            module.releases.forEach(Runnable::run);
        });
    }
}
