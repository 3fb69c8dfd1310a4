package dev.vitrail.weights;

import dev.vitrail.engine.Tensor;
import dev.vitrail.models.Model;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/** Fits tensors of a checkpoint that differ from the model's in size alone. */
final class Adaptation {
    /** Side of the largest patch that is resampled, pixels. */
    private static final int LARGEST_PATCH = 64;

    private Adaptation() {}

    /**
     * The values in the wanted shape, by the rules of the model's family or, for the first convolution, of channels.
     *
     * @param notes receives a sentence about what was done
     */
    static Optional<Tensor> fit(Model model, String name, Tensor values, long[] wanted, List<String> notes) {
        if (name.equals(model.stem() + ".weight") && values.dims() == 4 && wanted.length == 4) {
            long from = values.size(1), to = wanted[1];
            if (from != to && values.size(0) == wanted[0]) {
                notes.add("%s was fitted from %d to %d input channels".formatted(name, from, to));
                values = channels(values, to);
            }
            if (Arrays.equals(values.shape(), wanted)) {
                return Optional.of(values);
            }
        }
        if (!differsInSizeAlone(values, wanted)) {
            return Optional.empty();
        }
        var fitted = model.resample(name, values, wanted).filter(result -> Arrays.equals(result.shape(), wanted));
        if (fitted.isPresent()) {
            notes.add("%s was resampled from %s to %s".formatted(name, describe(values.shape()), describe(wanted)));
        }
        return fitted;
    }

    /**
     * Whether a family need be asked at all: a kernel keeps its outputs, and is of a size that a patch can have, as resampling it
     * takes the fourth power of its side in memory.
     */
    private static boolean differsInSizeAlone(Tensor values, long[] wanted) {
        return values.dims() == wanted.length
                && (values.dims() != 4
                        || (values.size(0) == wanted[0]
                                && values.size(2) <= LARGEST_PATCH
                                && values.size(3) <= LARGEST_PATCH));
    }

    private static String describe(long[] shape) {
        return Arrays.toString(shape).replace(" ", "");
    }

    /**
     * The first convolution for another number of channels, as timm does it: for one channel the sum over all; for more, the
     * kernels repeated in turn and scaled so that an image of equal channels gives the same.
     */
    private static Tensor channels(Tensor weight, long to) {
        long from = weight.size(1);
        if (to == 1) {
            return weight.sum(true, 1);
        }
        long repeats = (to + from - 1) / from;
        return weight.repeat(1, repeats, 1, 1).narrow(1, 0, to).times((double) from / to);
    }
}
