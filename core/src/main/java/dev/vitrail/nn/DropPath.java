package dev.vitrail.nn;

import dev.vitrail.engine.Device;
import dev.vitrail.engine.SharedBatch;
import dev.vitrail.engine.Tensor;
import java.util.Arrays;
import java.util.List;

/**
 * Stochastic depth: while training, a residual branch is dropped for a whole image with a given probability, and the
 * others are scaled up to keep the mean (Huang et al., 2016, arXiv:1603.09382).
 */
public final class DropPath extends Layer {
    private final double probability;

    public DropPath(double probability) {
        this.probability = probability;
    }

    /** The probabilities of {@code depth} blocks, rising linearly from 0 to {@code last}. */
    public static double[] linear(double last, int depth) {
        var rates = new double[depth];
        for (int i = 0; i < depth; i++) {
            rates[i] = depth == 1 ? 0 : last * i / (depth - 1);
        }
        return rates;
    }

    /**
     * The probabilities of blocks in stages, stage by stage, rising linearly over all blocks from 0 to {@code last}.
     */
    public static double[][] linear(double last, List<Integer> depths) {
        var rates = linear(last, depths.stream().mapToInt(Integer::intValue).sum());
        var stages = new double[depths.size()][];
        int first = 0;
        for (int i = 0; i < stages.length; i++) {
            stages[i] = Arrays.copyOfRange(rates, first, first + depths.get(i));
            first += depths.get(i);
        }
        return stages;
    }

    /** One probability for all blocks, as DeiT-III and CaiT have it. */
    public static double[] uniform(double probability, int depth) {
        var rates = new double[depth];
        Arrays.fill(rates, probability);
        return rates;
    }

    @Override
    protected Tensor forward(Tensor x) {
        if (!training() || probability == 0) {
            return x;
        }
        var shape = new long[x.dims()];
        Arrays.fill(shape, 1);
        shape[0] = x.size(0);
        double keep = 1 - probability;
        return keep(x, SharedBatch.bernoulli(keep, Device.CPU, shape).to(x.device()), keep);
    }

    /**
     * The images that are kept, scaled up by the probability with which they are.
     *
     * @param mask 1 for an image that is kept, else 0; one number an image, broadcast to {@code x}
     * @param probability of being kept; 1 scales nothing
     */
    public static Tensor keep(Tensor x, Tensor mask, double probability) {
        return x.times(probability > 0 ? mask.times(1 / probability) : mask);
    }
}
