package dev.vitrail.train.optim;

import dev.vitrail.engine.DType;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.Tensor;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.nn.Parameter;
import dev.vitrail.train.optim.OptimizerState.Part;
import dev.vitrail.train.optim.OptimizerState.Slot;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * Adafactor as vision transformers were scaled with it (Zhai et al., 2022, <a
 * href="https://arxiv.org/abs/2106.04560">arXiv:2106.04560</a>, section 3.4; Shazeer and Stern, 2018, <a
 * href="https://arxiv.org/abs/1804.04235">arXiv:1804.04235</a>): of a matrix's squared gradients only the means of rows
 * and of columns are kept, and the momentum takes half the bytes. Beside a matrix of n weights it keeps little more
 * than 2n bytes, where AdamW keeps 8n.
 *
 * <p>For a gradient g of a parameter w, at step t: β = min(cap, 1 − t^−decay); V ← βV + (1−β)(g² + eps); u = g/√V,
 * divided by max(1, RMS(u)/d) where there is a threshold d; m ← μm + (1−μ)u in BF16; w ← (1 − ηλ)w − ηm. For a matrix,
 * V = R·C / mean(R), where R and C are running means of g² + eps over the larger of its two largest sides, and over the
 * smaller.
 *
 * <p>Weight decay goes by the learning rate, as everywhere here; big_vision's does not, so its 10⁻⁴ at a rate of
 * 8·10⁻⁴, say, is 0.125 here. Learning rates relative to the weights' scale, which Shazeer and Stern add, are left out
 * as in big_vision. timm's port of it differs in two places where it departs from big_vision: it does not normalise R
 * when a weight's rows outnumber its columns, and its threshold never shortens an update.
 */
public final class Adafactor extends GroupOptimizer {
    /**
     * The numbers of Adafactor.
     *
     * @param decayRate power of the step's number by which the memory of the squares grows
     * @param beta2Cap most of that memory that a step keeps
     * @param momentum μ, how much of the momentum a step keeps; 0: there is none
     * @param clipThreshold d, largest root mean square of an update; empty: there is no limit
     * @param smallestFactored sides from which squares are kept by rows and columns alone
     * @param eps added to the squares
     */
    public record Settings(
            double decayRate,
            double beta2Cap,
            double momentum,
            OptionalDouble clipThreshold,
            long smallestFactored,
            double eps) {
        /** big_vision's. */
        public static final Settings DEFAULT = new Settings(0.8, 0.999, 0.9, OptionalDouble.empty(), 32, 1e-30);

        public Settings {
            VitrailException.require(
                    decayRate > 0 && beta2Cap >= 0 && beta2Cap < 1 && momentum >= 0 && momentum < 1 && eps > 0,
                    "Adafactor needs a positive decay rate and eps, and a cap and momentum in [0, 1), found"
                            + " %s, %s, %s and %s",
                    decayRate,
                    eps,
                    beta2Cap,
                    momentum);
            VitrailException.require(
                    clipThreshold.isEmpty() || clipThreshold.getAsDouble() > 0,
                    "Adafactor's clipping threshold must be positive, found %s",
                    clipThreshold.orElse(0));
            VitrailException.require(
                    smallestFactored > 0,
                    "the smallest side that is factored must be 1 or more, found %d",
                    smallestFactored);
        }
    }

    /**
     * The two largest dimensions of a weight, whose squares are kept by rows and columns.
     *
     * @param larger the one that the rows' means are taken over
     * @param smaller the one that the columns' means are taken over
     */
    private record Sides(int larger, int smaller) {
        static Optional<Sides> of(long[] shape, long smallest) {
            int larger = -1, smaller = -1;
            // Of equal sides the later one counts as larger, as a stable sort would have it.
            for (int i = 0; i < shape.length; i++) {
                if (larger < 0 || shape[i] >= shape[larger]) {
                    smaller = larger;
                    larger = i;
                } else if (smaller < 0 || shape[i] >= shape[smaller]) {
                    smaller = i;
                }
            }
            return smaller < 0 || shape[smaller] < smallest
                    ? Optional.empty()
                    : Optional.of(new Sides(larger, smaller));
        }
    }

    private final Settings settings;

    public Adafactor(List<ParameterGroup> groups, Settings settings) {
        super(groups, parameter -> parts(settings, parameter));
        this.settings = settings;
    }

    /** The counter, the momentum if there is one, then the squares, or their means over rows and over columns. */
    private static List<Part> parts(Settings settings, Parameter parameter) {
        var parts = new ArrayList<Part>();
        parts.add(Part.counter());
        if (settings.momentum > 0) {
            parts.add(new Part("exp_avg", DType.BF16, true, parameter.shape()));
        }
        Sides.of(parameter.shape(), settings.smallestFactored)
                .ifPresentOrElse(
                        sides -> {
                            parts.add(mean("exp_avg_sq_r", parameter, sides.larger));
                            parts.add(mean("exp_avg_sq_c", parameter, sides.smaller));
                        },
                        () -> parts.add(Part.like("exp_avg_sq", parameter)));
        return List.copyOf(parts);
    }

    private static Part mean(String name, Parameter parameter, int over) {
        var shape = parameter.shape();
        shape[over] = 1;
        return new Part(name, DType.F32, true, shape);
    }

    @Override
    void update(List<Slot> slots, double learningRate, double weightDecay) {
        try (var off = Gradients.off()) {
            slots.forEach(slot -> Frame.run(() -> update(slot, learningRate, weightDecay)));
        }
    }

    private void update(Slot slot, double learningRate, double weightDecay) {
        var value = slot.parameter().value();
        var gradient = value.gradient();
        double memory = Math.min(settings.beta2Cap, 1 - Math.pow(slot.count(0), -settings.decayRate));
        int squares = settings.momentum > 0 ? 2 : 1;
        var update = gradient.times(
                reciprocalRoot(slot.kept().subList(squares, slot.kept().size()), gradient, 1 - memory));
        if (settings.clipThreshold.isPresent()) {
            var meanSquare = update.times(update).mean().squareRoot();
            update = update.dividedBy(
                    meanSquare.times(1 / settings.clipThreshold.getAsDouble()).atLeast(1));
        }
        if (settings.momentum > 0) {
            var momentum = slot.kept().get(1);
            update = momentum.lerpInPlace(update.to(momentum.dtype()), 1 - settings.momentum)
                    .to(gradient.dtype());
        }
        if (weightDecay != 0) {
            value.timesInPlace(1 - learningRate * weightDecay);
        }
        value.plusInPlace(update, -learningRate);
    }

    /** Takes the squares of a gradient in with that weight; gives {@code 1/√V}, broadcast to the gradient. */
    private Tensor reciprocalRoot(List<Tensor> squares, Tensor gradient, double weight) {
        var square = gradient.times(gradient).plus(settings.eps);
        if (squares.size() == 1) {
            return squares.get(0).lerpInPlace(square, weight).power(-0.5);
        }
        var sides = Sides.of(gradient.shape(), settings.smallestFactored).orElseThrow();
        var rows = squares.get(0).lerpInPlace(square.mean(true, sides.larger), weight);
        var columns = squares.get(1).lerpInPlace(square.mean(true, sides.smaller), weight);
        var share = rows.dividedBy(rows.mean(true, sides.smaller));
        return share.power(-0.5).times(columns.power(-0.5));
    }
}
