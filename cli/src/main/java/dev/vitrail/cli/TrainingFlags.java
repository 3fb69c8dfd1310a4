package dev.vitrail.cli;

import dev.vitrail.train.TrainingConfigFile;
import dev.vitrail.train.TrainingOption;
import dev.vitrail.train.TrainingOptions;
import dev.vitrail.train.TrainingOverrides;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.IModelTransformer;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/**
 * Adds the flags of {@code train} that set training options; each takes text, values and errors from the option
 * that it sets.
 */
final class TrainingFlags implements IModelTransformer {
    /**
     * A flag of the command line.
     *
     * @param label of its value in the help
     */
    private record Flag<T>(String name, String label, TrainingOption<T> option) {
        OptionSpec spec() {
            var meaning = option.meaning();
            var builder = OptionSpec.builder(name)
                    .description(meaning.substring(0, 1).toUpperCase(Locale.ROOT) + meaning.substring(1) + ".");
            return option.isFlag()
                    ? builder.arity("0").type(Boolean.class).negatable(true).build()
                    : builder.arity("1")
                            .paramLabel(label)
                            .type(Object.class)
                            .converters(text -> option.parse(text))
                            .build();
        }

        @SuppressWarnings(
                "unchecked") // the converter gives values of the option's type, or a Boolean where that is a flag
        TrainingOverrides addTo(TrainingOverrides named, CommandSpec spec) {
            return Optional.<@Nullable Object>ofNullable(spec.findOption(name).getValue())
                    .map(value -> named.with(option, (T) value))
                    .orElse(named);
        }
    }

    /** {@code --set}, for the options that have no flag. */
    private static final String SET = "--set";

    private static final List<Flag<?>> FLAGS = List.of(
            new Flag<>("--data", "D", TrainingOptions.DATA),
            new Flag<>("--labels", "FILE", TrainingOptions.LABELS),
            new Flag<>("--model", "M", TrainingOptions.MODEL),
            new Flag<>("--arch", "NAME", TrainingOptions.ARCHITECTURE),
            new Flag<>("--size", "PIXELS", TrainingOptions.IMAGE_SIZE),
            new Flag<>("--epochs", "N", TrainingOptions.EPOCHS),
            new Flag<>("--batch", "N", TrainingOptions.BATCH_SIZE),
            new Flag<>("--lr", "RATE", TrainingOptions.LEARNING_RATE),
            new Flag<>("--freeze", "", TrainingOptions.FREEZE_BACKBONE),
            new Flag<>("--seed", "N", TrainingOptions.SEED),
            new Flag<>("--on-nan", "ACTION", TrainingOptions.ON_NAN),
            new Flag<>("--exif", "", TrainingOptions.EXIF),
            new Flag<>("--max-pixels", "N", TrainingOptions.MAX_PIXELS),
            new Flag<>("--sixteen-bit", "MODE", TrainingOptions.SIXTEEN_BIT),
            new Flag<>("--mean", "R,G,B", TrainingOptions.MEAN),
            new Flag<>("--std", "R,G,B", TrainingOptions.STD),
            new Flag<>("--crop", "FRACTION", TrainingOptions.CROP_PCT),
            new Flag<>("--interpolation", "NAME", TrainingOptions.EVAL_INTERPOLATION));

    @Override
    public CommandSpec transform(CommandSpec spec) {
        FLAGS.forEach(flag -> spec.addOption(flag.spec()));
        return spec.addOption(OptionSpec.builder(SET)
                .arity("1")
                .paramLabel("KEY=VALUE")
                .type(List.class)
                .auxiliaryTypes(String.class)
                .description("Set a training option (see 'vitrail recipes --options'); repeatable.")
                .build());
    }

    /** The options that a command line names: those of flags, then those of {@code --set}. */
    static TrainingOverrides read(CommandSpec spec) {
        var named = TrainingOverrides.NONE;
        for (var flag : FLAGS) {
            named = flag.addTo(named, spec);
        }
        Collection<String> settings = Optional.<@Nullable Collection<String>>ofNullable(
                        spec.findOption(SET).getValue())
                .orElse(List.of());
        for (var setting : settings) {
            named = named.with(TrainingConfigFile.assignment(setting));
        }
        return named;
    }
}
