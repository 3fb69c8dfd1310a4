package dev.vitrail.onnx;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.engine.DType;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Graph;
import dev.vitrail.engine.Graph.Constant;
import dev.vitrail.engine.Graph.Node;
import dev.vitrail.engine.Graph.Result;
import dev.vitrail.engine.Graph.Value;
import dev.vitrail.engine.GraphRecorder;
import dev.vitrail.engine.RandomState;
import dev.vitrail.engine.Tensor;
import dev.vitrail.errors.VitrailException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;

/**
 * A function recorded with images of several batch sizes, and of several sizes where these are to vary. What is the
 * same in all recordings is a part of the graph; an integer that is not must follow from the images' dimensions. So no
 * shape is ever guessed, and a function whose operations change with the images is refused.
 */
final class Recordings implements AutoCloseable {
    private final List<Graph> graphs;
    private final boolean dynamicSize;
    private final List<Step> steps = new ArrayList<>();
    private final Map<Integer, Extent[]> shapes = new HashMap<>();
    private final Map<Integer, Constant> folded = new HashMap<>();

    /**
     * A node, with every integer as it was in each recording.
     *
     * @param node as first recorded
     */
    record Step(Node node, List<Node> all) {
        /** Integers among the operands. */
        List<Extent> extents(int operand) {
            return IntStream.range(0, node.integers(operand).length)
                    .mapToObj(i -> new Extent(all.stream()
                            .mapToLong(one -> one.integers(operand)[i])
                            .toArray()))
                    .toList();
        }

        /** An integer among the operands. */
        Extent extent(int operand) {
            return new Extent(
                    all.stream().mapToLong(one -> one.integer(operand)).toArray());
        }
    }

    /**
     * Records a function.
     *
     * @param inputs shapes of the images, {@code [B, C, H, W]}; the first two differ in B alone
     */
    static Recordings of(List<long[]> inputs, UnaryOperator<Tensor> function) {
        var graphs = new ArrayList<Graph>();
        try {
            for (int i = 0; i < inputs.size(); i++) {
                int seed = i;
                graphs.add(Frame.compute(() -> {
                    RandomState.seed(seed); // other pixels each time, so that what follows from them is found out
                    return GraphRecorder.record(Tensor.randn(inputs.get(seed)), function);
                }));
            }
            return new Recordings(graphs, inputs.stream().anyMatch(shape -> shape[2] != inputs.get(0)[2]));
        } catch (RuntimeException e) {
            graphs.forEach(Graph::close);
            throw e;
        }
    }

    private Recordings(List<Graph> graphs, boolean dynamicSize) {
        this.graphs = graphs;
        this.dynamicSize = dynamicSize;
        var first = graphs.get(0);
        note(graphs.stream().map(Graph::input).toList());
        for (var graph : graphs) {
            require(
                    names(graph).equals(names(first)) && graph.output().equals(first.output()),
                    "the model's operations change with the size of its images, which no graph of fixed operations can"
                            + " follow: %s",
                    advice());
        }
        for (int i = 0; i < first.nodes().size(); i++) {
            int place = i;
            var all = graphs.stream().map(graph -> graph.nodes().get(place)).toList();
            for (int k = 0; k < first.nodes().get(i).results().size(); k++) {
                int which = k;
                note(all.stream().map(node -> node.results().get(which)).toList());
            }
            all.forEach(node -> requireSame(all.get(0), node));
            add(new Step(all.get(0), all));
        }
    }

    private static List<String> names(Graph graph) {
        return graph.nodes().stream().map(Node::operation).toList();
    }

    private String advice() {
        return dynamicSize ? "export it for one size, without --dynamic-size" : "this is a fault of vitrail's recorder";
    }

    /** Keeps a node, unless it makes the same constant each time. */
    private void add(Step step) {
        var made = step.node.constant();
        if (made != null
                && isFixed(step.node.result())
                && step.all.stream().allMatch(node -> constant(node).equals(constant(step.node)))) {
            folded.put(step.node.result().number(), new Constant(made));
        } else {
            steps.add(step);
        }
    }

    private static List<Value> constant(Node node) {
        return node.operands().stream()
                .filter(Value.class::isInstance)
                .map(Value.class::cast)
                .toList();
    }

    private boolean isFixed(Result result) {
        return Arrays.stream(shape(result)).allMatch(Extent::isFixed);
    }

    private void note(List<Result> results) {
        var extents = new Extent[results.get(0).shape().length];
        for (int i = 0; i < extents.length; i++) {
            int dim = i;
            extents[i] = new Extent(
                    results.stream().mapToLong(result -> result.shape()[dim]).toArray());
        }
        shapes.put(results.get(0).number(), extents);
    }

    private void requireSame(Node first, Node other) {
        for (int i = 0; i < first.operands().size(); i++) {
            requireSame(first, first.operands().get(i), other.operands().get(i));
        }
    }

    private void requireSame(Node node, Object first, Object other) {
        if (first instanceof List<?> list && other instanceof List<?> others && list.size() == others.size()) {
            for (int i = 0; i < list.size(); i++) {
                requireSame(node, list.get(i), others.get(i));
            }
            return;
        }
        boolean same = first instanceof Constant a && other instanceof Constant b
                ? a.equals(b) || equal(a.tensor(), b.tensor())
                : first instanceof long[] numbers
                        ? other instanceof long[] others && numbers.length == others.length
                        : first instanceof Long && other instanceof Long || first.equals(other);
        require(
                same,
                "an operand of '%s' follows from the images in a way that the graph cannot: %s",
                node.operation(),
                advice());
    }

    private static boolean equal(Tensor a, Tensor b) {
        return a.dtype() == b.dtype() && Arrays.equals(a.shape(), b.shape()) && Arrays.equals(a.toBytes(), b.toBytes());
    }

    int count() {
        return graphs.size();
    }

    Result input() {
        return graphs.get(0).input();
    }

    Result output() {
        return graphs.get(0).output();
    }

    /** The nodes that the output depends on, in order. */
    List<Step> steps() {
        Set<Integer> needed = new HashSet<>();
        needed.add(output().number());
        var kept = new ArrayList<Step>();
        for (int i = steps.size() - 1; i >= 0; i--) {
            var step = steps.get(i);
            if (step.node.results().stream().anyMatch(result -> needed.contains(result.number()))) {
                kept.add(0, step);
                step.node.operands().forEach(operand -> need(operand, needed));
            }
        }
        return kept;
    }

    private static void need(Object operand, Set<Integer> needed) {
        if (operand instanceof Result result) {
            needed.add(result.number());
        } else if (operand instanceof List<?> list) {
            list.forEach(one -> need(one, needed));
        }
    }

    /** A value as the graph has it: a result that is the same each time is a constant. */
    Value resolved(Value value) {
        return value instanceof Result result && folded.containsKey(result.number())
                ? folded.get(result.number())
                : value;
    }

    /** The dimensions of a value. */
    Extent[] shape(Value value) {
        if (value instanceof Result result) {
            var found = shapes.get(result.number());
            if (found == null) {
                throw new IllegalStateException("no recording has the value " + result);
            }
            return found;
        }
        return Arrays.stream(value.shape())
                .mapToObj(side -> Extent.fixed(side, count()))
                .toArray(Extent[]::new);
    }

    /** An integer that must be the same each time. */
    long fixed(Step step, Extent extent) {
        require(
                extent.isFixed(),
                "'%s' follows from the size of the images in a way that the graph cannot (%s): %s",
                step.node.operation(),
                extent,
                advice());
        return extent.value();
    }

    VitrailException notExpressible(Step step, Extent extent) {
        return VitrailException.of(
                "a length in '%s' (%s) is no multiple or fraction of the images' batch, height or width: %s",
                step.node.operation(), extent, advice());
    }

    @Override
    public void close() {
        graphs.forEach(Graph::close);
    }

    /** The data type of the images. */
    static final DType DTYPE = DType.F32;
}
