package dev.vitrail.train;

import dev.vitrail.engine.DType;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Tensor;
import java.util.Arrays;

/**
 * Statistics of a tensor by which non-finite values are found.
 *
 * @param name of the module or parameter
 * @param shape of the tensor
 * @param largest magnitude among the finite elements; 0 where there are none
 * @param nonFinite number of elements that are infinite or NaN
 */
@SuppressWarnings("ArrayRecordComponent") // compared by nobody
public record TensorStatistics(String name, long[] shape, double largest, long nonFinite) {
    static TensorStatistics of(String name, Tensor tensor) {
        return Frame.compute(() -> {
            var numbers = tensor.detach().to(DType.F32).toFloats();
            double largest = 0;
            long nonFinite = 0;
            for (float number : numbers) {
                if (Float.isFinite(number)) {
                    largest = Math.max(largest, Math.abs(number));
                } else {
                    nonFinite++;
                }
            }
            return new TensorStatistics(name, tensor.shape(), largest, nonFinite);
        });
    }

    @Override
    public String toString() {
        return "%s %s".formatted(name, Arrays.toString(shape));
    }
}
