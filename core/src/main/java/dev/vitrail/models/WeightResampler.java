package dev.vitrail.models;

import dev.vitrail.engine.Device;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.Tensor;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.nn.Parameter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/**
 * Fits values that come from a model of another image size, patch, window or number of channels, and tells what it did.
 */
public final class WeightResampler {
    /** Side of the largest patch that is resampled, pixels. */
    private static final int LARGEST_PATCH = 64;

    /** Most channels of an image that nobody has described: satellites' have a dozen, and a network's features more. */
    private static final int MOST_CHANNELS = 16;

    private final Model model;
    private final Optional<ModelConfig> source;
    private final List<String> notes = new ArrayList<>();
    private final Map<String, List<String>> resampled = new LinkedHashMap<>();
    private OptionalInt channels = OptionalInt.empty();

    /**
     * @param model whose parameters the values are for
     * @param source configuration of the model that they come from, where that is known
     */
    public WeightResampler(Model model, Optional<ModelConfig> source) {
        this.model = model;
        this.source = source;
    }

    /**
     * A model of another configuration of the same family that takes over a model's parameters, which is closed.
     *
     * @throws VitrailException if they cannot be fitted; then the model stays as it was
     */
    static Resized change(Model from, ModelConfig config) {
        var to = config.create();
        var adaptation = new WeightResampler(to, Optional.of(from.config()));
        try (var frame = Frame.open();
                var off = Gradients.off()) {
            var parameters = from.parameters();
            to.parameters().forEach((name, parameter) -> {
                var before = parameters.get(name);
                Frame.run(() -> adaptation.take(name, parameter, before));
            });
        } catch (RuntimeException e) {
            to.close();
            throw e;
        }
        to.train(from.training());
        from.close();
        return new Resized(to, adaptation.notes());
    }

    private void take(String name, Parameter parameter, @Nullable Parameter before) {
        if (before == null) {
            throw unchangeable(name, "a model of that size has it besides");
        }
        var values = fit(name, before.value(), parameter.shape())
                .orElseThrow(() -> unchangeable(
                        name, "%s cannot be made %s".formatted(describe(before.shape()), describe(parameter.shape()))));
        if (!values.device().equals(Device.META)) {
            parameter.assign(values.contiguous().to(before.value().device()));
        }
        parameter.setTrainable(before.isTrainable());
    }

    private VitrailException unchangeable(String name, String why) {
        var from = source.orElseGet(model::config);
        var to = model.config();
        return VitrailException.of(
                "a model for %d×%d pixels of %d channels cannot become one for %d×%d of %d: of its %s, %s; keep the"
                        + " size, or train a new model of the other",
                from.imageHeight(),
                from.imageWidth(),
                from.channels(),
                to.imageHeight(),
                to.imageWidth(),
                to.channels(),
                name,
                why);
    }

    /**
     * The values as the model wants them, by the rules of its family or, for the first convolution, of channels.
     *
     * @return empty if they cannot be made to fit
     */
    public Optional<Tensor> fit(String name, Tensor values, long[] wanted) {
        if (values.device().equals(Device.META)) {
            return Optional.of(Tensor.empty(values.dtype(), Device.META, wanted));
        }
        if (Arrays.equals(values.shape(), wanted)) {
            // Grids of 4×8 and of 8×4 patches have tables of one shape.
            return Optional.of(
                    values.dims() < 4 ? resampled(name, values, wanted).orElse(values) : values);
        }
        if (name.equals(model.firstConv() + ".weight") && values.dims() == 4 && wanted.length == 4) {
            if (values.size(1) != wanted[1] && values.size(0) == wanted[0] && seesImages(values.size(1))) {
                notes.add("%s was fitted from %d to %d input channels".formatted(name, values.size(1), wanted[1]));
                channels = OptionalInt.of((int) values.size(1));
                values = Channels.fit(values, wanted[1]);
            }
            if (Arrays.equals(values.shape(), wanted)) {
                return Optional.of(values);
            }
        }
        return differsInSizeAlone(values, wanted) ? resampled(name, values, wanted) : Optional.empty();
    }

    /** Returns whether a first layer for that many channels may see images, and not another layer's features. */
    public static boolean isImage(long channels) {
        return channels <= MOST_CHANNELS;
    }

    private boolean seesImages(long channels) {
        return isImage(channels) || source.filter(c -> c.channels() == channels).isPresent();
    }

    private Optional<Tensor> resampled(String name, Tensor values, long[] wanted) {
        var fitted =
                model.resample(name, values, wanted, source).filter(result -> Arrays.equals(result.shape(), wanted));
        if (fitted.isPresent() && wanted.length == 2 && name.equals(model.firstConv() + ".weight")) {
            long pixels = wanted[1] / model.config().channels();
            var seen = (int) (values.size(-1) / pixels);
            channels = seen == model.config().channels() ? channels : OptionalInt.of(seen);
        }
        if (fitted.isPresent() && fitted.get() != values) {
            resampled
                    .computeIfAbsent(name.substring(name.lastIndexOf('.') + 1), leaf -> new ArrayList<>())
                    .add("%s from %s to %s".formatted(name, describe(values.shape()), describe(wanted)));
        }
        return fitted;
    }

    /**
     * Returns whether a family need be asked at all: a kernel keeps its outputs, and is of a size that a patch can
     * have, as resampling it takes the fourth power of its side in memory.
     */
    private static boolean differsInSizeAlone(Tensor values, long[] wanted) {
        return values.dims() == wanted.length
                && (values.dims() != 4
                        || (values.size(0) == wanted[0]
                                && values.size(2) <= LARGEST_PATCH
                                && values.size(3) <= LARGEST_PATCH));
    }

    /** Number of channels that the values were for, if it is not the model's. */
    public OptionalInt otherChannels() {
        return channels;
    }

    /** Changes that were made, as sentences; tensors of one name in many layers share one. */
    public List<String> notes() {
        var all = new ArrayList<>(notes);
        resampled.forEach((leaf, each) -> all.add(
                each.size() == 1
                        ? each.get(0).replaceFirst(" from ", " was resampled from ")
                        : "%d tensors %s were resampled, the first of them %s"
                                .formatted(each.size(), leaf, each.get(0))));
        return List.copyOf(all);
    }

    private static String describe(long[] shape) {
        return Arrays.toString(shape).replace(" ", "");
    }
}
