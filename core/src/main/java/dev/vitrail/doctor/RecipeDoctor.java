package dev.vitrail.doctor;

import static dev.vitrail.VitrailException.require;

import dev.vitrail.LoadedModel;
import dev.vitrail.data.PictureSize;
import dev.vitrail.data.TrainAndValidation;
import dev.vitrail.train.TrainingConfig;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Collectors;

/**
 * Looks at a model, the options of a run and its data before anything is trained, and says what cannot work and what is known to fail.
 * It reads sixteen pictures, twice, and the labels of all, and looks for copies only where there are at most 100,000 images to train on, which
 * takes a few seconds at most.
 */
public final class RecipeDoctor {
    private RecipeDoctor() {}

    /**
     * Examines a run that is about to begin.
     *
     * @param config checked already by itself
     * @param loaded the model as it is to be trained
     * @return what was found, what cannot work first; empty if all is well
     */
    public static List<Diagnosis> examine(TrainingConfig config, LoadedModel loaded, TrainAndValidation sets) {
        var pictures = PictureSize.of(sets.train());
        var findings = new ArrayList<Diagnosis>();
        findings.addAll(ModelChecks.of(loaded, pictures));
        findings.addAll(Statistics.of(loaded, config.preprocessing().hasStatistics()));
        findings.addAll(OptionChecks.of(
                config,
                loaded.pretrained(),
                sets.train().size(),
                sets.train().classes().size(),
                pictures));
        findings.addAll(DataChecks.of(config, loaded.pretrained(), sets));
        findings.sort(Comparator.comparing(Diagnosis::severity));
        return List.copyOf(findings);
    }

    /**
     * Passes on what is no reason to stop, or stops.
     *
     * @return the findings that do not refuse
     * @throws dev.vitrail.VitrailException if one does, with its sentence and advice
     */
    public static List<Diagnosis> requireNoRefusal(List<Diagnosis> findings) {
        var refused = findings.stream()
                .filter(finding -> finding.severity() == Diagnosis.Severity.REFUSE)
                .map(Diagnosis::toString)
                .collect(Collectors.joining("; besides, "));
        require(refused.isEmpty(), "%s (the doctor's checks can be left out: --no-doctor)", refused);
        return findings.stream()
                .filter(finding -> finding.severity() != Diagnosis.Severity.REFUSE)
                .toList();
    }
}
