package dev.vitrail.onnx;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.engine.Graph.Value;
import dev.vitrail.onnx.GraphBuilder.Attribute;
import dev.vitrail.onnx.Recordings.Step;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;

/** Turns convolutions, normalizations, pooling and resizing into ONNX operators. */
final class LayerLowering {
    /** The cubic of PyTorch's bicubic resizing; with antialiasing it takes Pillow's. */
    private static final double CUBIC = -0.75, CUBIC_ANTIALIASED = -0.5;

    private final Recordings recordings;
    private final GraphBuilder onnx;
    private final ImageDimensions dimensions;
    private final Function<Value, String> names;
    /** Results of Pad. */
    private final Set<String> padded = new HashSet<>();

    LayerLowering(Recordings recordings, GraphBuilder onnx, ImageDimensions dimensions, Function<Value, String> names) {
        this.recordings = recordings;
        this.onnx = onnx;
        this.dimensions = dimensions;
        this.names = names;
    }

    String lower(Step step) {
        return switch (step.node().operation()) {
            case "conv2d" -> convolution(step);
            case "layer_norm" -> layerNorm(step);
            case "group_norm" -> groupNorm(step);
            case "batch_norm" -> batchNorm(step);
            case "max_pool2d" -> maxPool(step);
            case "avg_pool2d" -> onnx.add("AveragePool", List.of(operand(step, 0)), averageWindow(step));
            case "unfold" -> unfold(step);
            case "resize" -> resize(step);
            case "pad" -> pad(step);
            default -> throw new IllegalArgumentException(step.node().operation());
        };
    }

    private String operand(Step step, int index) {
        return names.apply(step.node().value(index));
    }

    /** A factor or offset a channel; {@code otherwise} where the layer has none. */
    private String operand(Step step, int index, long channels, float otherwise) {
        return step.node().has(index) ? operand(step, index) : repeated(channels, otherwise);
    }

    private String repeated(long channels, float value) {
        var values = new float[Math.toIntExact(channels)];
        Arrays.fill(values, value);
        return onnx.numbers(values, channels);
    }

    private String convolution(Step step) {
        var node = step.node();
        var inputs = new ArrayList<>(List.of(operand(step, 0), operand(step, 1)));
        if (node.has(2)) {
            inputs.add(operand(step, 2));
        }
        long[] kernel = node.value(1).shape(), padding = node.integers(4);
        return onnx.add(
                "Conv",
                inputs,
                Attribute.of("kernel_shape", kernel[2], kernel[3]),
                Attribute.of("strides", node.integers(3)),
                Attribute.of("pads", padding[0], padding[1], padding[0], padding[1]),
                Attribute.of("group", node.integer(5)));
    }

    private String layerNorm(Step step) {
        var node = step.node();
        long width = node.value(0).shape()[node.value(0).shape().length - 1];
        var inputs = new ArrayList<>(List.of(operand(step, 0), operand(step, 1, width, 1)));
        if (node.has(2)) {
            inputs.add(operand(step, 2));
        }
        return onnx.add(
                "LayerNormalization", inputs, Attribute.of("axis", -1L), Attribute.of("epsilon", node.number(3)));
    }

    /**
     * Every group as a channel of an instance normalization, then each channel's factor and offset: the operator
     * GroupNormalization has these from opset 21 on.
     */
    private String groupNorm(Step step) {
        var node = step.node();
        long groups = node.integer(1), channels = node.value(0).shape()[1];
        var x = operand(step, 0);
        var grouped = onnx.add("Reshape", List.of(x, onnx.integers(0, groups, -1)));
        var normalized = onnx.add(
                "InstanceNormalization",
                List.of(grouped, repeated(groups, 1), repeated(groups, 0)),
                Attribute.of("epsilon", node.number(4)));
        var y = onnx.add("Reshape", List.of(normalized, onnx.add("Shape", List.of(x))));
        if (node.has(2)) {
            y = onnx.add("Mul", List.of(y, perChannel(operand(step, 2), channels)));
        }
        return node.has(3) ? onnx.add("Add", List.of(y, perChannel(operand(step, 3), channels))) : y;
    }

    private String perChannel(String values, long channels) {
        return onnx.add("Reshape", List.of(values, onnx.integers(1, channels, 1, 1)));
    }

    private String batchNorm(Step step) {
        var node = step.node();
        require(!node.flag(5), "a model in training cannot be exported: switch it to evaluation first");
        long channels = node.value(0).shape()[1];
        return onnx.add(
                "BatchNormalization",
                List.of(
                        operand(step, 0),
                        operand(step, 1, channels, 1),
                        operand(step, 2, channels, 0),
                        operand(step, 3),
                        operand(step, 4)),
                Attribute.of("epsilon", node.number(6)));
    }

    /**
     * ONNX Runtime's optimizer moves a Pad of zeros into the MaxPool after it, which pads with −∞ (its "Pad_Fusion",
     * seen in 1.28 and 1.30): a maximum with the lowest number keeps the two apart and changes nothing.
     */
    private String maxPool(Step step) {
        var x = operand(step, 0);
        var apart = padded.contains(x) ? onnx.add("Max", List.of(x, onnx.number(-Float.MAX_VALUE))) : x;
        return onnx.add("MaxPool", List.of(apart), window(step));
    }

    private static Attribute[] window(Step step) {
        long kernel = step.node().integer(1),
                stride = step.node().integer(2),
                padding = step.node().integer(3);
        return new Attribute[] {
            Attribute.of("kernel_shape", kernel, kernel),
            Attribute.of("strides", stride, stride),
            Attribute.of("pads", padding, padding, padding, padding)
        };
    }

    private static Attribute[] averageWindow(Step step) {
        var attributes = new ArrayList<>(List.of(window(step)));
        attributes.add(Attribute.of("ceil_mode", step.node().flag(4) ? 1L : 0L));
        attributes.add(Attribute.of("count_include_pad", step.node().flag(5) ? 1L : 0L));
        return attributes.toArray(Attribute[]::new);
    }

    /** Windows as columns: a depthwise convolution whose kernels each pick one pixel of the window. */
    private String unfold(Step step) {
        var node = step.node();
        int channels = (int) node.value(0).shape()[1], kernel = (int) node.integer(1), window = kernel * kernel;
        var picks = new float[channels * window * window];
        for (int i = 0; i < channels * window; i++) {
            picks[i * window + i % window] = 1;
        }
        long stride = node.integer(2), padding = node.integer(3);
        var columns = onnx.add(
                "Conv",
                List.of(operand(step, 0), onnx.numbers(picks, (long) channels * window, 1, kernel, kernel)),
                Attribute.of("kernel_shape", kernel, kernel),
                Attribute.of("strides", stride, stride),
                Attribute.of("pads", padding, padding, padding, padding),
                Attribute.of("group", (long) channels));
        return onnx.add("Reshape", List.of(columns, onnx.integers(0, (long) channels * window, -1)));
    }

    private String resize(Step step) {
        var node = step.node();
        boolean cubic = node.text(2).equals("BICUBIC"), antialias = node.flag(3);
        var shape = recordings.shape(node.result());
        return onnx.add(
                "Resize",
                List.of(operand(step, 0), "", "", dimensions.vector(step, List.of(shape))),
                Attribute.of("mode", cubic ? "cubic" : "linear"),
                Attribute.of("cubic_coeff_a", antialias ? CUBIC_ANTIALIASED : CUBIC),
                Attribute.of("coordinate_transformation_mode", "half_pixel"),
                Attribute.of("antialias", antialias ? 1L : 0L),
                Attribute.of("exclude_outside", antialias ? 1L : 0L));
    }

    private String pad(Step step) {
        var amounts = step.extents(1).stream()
                .mapToLong(extent -> recordings.fixed(step, extent))
                .toArray();
        int rank = step.node().value(0).shape().length;
        var pads = new long[2 * rank]; // before each dimension, then after each
        for (int i = 0; i < amounts.length / 2; i++) {
            pads[rank - 1 - i] = amounts[2 * i];
            pads[2 * rank - 1 - i] = amounts[2 * i + 1];
        }
        var result = onnx.add(
                "Pad",
                List.of(
                        operand(step, 0),
                        onnx.integers(pads),
                        onnx.number(step.node().number(2))));
        padded.add(result);
        return result;
    }
}
