package dev.vitrail.engine;

import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The operations that lead from one tensor to another, in the order of computation, as
 * {@link GraphRecorder} recorded them.
 *
 * <p>It holds the tensors that do not follow from the input, such as weights; closing it gives them back.
 *
 * @param input what the graph is applied to
 * @param nodes operations; each uses the input, constants and results of earlier nodes
 * @param output what the graph computes
 * @param kept tensors that closing the graph gives back
 */
public record Graph(Result input, List<Node> nodes, Result output, List<Tensor> kept) implements AutoCloseable {
    /** A tensor of the graph. */
    public sealed interface Value permits Result, Constant {
        /** The shape that it had while it was recorded. */
        long[] shape();

        /** The data type of its elements. */
        DType dtype();
    }

    /**
     * A tensor that follows from the input: the input itself, or a result of a node.
     *
     * @param number tells the results of a graph apart; equal in recordings of the same operations
     */
    @SuppressWarnings("ArrayRecordComponent") // compared by its number alone
    public record Result(int number, long[] shape, DType dtype) implements Value {
        @Override
        public boolean equals(@Nullable Object other) {
            return other instanceof Result result && result.number == number;
        }

        @Override
        public int hashCode() {
            return number;
        }

        @Override
        public String toString() {
            return "%" + number + ": " + dtype + Arrays.toString(shape);
        }
    }

    /** A tensor that does not follow from the input. It is the one that the model used: not to be changed. */
    public record Constant(Tensor tensor) implements Value {
        @Override
        public long[] shape() {
            return tensor.shape();
        }

        @Override
        public DType dtype() {
            return tensor.dtype();
        }

        @Override
        public boolean equals(@Nullable Object other) {
            return other instanceof Constant constant && constant.tensor == tensor;
        }

        @Override
        public int hashCode() {
            return System.identityHashCode(tensor);
        }
    }

    /** An operand that is absent, such as the bias of a layer without one. */
    public enum Absent {
        ABSENT
    }

    /**
     * An operation.
     *
     * @param operation its name, ATen's where it is one of ATen's
     * @param operands in the order of {@link Tensor}'s and {@link Functional}'s methods: {@link Value}, list of values,
     *     Long, Double, Boolean, String, {@code long[]} or {@link Absent}
     * @param results one, or several where the operation splits a tensor
     * @param constant the result where all operands are constants
     */
    public record Node(String operation, List<Object> operands, List<Result> results, @Nullable Tensor constant) {
        /** The operand at {@code index}, a tensor. */
        public Value value(int index) {
            return (Value) operands.get(index);
        }

        /** The operand at {@code index}, tensors. */
        public List<Value> values(int index) {
            return ((List<?>) operands.get(index))
                    .stream().map(Value.class::cast).toList();
        }

        /** Returns whether the operand at {@code index} is present. */
        public boolean has(int index) {
            return operands.get(index) != Absent.ABSENT;
        }

        /** The operand at {@code index}, integers. */
        public long[] integers(int index) {
            return (long[]) operands.get(index);
        }

        /** The operand at {@code index}, an integer. */
        public long integer(int index) {
            return (Long) operands.get(index);
        }

        /** The operand at {@code index}, a number. */
        public double number(int index) {
            return ((Number) operands.get(index)).doubleValue();
        }

        /** The operand at {@code index}, yes or no. */
        public boolean flag(int index) {
            return (Boolean) operands.get(index);
        }

        /** The operand at {@code index}, a word. */
        public String text(int index) {
            return (String) operands.get(index);
        }

        /** The first result. */
        public Result result() {
            return results.get(0);
        }
    }

    /** Gives back the constants. */
    @Override
    public void close() {
        kept.forEach(Tensor::release);
    }
}
