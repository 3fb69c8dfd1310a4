package dev.vitrail.inspect;

import dev.vitrail.engine.DType;
import dev.vitrail.engine.Device;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Functional;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.Tensor;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.models.Model;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/** The probability of one image's class when cells of the image are removed: scores of maps, and occlusion. */
public final class CellRemoval {
    /** Most cells that {@link #occlusion} and scores at full resolution are worth. */
    public static final int MOST = 256;

    private static final int STEPS = 28;
    private static final int GROUPS = 10;
    private static final int BATCH = 32;

    private final Model model;
    private final Device device;
    private final float[] image;
    private final int channels, imageHeight, imageWidth;
    private final int target;
    private final int height, width;
    private final double whole;
    private final double empty;

    /**
     * Prepares an image.
     *
     * @param image {@code [1, C, H, W]}, normalized
     * @param target the class
     * @param height rows of cells
     * @param width columns of cells
     */
    public CellRemoval(Model model, Tensor image, int target, int height, int width) {
        VitrailException.require(image.size(0) == 1, "cells are removed from one image, found %d", image.size(0));
        this.model = model;
        device = image.device();
        this.image = image.toFloats();
        channels = (int) image.size(1);
        imageHeight = (int) image.size(2);
        imageWidth = (int) image.size(3);
        this.target = target;
        this.height = height;
        this.width = width;
        var all = new boolean[height * width];
        Arrays.fill(all, true);
        var ends = probabilities(List.of(new boolean[height * width], all));
        whole = ends[0];
        empty = ends[1];
    }

    /** n, cells of the image. */
    public int cells() {
        return height * width;
    }

    /** The probability with all cells. */
    public double whole() {
        return whole;
    }

    /** Scores a map of the image's cells. */
    public Faithfulness score(GridMap map) {
        VitrailException.require(
                map.height() == height && map.width() == width,
                "the map has %d×%d cells, and the image is cut into %d×%d: average the map to that grid",
                map.height(),
                map.width(),
                height,
                width);
        return score(map.order(), map.values());
    }

    /** The mean scores of random orders, against which every explanation has to be measured. */
    public Faithfulness random(int count, long seed) {
        var random = new SplittableRandom(seed);
        var scores = new ArrayList<Faithfulness>();
        for (int i = 0; i < count; i++) {
            var order = new int[cells()];
            for (int j = 0; j < order.length; j++) {
                int other = random.nextInt(j + 1);
                order[j] = order[other];
                order[other] = j;
            }
            scores.add(score(order));
        }
        return mean(scores);
    }

    /** Scores an order of cells; a cell's salience is its rank from the end. */
    Faithfulness score(int[] order) {
        var salience = new float[order.length];
        for (int i = 0; i < order.length; i++) {
            salience[order[i]] = order.length - i;
        }
        return score(order, salience);
    }

    static Faithfulness mean(List<Faithfulness> scores) {
        int steps = scores.get(0).deletion().length;
        var deletion = new float[steps];
        var insertion = new float[steps];
        double saco = 0;
        for (var score : scores) {
            for (int i = 0; i < steps; i++) {
                deletion[i] += score.deletion()[i] / scores.size();
                insertion[i] += score.insertion()[i] / scores.size();
            }
            saco += score.saco() / scores.size();
        }
        return new Faithfulness(deletion, insertion, saco);
    }

    private Faithfulness score(int[] order, float[] salience) {
        int n = order.length, steps = Math.min(n, STEPS), groups = Math.min(n, GROUPS);
        var masks = new ArrayList<boolean[]>();
        for (int i = 1; i < steps; i++) {
            masks.add(removed(order, 0, i * n / steps));
        }
        for (int i = 1; i < steps; i++) {
            masks.add(removed(order, i * n / steps, n));
        }
        var sums = new double[groups];
        for (int g = 0; g < groups; g++) {
            int from = g * n / groups, to = (g + 1) * n / groups;
            masks.add(removed(order, from, to));
            for (int i = from; i < to; i++) {
                sums[g] += salience[order[i]];
            }
        }
        var found = probabilities(masks);
        var deletion = new float[steps + 1];
        var insertion = new float[steps + 1];
        deletion[0] = (float) whole;
        deletion[steps] = (float) empty;
        insertion[0] = (float) empty;
        insertion[steps] = (float) whole;
        for (int i = 1; i < steps; i++) {
            deletion[i] = (float) found[i - 1];
            insertion[i] = (float) found[steps - 1 + i - 1];
        }
        var drops = new double[groups];
        for (int g = 0; g < groups; g++) {
            drops[g] = whole - found[2 * (steps - 1) + g];
        }
        return new Faithfulness(deletion, insertion, Faithfulness.saco(sums, drops));
    }

    /** {@code p − p(without cell i)} for every cell: an explanation of its own, at a forward pass for each cell. */
    public GridMap occlusion() {
        var masks = new ArrayList<boolean[]>();
        for (int i = 0; i < cells(); i++) {
            masks.add(removed(new int[] {i}, 0, 1));
        }
        var found = probabilities(masks);
        for (int i = 0; i < found.length; i++) {
            found[i] = whole - found[i];
        }
        return GridMap.of(height, width, found, 0);
    }

    private boolean[] removed(int[] order, int from, int to) {
        var mask = new boolean[height * width];
        for (int i = from; i < to; i++) {
            mask[order[i]] = true;
        }
        return mask;
    }

    /** The class's probability without the cells of each mask. */
    private double[] probabilities(List<boolean[]> masks) {
        var found = new double[masks.size()];
        for (int from = 0; from < masks.size(); from += BATCH) {
            int start = from, count = Math.min(BATCH, masks.size() - from);
            var pixels = new float[count * image.length];
            for (int i = 0; i < count; i++) {
                System.arraycopy(image, 0, pixels, i * image.length, image.length);
                remove(pixels, i * image.length, masks.get(from + i));
            }
            Frame.run(() -> {
                try (var off = Gradients.off()) {
                    var batch = Tensor.of(pixels, count, channels, imageHeight, imageWidth)
                            .to(device);
                    // In double precision, because a removal may change a probability near 1 by less than a float
                    // tells.
                    var probabilities = Functional.softmax(model.apply(batch).to(DType.F64), -1)
                            .select(1, target);
                    Pass.finite("the classifier", probabilities.toFloats());
                    var values = Cka.doubles(probabilities);
                    System.arraycopy(values, 0, found, start, count);
                }
            });
        }
        return found;
    }

    private void remove(float[] pixels, int at, boolean[] mask) {
        for (int cell = 0; cell < mask.length; cell++) {
            if (!mask[cell]) {
                continue;
            }
            var edges = GridMap.pixels(cell, height, width, imageHeight, imageWidth);
            for (int c = 0; c < channels; c++) {
                for (int row = edges[0]; row < edges[1]; row++) {
                    int start = at + (c * imageHeight + row) * imageWidth;
                    Arrays.fill(pixels, start + edges[2], start + edges[3], 0);
                }
            }
        }
    }
}
