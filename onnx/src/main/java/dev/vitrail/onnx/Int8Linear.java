package dev.vitrail.onnx;

import dev.vitrail.engine.DType;
import dev.vitrail.engine.Tensor;
import dev.vitrail.onnx.GraphBuilder.Attribute;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Linear layers in integers of eight bits: {@code y = s_x·s_w·(q(x)·q(w))}, by the operators of
 * ONNX's dynamic quantization.
 *
 * <p>Weights are quantized once, symmetrically, with a scale for each output channel. Activations are quantized while
 * the graph runs, with a scale and a zero point for each tensor ({@code DynamicQuantizeLinear}). Weights use seven of
 * the eight bits: processors without VNNI add two products of eight bits in sixteen, which would saturate.
 */
final class Int8Linear {
    /** The largest integer of a weight. */
    private static final int LIMIT = 63;

    private final GraphBuilder onnx;
    /** Integers, scale and zero point of the activations that were quantized so far. */
    private final Map<String, List<String>> activations = new HashMap<>();

    Int8Linear(GraphBuilder onnx) {
        this.onnx = onnx;
    }

    /**
     * Adds the product.
     *
     * @param x name of {@code [.., in]}
     * @param weight {@code [out, in]}
     * @return the name of {@code [.., out]}
     */
    String product(String x, Tensor weight) {
        int out = Math.toIntExact(weight.size(0)), in = Math.toIntExact(weight.size(1));
        var scales = scales(weight.toFloats(), out, in);
        var integers = onnx.constant(
                weight, ".int8", DType.I8, new long[] {in, out}, () -> transposed(weight.toFloats(), scales, out, in));
        var quantized = activations.computeIfAbsent(x, name -> onnx.addAll("DynamicQuantizeLinear", List.of(name), 3));
        var sums = onnx.add("MatMulInteger", List.of(quantized.get(0), integers, quantized.get(2)));
        var numbers = onnx.add("Cast", List.of(sums), Attribute.of("to", ModelFile.dataType(DType.F32)));
        var scale = onnx.add("Mul", List.of(quantized.get(1), onnx.numbers(scales, out)));
        return onnx.add("Mul", List.of(numbers, scale));
    }

    /** Quantization scale of each row: the value of one step of its integers. */
    private static float[] scales(float[] weights, int rows, int columns) {
        var scales = new float[rows];
        for (int row = 0; row < rows; row++) {
            float largest = 0;
            for (int i = row * columns; i < (row + 1) * columns; i++) {
                largest = Math.max(largest, Math.abs(weights[i]));
            }
            scales[row] = largest == 0 ? 1 : largest / LIMIT;
        }
        return scales;
    }

    /** Integers {@code [columns, rows]}. */
    private static byte[] transposed(float[] weights, float[] scales, int rows, int columns) {
        var integers = new byte[weights.length];
        for (int row = 0; row < rows; row++) {
            for (int column = 0; column < columns; column++) {
                integers[column * rows + row] = (byte) Math.rint(weights[row * columns + column] / scales[row]);
            }
        }
        return integers;
    }
}
