package dev.vitrail.engine;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * Compares products, convolutions, attention and normalisation, and their gradients, with sums in double precision made
 * in Java, over random shapes: few and many rows, channels that fill no vector, inner dimensions from 3 to 1,200, one
 * thread and all threads.
 *
 * <p>Of every result some rows are compared as a whole, the first and the last among them. An element may differ by
 * 2·10⁻⁶ of the sum of its terms' magnitudes, some thirty units in the last place of single precision.
 */
public final class SelfTest {
    private static final double TOLERANCE = 2e-6;
    private static final int ROWS = 4;

    /**
     * Result of a self-test.
     *
     * @param checks shapes that were compared
     * @param failures a sentence for each that was wrong
     */
    public record Result(int checks, List<String> failures) {
        public Result {
            failures = List.copyOf(failures);
        }
    }

    private final SplittableRandom random;
    private final List<String> failures = new ArrayList<>();
    private String name = "";
    private int threads = 1;

    private SelfTest(long seed) {
        random = new SplittableRandom(seed);
    }

    /** Compares so many shapes; the same seed draws the same. A thousand take some 12 s on two cores. */
    public static Result run(long seed, int shapes) {
        var test = new SelfTest(seed);
        int before = Threads.count();
        try {
            for (int i = 0; i < shapes; i++) {
                int number = i;
                test.threads = i % 2 == 0 ? before : 1;
                Threads.set(test.threads);
                Frame.run(() -> test.check(number));
            }
        } finally {
            Threads.set(before);
        }
        return new Result(shapes, test.failures);
    }

    private void check(int number) {
        try (var on = Gradients.on()) {
            switch (number % 8) {
                case 0, 1, 2, 3 -> linear(between(1, 400), between(3, 1200), between(1, 330));
                case 4 -> linear(between(1, 60) * 49, between(3, 400), between(1, 100));
                case 5, 6 -> convolution();
                default -> {
                    attention();
                    layerNorm();
                }
            }
        }
    }

    private int between(int least, int most) {
        return random.nextInt(least, most + 1);
    }

    private float[] values(int count) {
        var values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (random.nextInt(1 << 20) - (1 << 19)) * 0x1p-19f;
        }
        return values;
    }

    /** Some of {@code count} rows, the first and the last among them. */
    private int[] some(int count) {
        return IntStream.concat(
                        IntStream.of(0, count - 1), IntStream.range(0, ROWS - 2).map(i -> random.nextInt(count)))
                .distinct()
                .toArray();
    }

    // ---------------------------------------------------------------------------------------------------- products

    private void linear(int rows, int in, int out) {
        name = "linear %d × %d × %d".formatted(rows, in, out);
        var x = values(rows * in);
        var w = values(out * in);
        var b = values(out);
        var g = values(rows * out);
        var input = Tensor.of(x, rows, in).requireGradient(true);
        var weight = Tensor.of(w, out, in).requireGradient(true);
        var bias = Tensor.of(b, out).requireGradient(true);
        var compared = some(rows);
        Elements forward = (row, column, sum) -> {
            sum.add(b[column], 1);
            for (int k = 0; k < in; k++) {
                sum.add(x[row * in + k], w[column * in + k]);
            }
        };
        try (var off = Gradients.off()) {
            compare("packed", Functional.linear(input, weight, bias, new PackedWeight()), compared, out, forward);
        }
        try (var late = WeightGradients.open()) {
            var y = Functional.linear(input, weight, bias);
            compare("forward", y, compared, out, forward);
            y.backward(Tensor.of(g, rows, out));
            late.compute();
        }
        compare("input gradient", input.gradient(), compared, in, (row, column, sum) -> {
            for (int j = 0; j < out; j++) {
                sum.add(g[row * out + j], w[j * in + column]);
            }
        });
        compare("weight gradient", weight.gradient(), some(out), in, (row, column, sum) -> {
            for (int i = 0; i < rows; i++) {
                sum.add(g[i * out + row], x[i * in + column]);
            }
        });
    }

    // ------------------------------------------------------------------------------------------------ convolutions

    /**
     * A convolution of {@code batch} images.
     *
     * @param in channels
     * @param out channels
     * @param side of the images
     */
    private record Convolution(int batch, int in, int out, int groups, int kernel, int stride, int padding, int side) {
        int positions() {
            return (side + 2 * padding - kernel) / stride + 1;
        }

        int depth() {
            return in / groups;
        }

        Tensor of(Tensor input, Tensor weight) {
            return Functional.conv2d(
                    input, weight, null, new long[] {stride, stride}, new long[] {padding, padding}, groups);
        }
    }

    /** The shapes of networks: pointwise, 3×3, stems, patches, depthwise and grouped, with channels of any number. */
    private Convolution drawn() {
        int batch = between(1, 3), in = between(1, 90), out = between(1, 90), side = between(5, 20);
        return switch (random.nextInt(8)) {
            case 0, 1 -> new Convolution(batch, in, out, 1, 1, 1, 0, side);
            case 2 -> new Convolution(batch, in, out, 1, 1, 2, 0, side);
            case 3 -> new Convolution(batch, in, out, 1, 3, between(1, 2), 1, side);
            case 4 -> new Convolution(batch, 3, out, 1, 7, 2, 3, side + 20);
            case 5 -> new Convolution(batch, between(1, 4), out, 1, 4, 4, 0, 4 * between(2, 8));
            case 6 ->
                new Convolution(batch, in, in, in, random.nextBoolean() ? 7 : 3, 1, random.nextBoolean() ? 3 : 1, side);
            default -> {
                int groups = between(2, 8);
                yield new Convolution(batch, groups * between(1, 20), groups * between(1, 20), groups, 3, 1, 1, side);
            }
        };
    }

    private void convolution() {
        var c = drawn();
        int positions = c.positions(), area = positions * positions, depth = c.depth(), width = c.out / c.groups;
        int pixels = c.side * c.side, window = c.kernel * c.kernel;
        name = c.toString();
        var x = values(c.batch * c.in * pixels);
        var w = values(c.out * depth * window);
        var g = values(c.batch * c.out * area);
        var input = Tensor.of(x, c.batch, c.in, c.side, c.side).requireGradient(true);
        var weight = Tensor.of(w, c.out, depth, c.kernel, c.kernel).requireGradient(true);
        Elements forward = (row, column, sum) -> {
            int image = row / c.out, channel = row % c.out;
            for (int d = 0; d < depth; d++) {
                int from = (image * c.in + channel / width * depth + d) * pixels, by = (channel * depth + d) * window;
                forEachTap(c, column, (pixel, tap) -> sum.add(x[from + pixel], w[by + tap]));
            }
        };
        try (var off = Gradients.off()) {
            compare("inference", c.of(input, weight), some(c.batch * c.out), area, forward);
        }
        var y = c.of(input, weight);
        compare("forward", y, some(c.batch * c.out), area, forward);
        y.backward(Tensor.of(g, y.shape()));
        compare("weight gradient", weight.gradient(), some(c.out), depth * window, (row, column, sum) -> {
            int d = column / window, ky = column % window / c.kernel, kx = column % c.kernel;
            for (int image = 0; image < c.batch; image++) {
                int from = (image * c.in + row / width * depth + d) * pixels, by = (image * c.out + row) * area;
                for (int at = 0; at < area; at++) {
                    int top = at / positions * c.stride - c.padding + ky,
                            left = at % positions * c.stride - c.padding + kx;
                    if (top >= 0 && top < c.side && left >= 0 && left < c.side) {
                        sum.add(x[from + top * c.side + left], g[by + at]);
                    }
                }
            }
        });
        compare("input gradient", input.gradient(), some(c.batch * c.in), pixels, (row, column, sum) -> {
            int image = row / c.in, channel = row % c.in, group = channel / depth;
            for (int o = group * width; o < (group + 1) * width; o++) {
                int by = (o * depth + channel % depth) * window, from = (image * c.out + o) * area;
                for (int ky = 0; ky < c.kernel; ky++) {
                    for (int kx = 0; kx < c.kernel; kx++) {
                        int top = column / c.side + c.padding - ky, left = column % c.side + c.padding - kx;
                        boolean hit = top >= 0 && left >= 0 && top % c.stride == 0 && left % c.stride == 0;
                        if (hit && top / c.stride < positions && left / c.stride < positions) {
                            int at = top / c.stride * positions + left / c.stride;
                            sum.add(g[from + at], w[by + ky * c.kernel + kx]);
                        }
                    }
                }
            }
        });
    }

    /** Visits pixels of a channel's window at a position, with the index in the kernel. */
    private static void forEachTap(Convolution c, int position, Tap tap) {
        int top = position / c.positions() * c.stride - c.padding,
                left = position % c.positions() * c.stride - c.padding;
        for (int ky = Math.max(0, -top); ky < c.kernel && top + ky < c.side; ky++) {
            for (int kx = Math.max(0, -left); kx < c.kernel && left + kx < c.side; kx++) {
                tap.at((top + ky) * c.side + left + kx, ky * c.kernel + kx);
            }
        }
    }

    private interface Tap {
        void at(int pixel, int tap);
    }

    // --------------------------------------------------------------------------------- attention and normalisation

    private void attention() {
        int heads = between(1, 4), tokens = between(1, 230), size = between(4, 70), count = heads * tokens * size;
        name = "attention of %d heads, %d tokens, size %d".formatted(heads, tokens, size);
        var q = values(count);
        var k = values(count);
        var v = values(count);
        double scale = 1 / Math.sqrt(size);
        var y = Functional.attention(
                Tensor.of(q, 1, heads, tokens, size),
                Tensor.of(k, 1, heads, tokens, size),
                Tensor.of(v, 1, heads, tokens, size),
                null,
                0,
                scale);
        var weights = new double[tokens];
        for (int row : some(heads * tokens)) {
            int head = row / tokens * tokens * size;
            double total = 0;
            for (int j = 0; j < tokens; j++) {
                double score = 0;
                for (int i = 0; i < size; i++) {
                    score += (double) q[row * size + i] * k[head + j * size + i];
                }
                weights[j] = Math.exp(scale * score);
                total += weights[j];
            }
            double sum = total;
            compare("forward", y, new int[] {row}, size, (same, column, value) -> {
                for (int j = 0; j < tokens; j++) {
                    value.add(weights[j] / sum, v[head + j * size + column]);
                }
            });
        }
    }

    private void layerNorm() {
        int rows = between(1, 200), width = between(3, 1200);
        name = "layer normalisation of %d × %d".formatted(rows, width);
        var x = values(rows * width);
        var y = Functional.layerNorm(Tensor.of(x, rows, width), null, null, 1e-6);
        compare("forward", y, some(rows), width, (row, column, value) -> {
            double mean = 0, square = 0;
            for (int i = 0; i < width; i++) {
                mean += x[row * width + i];
                square += (double) x[row * width + i] * x[row * width + i];
            }
            mean /= width;
            double std = Math.sqrt(square / width - mean * mean + 1e-6);
            value.add((x[row * width + column] - mean) / std, 1);
            value.allow(4 / std);
        });
    }

    // -------------------------------------------------------------------------------------------------- comparing

    /** Adds the terms of one element. */
    private interface Elements {
        void sum(int row, int column, Sum sum);
    }

    private static final class Sum {
        private double value;
        private double magnitude;

        void add(double a, double b) {
            value += a * b;
            magnitude += Math.abs(a * b);
        }

        /** Lets the element differ as if it had terms of that magnitude more. */
        void allow(double more) {
            magnitude += more;
        }
    }

    /** Compares some rows of a result that is {@code [rows, columns]} in memory. */
    private void compare(String part, Tensor result, int[] rows, int columns, Elements expected) {
        var found = result.detach().contiguous().reshape(-1, columns);
        for (int row : rows) {
            var values = found.narrow(0, row, 1).toFloats();
            for (int column = 0; column < columns; column++) {
                var sum = new Sum();
                expected.sum(row, column, sum);
                if (!(Math.abs(values[column] - sum.value) <= TOLERANCE * sum.magnitude + 1e-9)) {
                    failures.add("%s, %s, %d threads: %s instead of %s at row %d, column %d"
                            .formatted(name, part, threads, values[column], (float) sum.value, row, column));
                    return;
                }
            }
        }
    }
}
