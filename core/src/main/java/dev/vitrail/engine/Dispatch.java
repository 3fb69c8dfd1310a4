package dev.vitrail.engine;

import java.util.List;
import org.bytedeco.pytorch.Dispatcher;
import org.bytedeco.pytorch.GenericList;
import org.bytedeco.pytorch.IValue;
import org.bytedeco.pytorch.IValueVector;
import org.bytedeco.pytorch.OperatorHandle;
import org.bytedeco.pytorch.OperatorName;
import org.bytedeco.pytorch.TensorVector;

/** Calls operators of libtorch that the binding does not map, by their schema's name. */
final class Dispatch {
    private Dispatch() {}

    /** An operator, looked up once and kept for the life of the process. */
    static OperatorHandle operator(String name, String overload) {
        Natives.load();
        var operator = Dispatcher.singleton().findSchemaOrThrow(name, overload);
        operator.retainReference();
        return operator;
    }

    /** Whether this build of libtorch has an operator without overloads. */
    static boolean exists(String name) {
        Natives.load();
        try (var operator = Dispatcher.singleton().findSchema(new OperatorName(name, ""))) {
            return operator.has_value();
        }
    }

    /** Calls an operator and gives its first result. */
    static Tensor call(OperatorHandle operator, IValue... arguments) {
        var stack = new IValueVector(arguments);
        operator.callBoxed(stack);
        return new Tensor(stack.get(0).toTensor());
    }

    /** Calls an operator that changes its arguments and returns nothing. */
    static void run(OperatorHandle operator, IValue... arguments) {
        operator.callBoxed(new IValueVector(arguments));
    }

    static IValue none() {
        return new IValue();
    }

    /** Integers, as argument number {@code argument} of an operator expects them. */
    static IValue longs(OperatorHandle operator, int argument, long... values) {
        var list = list(operator, argument);
        for (long value : values) {
            list.push_back(new IValue(value));
        }
        return new IValue(list);
    }

    /** Numbers, as argument number {@code argument} of an operator expects them. */
    static IValue numbers(OperatorHandle operator, int argument, double... values) {
        var list = list(operator, argument);
        for (double value : values) {
            list.push_back(new IValue(value));
        }
        return new IValue(list);
    }

    /** Tensors, as argument number {@code argument} of an operator expects them. */
    static IValue tensors(OperatorHandle operator, int argument, List<Tensor> tensors) {
        var list = list(operator, argument);
        for (var tensor : tensors) {
            list.push_back(new IValue(tensor.handle));
        }
        return new IValue(list);
    }

    private static GenericList list(OperatorHandle operator, int argument) {
        return new GenericList(
                operator.schema().arguments().position(argument).type().get().containedType(0));
    }

    static TensorVector vector(List<Tensor> tensors) {
        var vector = new TensorVector(tensors.size());
        for (int i = 0; i < tensors.size(); i++) {
            vector.put(i, tensors.get(i).handle);
        }
        return vector;
    }

    static List<Tensor> list(TensorVector vector) {
        var parts = new Tensor[(int) vector.size()];
        for (int i = 0; i < parts.length; i++) {
            parts[i] = new Tensor(vector.get(i));
        }
        return List.of(parts);
    }
}
