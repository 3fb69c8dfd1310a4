package dev.vitrail.engine;

import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.bytedeco.pytorch.Dispatcher;
import org.bytedeco.pytorch.GenericList;
import org.bytedeco.pytorch.IValue;
import org.bytedeco.pytorch.IValueVector;
import org.bytedeco.pytorch.OperatorHandle;
import org.bytedeco.pytorch.OperatorName;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.Type;

/**
 * An operator of libtorch that the binding does not map, called by its schema's name; kept for the life of the process.
 */
final class Operator {
    private final OperatorHandle handle;

    /**
     * Element types of list arguments, by the argument's number. Asking the schema again for each call would leak: the
     * binding copies all arguments' descriptions to give one, and frees the copies without what they refer to, 3 KB for
     * AdamW's.
     */
    private final Map<Integer, Type.TypePtr> elements = new ConcurrentHashMap<>();

    private Operator(OperatorHandle handle) {
        this.handle = handle;
    }

    /**
     * Looks an operator up.
     *
     * @param overload the part of its schema's name behind the dot; empty where it has none
     */
    static Operator of(String name, String overload) {
        Natives.load();
        var handle = Dispatcher.singleton().findSchemaOrThrow(name, overload);
        handle.retainReference();
        return new Operator(handle);
    }

    /** Returns whether this build of libtorch has an operator without overloads. */
    static boolean exists(String name) {
        Natives.load();
        try (var operator = Dispatcher.singleton().findSchema(new OperatorName(name, ""))) {
            return operator.has_value();
        }
    }

    /** Calls it and gives its first result. */
    Tensor call(IValue... arguments) {
        return new Tensor(stack(arguments).get(0).toTensor());
    }

    /** Calls it and gives its first result, which is a list of tensors. */
    List<Tensor> callForList(IValue... arguments) {
        return list(stack(arguments).get(0).toTensorVector());
    }

    /** Calls it where it changes its arguments and returns nothing. */
    void run(IValue... arguments) {
        stack(arguments);
    }

    /** Calls it: arguments in, results out. */
    private IValueVector stack(IValue... arguments) {
        var stack = new IValueVector(arguments);
        handle.callBoxed(stack);
        return stack;
    }

    static IValue none() {
        return new IValue();
    }

    /** Keeps an argument that is the same in every call for the life of the process: making one costs microseconds. */
    static IValue constant(IValue argument) {
        argument.retainReference();
        return argument;
    }

    /** Integers, as argument number {@code argument} expects them. */
    IValue longs(int argument, long... values) {
        var list = list(argument);
        for (long value : values) {
            list.push_back(new IValue(value));
        }
        return new IValue(list);
    }

    /** Numbers, as argument number {@code argument} expects them. */
    IValue numbers(int argument, double... values) {
        var list = list(argument);
        for (double value : values) {
            list.push_back(new IValue(value));
        }
        return new IValue(list);
    }

    /** Truth values, as argument number {@code argument} expects them. */
    IValue booleans(int argument, boolean... values) {
        var list = list(argument);
        for (boolean value : values) {
            list.push_back(new IValue(value));
        }
        return new IValue(list);
    }

    /** Tensors, as argument number {@code argument} expects them. */
    IValue tensors(int argument, List<Tensor> tensors) {
        var list = list(argument);
        for (var tensor : tensors) {
            list.push_back(new IValue(tensor.handle));
        }
        return new IValue(list);
    }

    private GenericList list(int argument) {
        return new GenericList(elements.computeIfAbsent(argument, this::element));
    }

    private Type.TypePtr element(int argument) {
        return Frame.compute(() -> {
            var type =
                    handle.schema().arguments().position(argument).type().get().containedType(0);
            type.retainReference();
            return type;
        });
    }

    /** A list of tensors for a function that the binding maps. */
    static TensorVector vector(List<Tensor> tensors) {
        var vector = new TensorVector(tensors.size());
        for (int i = 0; i < tensors.size(); i++) {
            vector.put(i, tensors.get(i).handle);
        }
        return vector;
    }

    /** The tensors that a function gave. */
    static List<Tensor> list(TensorVector vector) {
        var parts = new Tensor[(int) vector.size()];
        for (int i = 0; i < parts.length; i++) {
            parts[i] = new Tensor(vector.get(i));
        }
        return List.of(parts);
    }
}
