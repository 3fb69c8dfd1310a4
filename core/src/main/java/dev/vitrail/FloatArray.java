package dev.vitrail;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.engine.Tensor;
import java.util.Arrays;
import java.util.List;

/**
 * Numbers in several dimensions, row by row, in the JVM's own memory: what is left of a tensor when the model is done.
 */
public final class FloatArray {
    private final List<Long> shape;
    private final float[] numbers;

    private FloatArray(List<Long> shape, float[] numbers) {
        this.shape = shape;
        this.numbers = numbers;
    }

    static FloatArray of(Tensor tensor) {
        return new FloatArray(Arrays.stream(tensor.shape()).boxed().toList(), tensor.toFloats());
    }

    /** Length of each dimension. */
    public List<Long> shape() {
        return shape;
    }

    /** The number at a place, an index for each dimension. */
    public float at(int... indices) {
        require(
                indices.length == shape.size(),
                "numbers of the shape %s have %d indices, found %d",
                shape,
                shape.size(),
                indices.length);
        int at = 0;
        for (int i = 0; i < indices.length; i++) {
            require(
                    indices[i] >= 0 && indices[i] < shape.get(i),
                    "index %d of the shape %s goes from 0 to %d, found %d",
                    i,
                    shape,
                    shape.get(i) - 1,
                    indices[i]);
            at = Math.toIntExact(at * shape.get(i) + indices[i]);
        }
        return numbers[at];
    }

    /** A copy of all numbers, the last dimension running fastest. */
    public float[] toFloats() {
        return numbers.clone();
    }

    @Override
    public String toString() {
        return "numbers of the shape " + shape;
    }
}
