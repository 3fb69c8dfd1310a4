package dev.vitrail.onnx;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.engine.DType;
import dev.vitrail.engine.Graph.Constant;
import dev.vitrail.engine.Graph.Result;
import dev.vitrail.engine.Graph.Value;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.onnx.GraphBuilder.Attribute;
import dev.vitrail.onnx.Recordings.Step;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/** Turns recorded operations into ONNX operators, opset {@value OnnxExport#OPSET}. */
final class Lowering {
    /** End of a slice that goes to the end of its dimension. */
    private static final long END = Long.MAX_VALUE;

    private final Recordings recordings;
    private final GraphBuilder onnx;
    private final ImageDimensions dimensions;
    private final LayerLowering layers;
    private final Map<Integer, String> names = new HashMap<>();

    /** Null where linear layers are in single precision. */
    private final @Nullable Int8Linear int8;

    Lowering(Recordings recordings, GraphBuilder onnx, String images, boolean quantized) {
        int8 = quantized ? new Int8Linear(onnx) : null;
        this.recordings = recordings;
        this.onnx = onnx;
        dimensions = new ImageDimensions(recordings, onnx, images);
        layers = new LayerLowering(recordings, onnx, dimensions, this::name);
        names.put(recordings.input().number(), images);
    }

    /** Adds all nodes; gives the name of the result. */
    String apply() {
        recordings.steps().forEach(this::lower);
        return name(recordings.output());
    }

    private String name(Value value) {
        var resolved = recordings.resolved(value);
        if (resolved instanceof Constant constant) {
            return onnx.constant(constant.tensor());
        }
        var name = names.get(((Result) resolved).number());
        if (name == null) {
            throw new IllegalStateException("nothing computes " + resolved);
        }
        return name;
    }

    private String operand(Step step, int index) {
        return name(step.node().value(index));
    }

    /** An operand that is a tensor, or a number. */
    private String tensorOrNumber(Step step, int index) {
        return step.node().operands().get(index) instanceof Value value
                ? name(value)
                : onnx.number(step.node().number(index));
    }

    private int rank(Value value) {
        return value.shape().length;
    }

    private int dim(Step step, int operand) {
        int rank = rank(step.node().value(0));
        return (int) Math.floorMod(recordings.fixed(step, step.extent(operand)), (long) rank);
    }

    private long[] fixed(Step step, List<Extent> extents) {
        return extents.stream()
                .mapToLong(extent -> recordings.fixed(step, extent))
                .toArray();
    }

    private void lower(Step step) {
        var results = step.node().results();
        var made = results.size() == 1 ? List.of(one(step)) : several(step);
        for (int i = 0; i < made.size(); i++) {
            names.put(results.get(i).number(), made.get(i));
        }
    }

    private List<String> several(Step step) {
        int dim = dim(step, step.node().operands().size() - 1);
        var x = operand(step, 0);
        int count = step.node().results().size();
        if (step.node().operation().equals("unbind")) {
            return IntStream.range(0, count)
                    .mapToObj(i -> onnx.add("Gather", List.of(x, onnx.integer(i)), Attribute.of("axis", (long) dim)))
                    .toList();
        }
        require(step.node().operation().equals("chunk"), "%s", unknown(step).getMessage());
        var lengths = step.node().results().stream()
                .mapToLong(result -> recordings.fixed(step, recordings.shape(result)[dim]))
                .toArray();
        return onnx.addAll("Split", List.of(x, onnx.integers(lengths)), count, Attribute.of("axis", (long) dim));
    }

    private static VitrailException unknown(Step step) {
        return VitrailException.of(
                "the operation '%s' has no ONNX operator here: this is a fault of vitrail",
                step.node().operation());
    }

    private String one(Step step) {
        var node = step.node();
        return switch (node.operation()) {
            case "add" -> onnx.add("Add", List.of(operand(step, 0), tensorOrNumber(step, 1)));
            case "sub" -> onnx.add("Sub", List.of(operand(step, 0), tensorOrNumber(step, 1)));
            case "mul" -> onnx.add("Mul", List.of(operand(step, 0), tensorOrNumber(step, 1)));
            case "div" -> onnx.add("Div", List.of(operand(step, 0), tensorOrNumber(step, 1)));
            case "pow" -> onnx.add("Pow", List.of(operand(step, 0), tensorOrNumber(step, 1)));
            case "clamp_min" -> onnx.add("Max", List.of(operand(step, 0), tensorOrNumber(step, 1)));
            case "clamp_max" -> onnx.add("Min", List.of(operand(step, 0), tensorOrNumber(step, 1)));
            case "neg" -> onnx.add("Neg", List.of(operand(step, 0)));
            case "sqrt" -> onnx.add("Sqrt", List.of(operand(step, 0)));
            case "exp" -> onnx.add("Exp", List.of(operand(step, 0)));
            case "floor" -> onnx.add("Floor", List.of(operand(step, 0)));
            case "relu" -> onnx.add("Relu", List.of(operand(step, 0)));
            case "sigmoid" -> onnx.add("Sigmoid", List.of(operand(step, 0)));
            case "tanh" -> onnx.add("Tanh", List.of(operand(step, 0)));
            case "gelu" -> onnx.add("Gelu", List.of(operand(step, 0)), Attribute.of("approximate", node.text(1)));
            case "silu" -> onnx.add("Mul", List.of(operand(step, 0), onnx.add("Sigmoid", List.of(operand(step, 0)))));
            case "softmax" -> onnx.add("Softmax", List.of(operand(step, 0)), Attribute.of("axis", (long) dim(step, 1)));
            case "log_softmax" ->
                onnx.add("LogSoftmax", List.of(operand(step, 0)), Attribute.of("axis", (long) dim(step, 1)));
            case "matmul" -> onnx.add("MatMul", List.of(operand(step, 0), operand(step, 1)));
            case "linear" -> linear(step);
            case "attention_weights" -> weights(step, 2);
            case "attention" -> onnx.add("MatMul", List.of(weights(step, 3), operand(step, 2)));
            case "mean" -> reduce(step, "ReduceMean");
            case "sum" -> reduce(step, "ReduceSum");
            case "amax" -> reduce(step, "ReduceMax");
            case "norm" -> reduce(step, "ReduceL2");
            case "var" -> variance(step);
            case "to" -> to(step);
            case "cat" ->
                onnx.add(
                        "Concat",
                        node.values(0).stream().map(this::name).toList(),
                        Attribute.of("axis", Math.floorMod(node.integer(1), (long) rank(node.result()))));
            case "stack" -> stack(step);
            case "conv2d",
                    "layer_norm",
                    "group_norm",
                    "batch_norm",
                    "max_pool2d",
                    "avg_pool2d",
                    "unfold",
                    "resize",
                    "pad" -> layers.lower(step);
            default -> shape(step);
        };
    }

    /** Operations that move elements. */
    private String shape(Step step) {
        var node = step.node();
        return switch (node.operation()) {
            case "reshape", "flatten", "squeeze", "unsqueeze" -> reshape(step);
            case "expand" -> expand(step);
            case "repeat" -> onnx.add("Tile", List.of(operand(step, 0), dimensions.vector(step, step.extents(1))));
            case "permute" -> transpose(step, fixed(step, step.extents(1)));
            case "transpose" -> {
                var order = LongStream.range(0, rank(node.value(0))).toArray();
                int a = dim(step, 1), b = dim(step, 2);
                order[a] = b;
                order[b] = a;
                yield transpose(step, order);
            }
            case "select" ->
                onnx.add(
                        "Gather",
                        List.of(operand(step, 0), onnx.integer(recordings.fixed(step, step.extent(2)))),
                        Attribute.of("axis", (long) dim(step, 1)));
            case "index_select" ->
                onnx.add("Gather", List.of(operand(step, 0), operand(step, 2)), Attribute.of("axis", (long)
                        dim(step, 1)));
            case "gather" ->
                onnx.add("GatherElements", List.of(operand(step, 0), operand(step, 2)), Attribute.of("axis", (long)
                        dim(step, 1)));
            case "narrow" -> narrow(step);
            case "roll" -> roll(step);
            case "flip" -> flip(step);
            default -> throw unknown(step);
        };
    }

    private String linear(Step step) {
        var node = step.node();
        boolean biased = node.has(2);
        var weight = recordings.resolved(node.value(1));
        if (int8 != null && weight instanceof Constant constant) {
            var product = int8.product(operand(step, 0), constant.tensor());
            return biased ? onnx.add("Add", List.of(product, operand(step, 2))) : product;
        }
        if (rank(node.value(0)) == 2) {
            var inputs = new ArrayList<>(List.of(operand(step, 0), operand(step, 1)));
            if (biased) {
                inputs.add(operand(step, 2));
            }
            return onnx.add("Gemm", inputs, Attribute.of("transB", 1L));
        }
        var transposed = weight instanceof Constant constant
                ? onnx.constant(constant.tensor(), ".transposed", tensor -> tensor.transpose(0, 1)
                        .contiguous())
                : onnx.add("Transpose", List.of(name(weight)), Attribute.of("perm", 1, 0));
        var product = onnx.add("MatMul", List.of(operand(step, 0), transposed));
        return biased ? onnx.add("Add", List.of(product, operand(step, 2))) : product;
    }

    /**
     * {@code softmax(scale · q·kᵀ + mask)}.
     *
     * @param mask index of that operand; the scale comes after it
     */
    private String weights(Step step, int mask) {
        var q = onnx.add(
                "Mul", List.of(operand(step, 0), onnx.number(step.node().number(mask + 1))));
        int rank = rank(step.node().value(1));
        var order = LongStream.range(0, rank).toArray();
        order[rank - 2] = rank - 1;
        order[rank - 1] = rank - 2;
        var k = onnx.add("Transpose", List.of(operand(step, 1)), Attribute.of("perm", order));
        var scores = onnx.add("MatMul", List.of(q, k));
        var masked = step.node().has(mask) ? onnx.add("Add", List.of(scores, operand(step, mask))) : scores;
        return onnx.add("Softmax", List.of(masked), Attribute.of("axis", -1L));
    }

    private String reduce(Step step, String operator) {
        return onnx.add(
                operator,
                List.of(operand(step, 0), onnx.integers(fixed(step, step.extents(1)))),
                Attribute.of("keepdims", step.node().flag(2) ? 1L : 0L));
    }

    private String variance(Step step) {
        var dims = onnx.integers(fixed(step, step.extents(1)));
        var x = operand(step, 0);
        var centred =
                onnx.add("Sub", List.of(x, onnx.add("ReduceMean", List.of(x, dims), Attribute.of("keepdims", 1L))));
        return onnx.add(
                "ReduceMean",
                List.of(onnx.add("Mul", List.of(centred, centred)), dims),
                Attribute.of("keepdims", step.node().flag(2) ? 1L : 0L));
    }

    private String to(Step step) {
        var wanted = DType.valueOf(step.node().text(1));
        return step.node().value(0).dtype() == wanted
                ? operand(step, 0)
                : onnx.add("Cast", List.of(operand(step, 0)), Attribute.of("to", ModelFile.dataType(wanted)));
    }

    private String stack(Step step) {
        long dim = Math.floorMod(step.node().integer(1), (long) rank(step.node().result()));
        var parts = step.node().values(0).stream()
                .map(part -> onnx.add("Unsqueeze", List.of(name(part), onnx.integers(dim))))
                .toList();
        return onnx.add("Concat", parts, Attribute.of("axis", dim));
    }

    /**
     * Reshapes by what is known of the shapes: a length that stays is copied, one that is left over follows
     * from the others.
     */
    private String reshape(Step step) {
        var before = recordings.shape(step.node().value(0));
        var after = recordings.shape(step.node().result());
        if (Arrays.equals(before, after)) {
            return operand(step, 0);
        }
        return onnx.add("Reshape", List.of(operand(step, 0), dimensions.target(step, before, after)));
    }

    private String expand(Step step) {
        var after = recordings.shape(step.node().result());
        return Arrays.equals(recordings.shape(step.node().value(0)), after)
                ? operand(step, 0)
                : onnx.add("Expand", List.of(operand(step, 0), dimensions.vector(step, List.of(after))));
    }

    private String transpose(Step step, long[] order) {
        return Arrays.equals(order, LongStream.range(0, order.length).toArray())
                ? operand(step, 0)
                : onnx.add("Transpose", List.of(operand(step, 0)), Attribute.of("perm", order));
    }

    private String narrow(Step step) {
        int dim = dim(step, 1);
        var side = recordings.shape(step.node().value(0))[dim];
        Extent start = step.extent(2), length = step.extent(3);
        if (length.equals(side)) {
            return operand(step, 0);
        }
        long first = recordings.fixed(step, start);
        long end = start.plus(length).equals(side) ? END : first + recordings.fixed(step, length);
        return slice(operand(step, 0), first, end, dim);
    }

    private String slice(String x, long start, long end, long dim) {
        return onnx.add("Slice", List.of(x, onnx.integers(start), onnx.integers(end), onnx.integers(dim)));
    }

    private String roll(Step step) {
        var shifts = fixed(step, step.extents(1));
        var dims = fixed(step, step.extents(2));
        var x = operand(step, 0);
        for (int i = 0; i < dims.length; i++) {
            if (shifts[i] != 0) {
                // What moves over the end comes back at the beginning.
                x = onnx.add(
                        "Concat",
                        List.of(slice(x, -shifts[i], END, dims[i]), slice(x, 0, -shifts[i], dims[i])),
                        Attribute.of("axis", dims[i]));
            }
        }
        return x;
    }

    private String flip(Step step) {
        var dims = fixed(step, step.extents(1));
        var last = Collections.nCopies(dims.length, -1L).stream()
                .mapToLong(Long::longValue)
                .toArray();
        var before =
                LongStream.range(0, dims.length).map(i -> Long.MIN_VALUE + 1).toArray();
        return onnx.add(
                "Slice",
                List.of(
                        operand(step, 0),
                        onnx.integers(last),
                        onnx.integers(before),
                        onnx.integers(dims),
                        onnx.integers(last)));
    }
}
