package dev.vitrail.weights;

import dev.vitrail.engine.Device;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.Tensor;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.models.CheckpointFormat;
import dev.vitrail.models.Model;
import dev.vitrail.models.ModelConfig;
import dev.vitrail.models.ModelFamily;
import dev.vitrail.models.WeightResampler;
import dev.vitrail.nn.Parameter;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Puts stored tensors into a model: renames them from the format that they come in, and fits what differs only in size.
 *
 * <p>Loading is strict: tensors that are missing, that the model has no place for, or that cannot be made to fit are
 * all listed in one error, which also says what the file looks like instead. So are numbers that are not finite.
 */
public final class Checkpoint {
    /** Treatment of a checkpoint's classifier. */
    public enum Classifier {
        /** Load it, and refuse one of another number of classes. */
        STRICT,
        /** Load it if it has as many classes, and else start with a fresh one. */
        KEEP_IF_IT_FITS,
        /** Leave it out and start with a fresh one, as for other classes. */
        RESET
    }

    /**
     * Report of loading: all that it did besides copying.
     *
     * @param notes sentences for a person, such as that positions were resampled
     * @param fresh names of parameters that were not loaded and drew initial values
     * @param otherChannels for how many channels the checkpoint is, where it was fitted to another number
     */
    public record Report(List<String> notes, List<String> fresh, OptionalInt otherChannels) {}

    /** Classes of a model that is made to read a classifier's rows: as many as no layer has of anything else. */
    private static final int UNLIKELY = 104_729;

    private Checkpoint() {}

    /** Loads all parameters of a model, from a checkpoint of unknown image size. */
    public static Report load(Model model, ModelFamily family, StateDict state, Classifier classifier, Device device) {
        return load(model, family, state, Optional.empty(), classifier, device);
    }

    /**
     * Loads all parameters of a model.
     *
     * @param family the model's family, whose formats are understood
     * @param whole names as the model's own, or in one of these formats, or Google's Flax names, with or without a
     *     wrapper's prefix; tensors that follow from the configuration are passed over
     * @param source configuration of the model that the checkpoint is of, which tells how its positions lie; where it
     *     is not known, they lie as the model's own if there are as many, and else in a square
     * @param device where the parameters shall live
     */
    public static Report load(
            Model model,
            ModelFamily family,
            StateDict whole,
            Optional<ModelConfig> source,
            Classifier classifier,
            Device device) {
        var named = TransformersNames.inOurs(whole);
        var notes = new ArrayList<>(named.notes());
        TransformersNames.origin(named)
                .ifPresent(origin -> notes.add("names were translated from %s".formatted(origin)));
        var read = Read.of(model, family, named, notes);
        var state = read.state;
        if (state.averaged()) {
            notes.add("the averaged weights (EMA) of %s were loaded".formatted(state.origin()));
        }
        var fresh = new ArrayList<String>();
        var stored = read.stored;
        var missing = new ArrayList<String>();
        var misshapen = new ArrayList<String>();
        var notFinite = new NotFinite();
        // Flax's positions were fitted as they were read.
        var adaptation = new WeightResampler(model, FlaxVit.recognises(state, model) ? Optional.empty() : source);
        try (var frame = Frame.open();
                var off = Gradients.off()) {
            model.parameters().forEach((name, parameter) -> {
                var tensor = stored.remove(name);
                boolean fits = tensor != null && fits(tensor, parameter);
                if (isClassifier(model, name) && startsAfresh(classifier, fits)) {
                    parameter.initialise(device);
                    fresh.add(name);
                    return;
                }
                if (tensor == null) {
                    if (!name.endsWith(".num_batches_tracked")) {
                        missing.add(name);
                    } else {
                        parameter.initialise(device);
                    }
                    return;
                }
                Frame.run(() -> assign(adaptation, name, parameter, tensor, device, misshapen, notFinite));
            });
        }
        // A classifier that the model does without, as a feature extractor does, is no fault.
        stored.keySet().removeIf(name -> model.config().classes() == 0 && isClassifier(model, name));
        if (missing.isEmpty()) {
            leaveOut(model, classifier, stored, read.outside, notes);
        }
        if (!missing.isEmpty() || !stored.isEmpty() || !misshapen.isEmpty()) {
            throw new VitrailException(
                    MismatchReport.sentence(state, model, family, missing, stored.keySet(), misshapen));
        }
        notFinite.requireNone(state.origin());
        notes.addAll(adaptation.notes());
        MismatchReport.ofAnotherPatch(state, model, family).ifPresent(notes::add);
        if (!fresh.isEmpty()) {
            notes.add("the classifier starts afresh with %d classes"
                    .formatted(model.config().classes()));
        }
        return new Report(List.copyOf(notes), List.copyOf(fresh), adaptation.otherChannels());
    }

    /**
     * Number of classes of a checkpoint's classifier.
     *
     * @param config of models that it might be of, whatever their classes
     * @return 0 where the checkpoint has all but a classifier; empty where the rest does not fit either, so that
     *     nothing can be said
     */
    public static OptionalInt classes(ModelFamily family, ModelConfig config, StateDict whole) {
        try (var model = config.withClasses(UNLIKELY).create()) {
            if (FlaxVit.recognises(whole, model)) {
                return flaxClasses(whole, model);
            }
            var read = Read.of(model, family, TransformersNames.inOurs(whole), new ArrayList<>());
            boolean complete = model.parameters().keySet().stream()
                    .allMatch(name -> isClassifier(model, name)
                            || name.endsWith(".num_batches_tracked")
                            || read.stored.containsKey(name));
            var rows = Heads.rows(model, read.stored);
            return complete || rows.orElse(0) > 0 ? rows : OptionalInt.empty();
        }
    }

    /**
     * Number of classes of a classifier in Google's layout by shapes alone, as translating the layout copies every
     * number.
     */
    private static OptionalInt flaxClasses(StateDict state, Model model) {
        var shapes = FlaxVit.shapes(state, model);
        var head = shapes.get("head.weight");
        if (head != null) {
            return head.length == 2 && head[1] == model.width() && head[0] < Integer.MAX_VALUE
                    ? OptionalInt.of((int) head[0])
                    : OptionalInt.empty();
        }
        boolean complete = model.parameters().keySet().stream()
                .allMatch(name -> isClassifier(model, name) || shapes.containsKey(name));
        return complete ? OptionalInt.of(0) : OptionalInt.empty();
    }

    /**
     * A checkpoint by a model's names.
     *
     * @param state the checkpoint without prefixes and without what follows from the configuration
     * @param stored its tensors by the model's names, as far as they are known; to be changed
     * @param outside names of what may be left out
     */
    private record Read(StateDict state, Map<String, StoredTensor> stored, Set<String> outside) {
        static Read of(Model model, ModelFamily family, StateDict whole, List<String> notes) {
            var unwrapped = Wrappers.takenOff(model, family, whole.without(family::derives));
            notes.addAll(unwrapped.notes());
            var state = unwrapped.state().without(family::derives);
            var stored = translate(model, family, state, notes);
            Heads.adopt(model, stored, notes);
            return new Read(state, stored, unwrapped.outside());
        }
    }

    /** Takes out what stands above the model's features where that is not asked for, and what stood beside a prefix. */
    private static void leaveOut(
            Model model,
            Classifier classifier,
            Map<String, StoredTensor> stored,
            Set<String> outside,
            List<String> notes) {
        var above = new ArrayList<>(Heads.above(model, stored));
        // The classifier that is asked for must be there; what is left beside it is a decoder at most.
        if (classifier == Classifier.STRICT && model.config().classes() > 0) {
            above.removeIf(name -> !Heads.isDecoder(name.replaceFirst("\\..*", "")));
        }
        stored.keySet().stream().filter(outside::contains).forEach(above::add);
        if (!above.isEmpty()) {
            stored.keySet().removeAll(Set.copyOf(above));
            notes.add("what the checkpoint has besides was left out: %s".formatted(Wrappers.some(Heads.words(above))));
        }
    }

    private static Map<String, StoredTensor> translate(
            Model model, ModelFamily family, StateDict state, List<String> notes) {
        if (FlaxVit.recognises(state, model)) {
            notes.add("names and layouts were translated from Google's Flax checkpoint");
            return FlaxVit.translate(state, model);
        }
        var format = format(model, family, state);
        if (format == null) {
            return new LinkedHashMap<>(state.tensors());
        }
        notes.add("names were translated from %s".formatted(format.name()));
        return state.translated(format);
    }

    /** The format of a state dict; null for the model's own names. */
    static @Nullable CheckpointFormat format(Model model, ModelFamily family, StateDict state) {
        if (state.names().containsAll(model.parameters().keySet())) {
            return null;
        }
        return family.formats().stream()
                .filter(format -> format.recognises().test(state.names()))
                .findFirst()
                .orElse(null);
    }

    /**
     * Our name for a tensor of a checkpoint; empty if it has no counterpart here, or is several of our tensors on end.
     */
    public static Optional<String> ourName(ModelFamily family, Model model, StateDict state, String theirs) {
        if (family.derives(theirs)) {
            return Optional.empty();
        }
        var format = format(model, family, state);
        if (format == null) {
            return Optional.of(theirs);
        }
        return format.split().apply(theirs).isEmpty() ? format.rename().apply(theirs) : Optional.empty();
    }

    static boolean isClassifier(Model model, String name) {
        return model.isClassifier(name);
    }

    private static boolean startsAfresh(Classifier classifier, boolean fits) {
        return classifier == Classifier.RESET || (classifier == Classifier.KEEP_IF_IT_FITS && !fits);
    }

    private static boolean fits(StoredTensor tensor, Parameter parameter) {
        return Arrays.equals(squeezed(tensor.shape()), squeezed(parameter.shape()));
    }

    private static long[] squeezed(long[] shape) {
        return Arrays.stream(shape).filter(side -> side != 1).toArray();
    }

    private static void assign(
            WeightResampler adaptation,
            String name,
            Parameter parameter,
            StoredTensor stored,
            Device device,
            List<String> misshapen,
            NotFinite notFinite) {
        var values = notFinite.copy(name, stored, parameter.value().dtype());
        stored.discardPages();
        values = fits(stored, parameter) ? values.reshape(parameter.shape()) : values;
        adaptation
                .fit(name, values, parameter.shape())
                .ifPresentOrElse(
                        fitted -> parameter.assign(fitted.contiguous().to(device)),
                        () -> misshapen.add("%s is %s, expected %s"
                                .formatted(name, Arrays.toString(stored.shape()), Arrays.toString(parameter.shape()))));
    }

    /** The present values of a model's parameters and buffers, as they would be stored. */
    public static StateDict of(Model model) {
        var tensors = model.parameters().entrySet().stream()
                .map(entry -> stored(entry.getKey(), entry.getValue().value()))
                .collect(Collectors.toList());
        return new StateDict(tensors, Map.of("format", "pt"), "a model");
    }

    private static StoredTensor stored(String name, Tensor value) {
        var bytes = ByteBuffer.wrap(value.toBytes());
        return new StoredTensor(name, value.dtype(), value.shape(), bytes);
    }
}
