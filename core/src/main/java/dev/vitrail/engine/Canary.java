package dev.vitrail.engine;

import java.util.Arrays;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * Compares a few products and convolutions, forwards and backwards, with sums made in Java. All numbers are small
 * integers, so that every order of summation gives the same.
 *
 * <p>The shapes have channels that fill no vector and inner dimensions that are cut into pieces: with hidden caches
 * oneDNN loses part of their sums (50 × 576 × 100: columns 96 to 99 as a convolution, 64 to 99 with packed weights),
 * but writes inside its buffers.
 */
final class Canary {
    private Canary() {}

    /** The first difference, as a phrase; empty where all is right. */
    static Optional<String> failure() {
        return Frame.compute(() -> {
            try (var on = Gradients.on()) {
                leaveTraces();
                return first(
                        () -> product(50, 576, 100),
                        () -> convolution("3×3 convolution", new Convolution(2, 22, 18, 1, 3, 1, 7)),
                        () -> convolution("3×3 convolution", new Convolution(1, 37, 21, 1, 3, 1, 9)),
                        () -> convolution("strided convolution", new Convolution(1, 3, 20, 1, 4, 4, 16)),
                        () -> convolution("depthwise convolution", new Convolution(1, 20, 20, 20, 7, 1, 9)));
            }
        });
    }

    /**
     * Fills memory that is free afterwards with other numbers than zero: what a kernel forgets to write is zero
     * in fresh memory.
     */
    private static void leaveTraces() {
        Frame.run(() -> {
            for (int count = 1 << 8; count <= 1 << 15; count <<= 1) {
                for (int i = 0; i < 4; i++) {
                    Tensor.ones(count);
                }
            }
        });
    }

    @SafeVarargs
    private static Optional<String> first(Supplier<Optional<String>>... checks) {
        return Arrays.stream(checks)
                .map(Supplier::get)
                .flatMap(Optional::stream)
                .findFirst();
    }

    private static Optional<String> product(int rows, int in, int out) {
        var x = integers(rows * in, 3);
        var w = integers(out * in, 5);
        var expected = new float[rows * out];
        for (int i = 0; i < rows; i++) {
            for (int j = 0; j < out; j++) {
                float sum = 0;
                for (int k = 0; k < in; k++) {
                    sum += x[i * in + k] * w[j * in + k];
                }
                expected[i * out + j] = sum;
            }
        }
        var input = Tensor.of(x, rows, in).requireGradient(true);
        var weight = Tensor.of(w, out, in).requireGradient(true);
        var name = "a product of %d × %d × %d".formatted(rows, in, out);
        try (var off = Gradients.off()) {
            var found = difference(name, Functional.linear(input, weight, null, new PackedWeight()), expected);
            if (found.isPresent()) {
                return found;
            }
        }
        var y = Functional.linear(input, weight, null);
        var found = difference(name, y, expected);
        if (found.isPresent()) {
            return found;
        }
        var g = integers(rows * out, 7);
        y.backward(Tensor.of(g, rows, out));
        var byInput = new float[rows * in];
        var byWeight = new float[out * in];
        for (int i = 0; i < rows; i++) {
            for (int j = 0; j < out; j++) {
                float gradient = g[i * out + j];
                for (int k = 0; k < in; k++) {
                    byInput[i * in + k] += gradient * w[j * in + k];
                    byWeight[j * in + k] += gradient * x[i * in + k];
                }
            }
        }
        return difference("the input gradient of " + name, input.gradient(), byInput)
                .or(() -> difference("the weight gradient of " + name, weight.gradient(), byWeight));
    }

    /**
     * A convolution of square images, padded by half the kernel where the stride is 1.
     *
     * @param images in the batch
     * @param in channels
     * @param out channels
     */
    private record Convolution(int images, int in, int out, int groups, int kernel, int stride, int side) {
        int padding() {
            return stride == 1 ? kernel / 2 : 0;
        }

        int positions() {
            return (side + 2 * padding() - kernel) / stride + 1;
        }
    }

    /** Action for each multiplication of a convolution, by the indices of the input, the weight and the result. */
    private interface Term {
        void at(int input, int weight, int result);
    }

    private static void forEachTerm(Convolution c, Term term) {
        int depth = c.in / c.groups, width = c.out / c.groups, positions = c.positions();
        for (int result = 0; result < c.images * c.out; result++) {
            int image = result / c.out, o = result % c.out;
            for (int y = 0; y < positions; y++) {
                for (int x = 0; x < positions; x++) {
                    for (int d = 0; d < depth; d++) {
                        for (int ky = 0; ky < c.kernel; ky++) {
                            for (int kx = 0; kx < c.kernel; kx++) {
                                int row = y * c.stride + ky - c.padding(), column = x * c.stride + kx - c.padding();
                                if (row >= 0 && row < c.side && column >= 0 && column < c.side) {
                                    int channel = image * c.in + o / width * depth + d;
                                    term.at(
                                            (channel * c.side + row) * c.side + column,
                                            ((o * depth + d) * c.kernel + ky) * c.kernel + kx,
                                            (result * positions + y) * positions + x);
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    private static Optional<String> convolution(String name, Convolution c) {
        int positions = c.positions(), depth = c.in / c.groups;
        var x = integers(c.images * c.in * c.side * c.side, 3);
        var w = integers(c.out * depth * c.kernel * c.kernel, 5);
        var g = integers(c.images * c.out * positions * positions, 7);
        var expected = new float[g.length];
        var byInput = new float[x.length];
        var byWeight = new float[w.length];
        forEachTerm(c, (input, weight, result) -> {
            expected[result] += x[input] * w[weight];
            byInput[input] += g[result] * w[weight];
            byWeight[weight] += g[result] * x[input];
        });
        var input = Tensor.of(x, c.images, c.in, c.side, c.side).requireGradient(true);
        var weight = Tensor.of(w, c.out, depth, c.kernel, c.kernel).requireGradient(true);
        var y = Functional.conv2d(input, weight, null, both(c.stride), both(c.padding()), c.groups);
        var found = difference("a " + name, y, expected);
        if (found.isPresent()) {
            return found;
        }
        y.backward(Tensor.of(g, y.shape()));
        return difference("the input gradient of a " + name, input.gradient(), byInput)
                .or(() -> difference("the weight gradient of a " + name, weight.gradient(), byWeight));
    }

    private static long[] both(long size) {
        return new long[] {size, size};
    }

    /** Integers from −2 to 2 in an order that repeats late. */
    private static float[] integers(int count, int seed) {
        var values = new float[count];
        int state = seed;
        for (int i = 0; i < count; i++) {
            state = state * 1_103_515_245 + 12_345;
            values[i] = (state >>> 16) % 5 - 2;
        }
        return values;
    }

    private static Optional<String> difference(String name, Tensor result, float[] expected) {
        var found = result.toFloats();
        int at = Arrays.mismatch(found, expected);
        if (at < 0) {
            return Optional.empty();
        }
        return Optional.of("%s gives %s instead of %s at element %d".formatted(name, found[at], expected[at], at));
    }
}
