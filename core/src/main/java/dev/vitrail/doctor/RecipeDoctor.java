package dev.vitrail.doctor;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.data.TypicalSize;
import dev.vitrail.train.TrainingPlan;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Collectors;

/**
 * Looks at a model, the options of a run and its data before anything is trained, and reports what cannot work and what
 * is known to fail. It reads sixteen images, twice, and the labels of all, and looks for copies only where there are at
 * most 100,000 images to train on, which takes a few seconds at most.
 */
public final class RecipeDoctor {
    private RecipeDoctor() {}

    /**
     * Examines a run that is about to begin.
     *
     * @return what was found, what cannot work first; empty if all is well
     */
    public static List<Diagnosis> examine(TrainingPlan plan) {
        var typical = TypicalSize.of(plan.data().train());
        var findings = new ArrayList<Diagnosis>();
        findings.addAll(ModelChecks.of(plan.model(), typical));
        findings.addAll(
                Statistics.of(plan.model(), plan.config().preprocessing().hasStatistics()));
        findings.addAll(OptionChecks.of(plan, typical));
        findings.addAll(DataChecks.of(plan));
        findings.sort(Comparator.comparing(Diagnosis::severity));
        return List.copyOf(findings);
    }

    /**
     * Passes on what is no reason to stop, or stops.
     *
     * @return the findings that do not refuse
     * @throws dev.vitrail.errors.VitrailException if one does, with its sentence and advice
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
