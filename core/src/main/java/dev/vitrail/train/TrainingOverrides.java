package dev.vitrail.train;

import static dev.vitrail.train.TrainingOptions.EPOCHS;
import static dev.vitrail.train.TrainingOptions.MIN_LEARNING_RATE;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Options that are named over those of a recipe or a run, such as by the flags of a command; in the order in which they
 * were named.
 */
public final class TrainingOverrides {
    public static final TrainingOverrides NONE = new TrainingOverrides(Map.of());

    private final Map<TrainingOption<?>, Object> values;

    private TrainingOverrides(Map<TrainingOption<?>, Object> values) {
        this.values = values;
    }

    /**
     * These and one more; a later value of an option replaces an earlier one.
     *
     * @throws dev.vitrail.errors.VitrailException if the option cannot have this value
     */
    public <T> TrainingOverrides with(TrainingOption<T> option, T value) {
        var more = new LinkedHashMap<>(values);
        more.put(option, option.checked(value));
        return new TrainingOverrides(Collections.unmodifiableMap(more));
    }

    /** These and others, whose values replace those of the same options. */
    public TrainingOverrides with(TrainingOverrides others) {
        var more = new LinkedHashMap<>(values);
        more.putAll(others.values);
        return new TrainingOverrides(Collections.unmodifiableMap(more));
    }

    /** The value that is named for an option. */
    @SuppressWarnings("unchecked") // `with` puts values in, and only such as belong to their option
    public <T> Optional<T> get(TrainingOption<T> option) {
        return Optional.ofNullable((T) values.get(option));
    }

    /** The values as YAML has them on one line, by the options' names. */
    public Map<String, String> texts() {
        var texts = new LinkedHashMap<String, String>();
        values.keySet().forEach(option -> texts.put(option.name(), text(option)));
        return texts;
    }

    private <T> String text(TrainingOption<T> option) {
        return option.shown(get(option).orElseThrow());
    }

    /**
     * A configuration with these options. With another number of epochs, warm-up and cool-down keep their share of the
     * run ({@link TrainingConfig#withEpochs}); the minimum learning rate is lowered to the peak. What is named itself
     * stays as it is named.
     */
    public TrainingConfig applyTo(TrainingConfig start) {
        var config = get(EPOCHS).map(start::withEpochs).orElse(start);
        for (var option : values.keySet()) {
            config = applied(config, option);
        }
        return get(MIN_LEARNING_RATE).isPresent() ? config : config.withMinLearningRateBelowPeak();
    }

    private <T> TrainingConfig applied(TrainingConfig config, TrainingOption<T> option) {
        return config.with(option, get(option).orElseThrow());
    }
}
