package dev.vitrail.onnx;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.AttributeProto.AttributeType;
import ai.onnx.proto.OnnxMl.NodeProto;
import com.google.protobuf.ByteString;
import dev.vitrail.engine.DType;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/** Collects nodes and initializers under names that are unique in their graph. */
final class GraphBuilder {
    private final List<NodeProto> nodes = new ArrayList<>();
    private final Map<String, Initializer> initializers = new LinkedHashMap<>();
    private final Map<Tensor, String> tensors = new IdentityHashMap<>();
    private final Map<String, String> small = new HashMap<>();
    private final Map<String, Integer> counts = new HashMap<>();
    private final Function<Tensor, String> names;

    /**
     * A constant of the graph.
     *
     * @param bytes little-endian, row-major
     */
    @SuppressWarnings("ArrayRecordComponent") // read once, by the writer
    record Initializer(String name, DType dtype, long[] shape, Content bytes) {
        long size() {
            return Arrays.stream(shape).reduce(dtype.bytes(), Math::multiplyExact);
        }
    }

    /** Elements that are fetched when they are written, so that two copies of a model are never in memory. */
    interface Content {
        byte[] get();
    }

    /** @param names what a tensor is called, such as a parameter by its name in the checkpoint; empty if unknown */
    GraphBuilder(Function<Tensor, String> names) {
        this.names = names;
    }

    List<NodeProto> nodes() {
        return nodes;
    }

    List<Initializer> initializers() {
        return List.copyOf(initializers.values());
    }

    /** An attribute of a node. */
    record Attribute(AttributeProto proto) {
        static Attribute of(String name, long value) {
            return new Attribute(AttributeProto.newBuilder()
                    .setName(name)
                    .setType(AttributeType.INT)
                    .setI(value)
                    .build());
        }

        static Attribute of(String name, double value) {
            return new Attribute(AttributeProto.newBuilder()
                    .setName(name)
                    .setType(AttributeType.FLOAT)
                    .setF((float) value)
                    .build());
        }

        static Attribute of(String name, String value) {
            return new Attribute(AttributeProto.newBuilder()
                    .setName(name)
                    .setType(AttributeType.STRING)
                    .setS(ByteString.copyFromUtf8(value))
                    .build());
        }

        static Attribute of(String name, long... values) {
            var proto = AttributeProto.newBuilder().setName(name).setType(AttributeType.INTS);
            Arrays.stream(values).forEach(proto::addInts);
            return new Attribute(proto.build());
        }
    }

    /** Adds a node with one result; gives the result's name. */
    String add(String operator, List<String> inputs, Attribute... attributes) {
        var output = unique(operator.toLowerCase(java.util.Locale.ROOT));
        add(operator, inputs, List.of(output), attributes);
        return output;
    }

    /** Adds a node with several results; gives their names. */
    List<String> addAll(String operator, List<String> inputs, int count, Attribute... attributes) {
        var outputs = new ArrayList<String>();
        for (int i = 0; i < count; i++) {
            outputs.add(unique(operator.toLowerCase(java.util.Locale.ROOT)));
        }
        add(operator, inputs, outputs, attributes);
        return outputs;
    }

    private void add(String operator, List<String> inputs, List<String> outputs, Attribute... attributes) {
        var node = NodeProto.newBuilder()
                .setName(outputs.get(0) + "_node")
                .setOpType(operator)
                .addAllInput(inputs)
                .addAllOutput(outputs);
        for (var attribute : attributes) {
            node.addAttribute(attribute.proto());
        }
        nodes.add(node.build());
    }

    /** Gives {@code from}, a result of the last node, the name {@code to}. */
    void rename(String from, String to) {
        for (int i = 0; i < nodes.size(); i++) {
            var node = nodes.get(i).toBuilder();
            for (int k = 0; k < node.getInputCount(); k++) {
                if (node.getInput(k).equals(from)) {
                    node.setInput(k, to);
                }
            }
            for (int k = 0; k < node.getOutputCount(); k++) {
                if (node.getOutput(k).equals(from)) {
                    node.setOutput(k, to);
                }
            }
            nodes.set(i, node.build());
        }
    }

    private String unique(String base) {
        int number = counts.merge(base, 1, Integer::sum);
        return number == 1 ? base : base + "_" + number;
    }

    /** The initializer of a tensor; the same tensor has one. */
    String constant(Tensor tensor) {
        return tensors.computeIfAbsent(tensor, made -> {
            var name = names.apply(made);
            return put(name.isEmpty() ? "constant" : name, made.dtype(), made.shape(), made::toBytes);
        });
    }

    /**
     * The initializer of what is computed from a tensor.
     *
     * @param suffix tells what was done
     */
    String constant(Tensor tensor, String suffix, Function<Tensor, Tensor> change) {
        var key = constantName(tensor) + suffix;
        return small.computeIfAbsent(
                key,
                name -> Frame.compute(() -> {
                    var changed = change.apply(tensor);
                    return put(
                            name,
                            changed.dtype(),
                            changed.shape(),
                            () -> Frame.compute(() -> change.apply(tensor).toBytes()));
                }));
    }

    /**
     * The initializer of bytes that are computed from a tensor when they are written.
     *
     * @param suffix tells what was done
     */
    String constant(Tensor tensor, String suffix, DType dtype, long[] shape, Content bytes) {
        return small.computeIfAbsent(constantName(tensor) + suffix, name -> put(name, dtype, shape, bytes));
    }

    private String constantName(Tensor tensor) {
        var name = names.apply(tensor);
        return name.isEmpty() ? "constant@" + System.identityHashCode(tensor) : name;
    }

    /** Integers in one dimension. */
    String integers(long... values) {
        return small.computeIfAbsent(
                "integers " + Arrays.toString(values),
                key -> put(
                        "integers",
                        DType.I64,
                        new long[] {values.length},
                        () -> Frame.compute(
                                () -> Tensor.of(values, values.length).toBytes())));
    }

    /** An integer without dimensions. */
    String integer(long value) {
        return small.computeIfAbsent(
                "integer " + value,
                key -> put(
                        "integer",
                        DType.I64,
                        new long[0],
                        () -> Frame.compute(
                                () -> Tensor.of(new long[] {value}, 1).toBytes())));
    }

    /** A single-precision number without dimensions. */
    String number(double value) {
        return small.computeIfAbsent(
                "number " + (float) value,
                key -> put(
                        "number",
                        DType.F32,
                        new long[0],
                        () -> Frame.compute(
                                () -> Tensor.of(new float[] {(float) value}, 1).toBytes())));
    }

    /** Single-precision numbers. */
    String numbers(float[] values, long... shape) {
        return small.computeIfAbsent(
                "numbers " + Arrays.toString(shape) + Arrays.toString(values),
                key -> put(
                        "numbers",
                        DType.F32,
                        shape,
                        () -> Frame.compute(() -> Tensor.of(values, shape).toBytes())));
    }

    private String put(String base, DType dtype, long[] shape, Content bytes) {
        var name = unique(base);
        initializers.put(name, new Initializer(name, dtype, shape, bytes));
        return name;
    }
}
