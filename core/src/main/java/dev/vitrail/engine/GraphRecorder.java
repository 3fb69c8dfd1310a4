package dev.vitrail.engine;

import dev.vitrail.engine.Graph.Absent;
import dev.vitrail.engine.Graph.Constant;
import dev.vitrail.engine.Graph.Node;
import dev.vitrail.engine.Graph.Result;
import dev.vitrail.engine.Graph.Value;
import dev.vitrail.errors.VitrailException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Records which operations lead from an input to a result, while a function of tensors runs: a graph for other
 * runtimes, without a second definition of any model.
 *
 * <p>Every operation of {@link Tensor} and {@link Functional} that models use reports here. An operation is
 * recorded if one of its operands follows from the input; what does not, such as a table made from weights, is a
 * constant of the graph. Recorded are the mathematical operations: kernels that keep weights in a layout of their
 * own are not chosen meanwhile.
 *
 * <p>While nothing is recorded the cost is an array of operands and one comparison an operation.
 */
public final class GraphRecorder {
    private static final ThreadLocal<@Nullable GraphRecorder> CURRENT = new ThreadLocal<>();
    /**
     * Recordings in progress; only a thread that records must see it at once, and that thread has changed it itself.
     */
    private static int recordings;

    private final Map<Tensor, Known> known = new IdentityHashMap<>();
    private final Map<Tensor, Constant> constants = new IdentityHashMap<>();
    private final List<Node> nodes = new ArrayList<>();
    private final List<Tensor> kept = new ArrayList<>();
    private int results;

    /** A tensor's place in the graph, and the version of its memory that is meant. */
    private record Known(Result result, long version) {}

    private GraphRecorder() {}

    /**
     * Runs a function and records it. Gradients are off meanwhile.
     *
     * @param input what {@code function} is applied to, on a CPU
     * @return the graph; the caller closes it
     * @throws VitrailException if the result does not follow from the input, or an operation would record something
     *     else than it computes
     */
    public static Graph record(Tensor input, UnaryOperator<Tensor> function) {
        VitrailException.require(CURRENT.get() == null, "a graph is being recorded on this thread already");
        var recorder = new GraphRecorder();
        try (var frame = Frame.open();
                var off = Gradients.off()) {
            count(1);
            CURRENT.set(recorder);
            try {
                var first = recorder.define(input);
                var output = recorder.known.get(function.apply(input));
                if (output == null) {
                    throw new VitrailException("the result of the recorded function does not follow from its input");
                }
                return new Graph(first, List.copyOf(recorder.nodes), output.result, List.copyOf(recorder.kept));
            } catch (RuntimeException | Error failure) {
                recorder.kept.forEach(Tensor::release);
                throw failure;
            } finally {
                CURRENT.remove();
                count(-1);
            }
        }
    }

    private static synchronized void count(int change) {
        recordings += change;
    }

    /** Returns whether {@code x} follows from the input of a recording of this thread. */
    static boolean follows(Tensor x) {
        if (recordings == 0) {
            return false;
        }
        var recorder = CURRENT.get();
        return recorder != null && recorder.known.containsKey(x);
    }

    /** Notes that {@code result} is {@code operation} of {@code operands}; gives {@code result}. */
    static Tensor record(String operation, Tensor result, @Nullable Object... operands) {
        if (recordings != 0) {
            var recorder = CURRENT.get();
            if (recorder != null) {
                recorder.add(operation, List.of(result), operands);
            }
        }
        return result;
    }

    /** Notes that {@code results} are the results of {@code operation} of {@code operands}; gives {@code results}. */
    static List<Tensor> record(String operation, List<Tensor> results, @Nullable Object... operands) {
        if (recordings != 0) {
            var recorder = CURRENT.get();
            if (recorder != null) {
                recorder.add(operation, results, operands);
            }
        }
        return results;
    }

    /** Notes that {@code x} was written over by {@code operation} of itself and {@code others}; gives {@code x}. */
    static Tensor overwrite(String operation, Tensor x, @Nullable Object... others) {
        if (recordings != 0) {
            var recorder = CURRENT.get();
            if (recorder != null) {
                recorder.overwritten(operation, x, others);
            }
        }
        return x;
    }

    private void overwritten(String operation, Tensor x, @Nullable Object... others) {
        var before = known.get(x);
        if (before == null) {
            return; // a later use of what was computed from the input tells by its version
        }
        known.put(x, new Known(before.result, x.handle._version()));
        var operands = new Object[others.length + 1];
        operands[0] = x;
        System.arraycopy(others, 0, operands, 1, others.length);
        add(operation, List.of(x), operands);
    }

    private void add(String operation, List<Tensor> outputs, @Nullable Object[] operands) {
        boolean follows = Arrays.stream(operands).anyMatch(this::followsOne);
        // An expanded constant may be as long as the batch, which the next recording finds to be another.
        if (!follows && !operation.equals("expand") && !operation.equals("repeat")) {
            return;
        }
        if (operation.equals("alias")) {
            known.put(
                    outputs.get(0),
                    new Known(
                            resultOf((Tensor) operands[0]),
                            outputs.get(0).handle._version()));
            return;
        }
        var recorded = Arrays.stream(operands).map(this::operand).toList();
        nodes.add(new Node(
                operation,
                recorded,
                outputs.stream().map(this::define).toList(),
                follows ? null : keep(outputs.get(0))));
    }

    private boolean followsOne(@Nullable Object operand) {
        return operand instanceof Tensor tensor
                ? known.containsKey(tensor)
                : operand instanceof List<?> list && list.stream().anyMatch(this::followsOne);
    }

    private Result define(Tensor tensor) {
        var result = new Result(results++, tensor.shape(), tensor.dtype());
        known.put(tensor, new Known(result, tensor.handle._version()));
        return result;
    }

    private Object operand(@Nullable Object operand) {
        if (operand == null) {
            return Absent.ABSENT;
        }
        if (operand instanceof Tensor tensor) {
            return value(tensor);
        }
        if (operand instanceof List<?> list) {
            return list.stream().map(this::operand).toList();
        }
        if (operand instanceof Integer number) {
            return number.longValue();
        }
        return operand instanceof long[] numbers ? numbers.clone() : operand;
    }

    private Value value(Tensor tensor) {
        return known.containsKey(tensor) ? resultOf(tensor) : constant(tensor);
    }

    private Result resultOf(Tensor tensor) {
        var found = known.get(tensor);
        if (found == null || found.version != tensor.handle._version()) {
            throw new IllegalStateException(
                    "the tensor %s was written over by an operation that is not recorded".formatted(tensor));
        }
        return found.result;
    }

    private Constant constant(Tensor tensor) {
        return constants.computeIfAbsent(tensor, made -> new Constant(keep(made)));
    }

    private Tensor keep(Tensor tensor) {
        kept.add(tensor);
        return tensor.keep();
    }
}
