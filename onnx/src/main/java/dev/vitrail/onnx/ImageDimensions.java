package dev.vitrail.onnx;

import dev.vitrail.onnx.GraphBuilder.Attribute;
import dev.vitrail.onnx.Recordings.Step;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Lengths that follow from the batch, height and width of the images when the graph runs. */
final class ImageDimensions {
    private static final int[] VARYING = {0, 2, 3};

    private final Recordings recordings;
    private final GraphBuilder onnx;
    private final String images;
    private final Map<Extent, String> known = new HashMap<>();

    /** @param images name of the value {@code [B, C, H, W]} whose dimensions are meant */
    ImageDimensions(Recordings recordings, GraphBuilder onnx, String images) {
        this.recordings = recordings;
        this.onnx = onnx;
        this.images = images;
    }

    /**
     * The shape operand of a Reshape.
     *
     * @param before lengths of what is reshaped
     * @param after lengths that are wanted
     */
    String target(Step step, Extent[] before, Extent[] after) {
        var lengths = new long[after.length];
        var open = new ArrayList<Integer>();
        for (int i = 0; i < after.length; i++) {
            if (after[i].isFixed()) {
                lengths[i] = after[i].value();
            } else if (i < before.length && after[i].equals(before[i])) {
                lengths[i] = 0; // copied
            } else {
                open.add(i);
            }
        }
        if (open.size() > 1) {
            return vector(step, List.of(after));
        }
        open.forEach(i -> lengths[i] = -1);
        return onnx.integers(lengths);
    }

    /** Lengths in one dimension, as a Reshape, Expand, Tile or Resize takes them. */
    String vector(Step step, List<Extent> lengths) {
        if (lengths.stream().allMatch(Extent::isFixed)) {
            return onnx.integers(lengths.stream().mapToLong(Extent::value).toArray());
        }
        var parts = lengths.stream()
                .map(length -> length.isFixed() ? onnx.integers(length.value()) : length(step, length))
                .toList();
        return parts.size() == 1 ? parts.get(0) : onnx.add("Concat", parts, Attribute.of("axis", 0L));
    }

    /** A length as a multiple or fraction of one of the images' dimensions. */
    private String length(Step step, Extent length) {
        var found = known.get(length);
        if (found == null) {
            found = derive(step, length);
            known.put(length, found);
        }
        return found;
    }

    private String derive(Step step, Extent length) {
        var shape = recordings.shape(recordings.input());
        for (int dim : VARYING) {
            long a = length.value(), b = shape[dim].value();
            if (!shape[dim].isFixed() && follows(length, shape[dim], a, b)) {
                long common = commonDivisor(a, b);
                var x = onnx.add(
                        "Shape",
                        List.of(images),
                        Attribute.of("start", (long) dim),
                        Attribute.of("end", (long) dim + 1));
                x = a == common ? x : onnx.add("Mul", List.of(x, onnx.integers(a / common)));
                return b == common ? x : onnx.add("Div", List.of(x, onnx.integers(b / common)));
            }
        }
        throw recordings.notExpressible(step, length);
    }

    /** Returns whether {@code length · b = side · a} in every recording. */
    private static boolean follows(Extent length, Extent side, long a, long b) {
        long[] lengths = length.values(), sides = side.values();
        for (int i = 0; i < lengths.length; i++) {
            if (lengths[i] * b != sides[i] * a) {
                return false;
            }
        }
        return true;
    }

    private static long commonDivisor(long a, long b) {
        return b == 0 ? a : commonDivisor(b, a % b);
    }

    @Override
    public String toString() {
        return images + Arrays.toString(recordings.shape(recordings.input()));
    }
}
