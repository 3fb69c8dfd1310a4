package dev.vitrail.train;

import static dev.vitrail.train.TrainingOptions.ARCHITECTURE;
import static dev.vitrail.train.TrainingOptions.CHECKPOINT_EVERY;
import static dev.vitrail.train.TrainingOptions.DATA;
import static dev.vitrail.train.TrainingOptions.EPOCHS;
import static dev.vitrail.train.TrainingOptions.IMAGE_CACHE;
import static dev.vitrail.train.TrainingOptions.LABELS;
import static dev.vitrail.train.TrainingOptions.MODEL;
import static dev.vitrail.train.TrainingOptions.ON_NAN;
import static dev.vitrail.train.TrainingOptions.SAVE_MINUTES;

import dev.vitrail.errors.VitrailException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/** Options that are named for a run that is resumed, held against those of the run that is to go on. */
public final class ResumedOptions {
    /** Options that a run may go on with at other values, as what it learns does not depend on them. */
    private static final List<TrainingOption<?>> FREE = List.of(SAVE_MINUTES, IMAGE_CACHE, CHECKPOINT_EVERY);

    private final RunFolder folder;
    private final RunFolder pretraining;

    /** @param pretraining the folder of the run before it without labels, where there is one */
    public ResumedOptions(RunFolder folder, RunFolder pretraining) {
        this.folder = folder;
        this.pretraining = pretraining;
    }

    /**
     * Refuses options that are not those of the run; such as it does not depend on are written to its {@code
     * config.yaml}.
     *
     * @param request what is named
     * @param pretrain epochs of pre-training, if they are named
     * @throws VitrailException if an option has another value than the run's
     */
    public void require(TrainingRequest request, OptionalInt pretrain) {
        if (!Files.exists(folder.config())) {
            return; // there is no run, which is told when it is opened
        }
        var begun = TrainingConfigFile.read(folder.config());
        var before = Files.exists(pretraining.config())
                ? Optional.of(TrainingConfigFile.read(pretraining.config()))
                : Optional.<TrainingConfig>empty();
        var asked = before.map(first -> begun.with(MODEL, first.get(MODEL)).with(ARCHITECTURE, first.get(ARCHITECTURE)))
                .orElse(begun);
        var named = request.over(asked);
        var others = new ArrayList<String>();
        var epochs = before.map(first -> first.get(EPOCHS).toString()).orElse("none");
        if (pretrain.isPresent() && !epochs.equals(Integer.toString(pretrain.getAsInt()))) {
            others.add("pretrain %d (the run's: %s)".formatted(pretrain.getAsInt(), epochs));
        }
        TrainingOptions.ALL.stream()
                .filter(option -> differs(option, named, asked) && !isFree(option, named))
                .forEach(option -> others.add("%s %s (the run's: %s)"
                        .formatted(
                                option.name(),
                                TrainingConfigFile.value(named, option),
                                TrainingConfigFile.value(asked, option))));
        VitrailException.require(
                others.isEmpty(),
                "%s is resumed with its own options, but others are named: %s; leave them out, or begin another run",
                folder.path(),
                String.join(", ", others));
        takeOver(named, begun, folder);
        before.ifPresent(first -> takeOver(named, first, pretraining));
    }

    /** Returns whether an option has two values; one place may be written in two ways. */
    private static boolean differs(TrainingOption<?> option, TrainingConfig named, TrainingConfig begun) {
        if (option == DATA || option == LABELS || option == MODEL) {
            return !place(TrainingConfigFile.value(named, option))
                    .equals(place(TrainingConfigFile.value(begun, option)));
        }
        return !named.get(option).equals(begun.get(option));
    }

    private static Path place(String name) {
        return Path.of(name).toAbsolutePath().normalize();
    }

    /** A run that stops at a step that is not finite has left none out so far, and may do so from here on. */
    private static boolean isFree(TrainingOption<?> option, TrainingConfig named) {
        return FREE.contains(option) || option == ON_NAN && named.get(ON_NAN) == Trainer.OnNan.SKIP;
    }

    private static void takeOver(TrainingConfig named, TrainingConfig begun, RunFolder folder) {
        var config = begun;
        for (var option : TrainingOptions.ALL) {
            config = isFree(option, named) ? taken(config, option, named) : config;
        }
        if (!config.equals(begun)) {
            TrainingConfigFile.write(folder.config(), config);
        }
    }

    private static <T> TrainingConfig taken(TrainingConfig config, TrainingOption<T> option, TrainingConfig from) {
        return config.with(option, from.get(option));
    }
}
