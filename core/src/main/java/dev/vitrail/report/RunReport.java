package dev.vitrail.report;

import dev.vitrail.data.Dataset;
import dev.vitrail.data.TrainAndValidation;
import dev.vitrail.engine.Device;
import dev.vitrail.eval.Evaluation;
import dev.vitrail.files.AtomicFile;
import dev.vitrail.train.EpochSummary;
import dev.vitrail.train.RunFolder;
import dev.vitrail.train.TrainingListener;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Keeps what a person looks at in the folder of a run: {@code index.html}, {@code curves.png} and
 * {@code evaluation.json}. All are written anew after every epoch, each as a whole, so that a run that is killed leaves
 * those of the epoch before.
 */
public final class RunReport implements TrainingListener {
    private final RunFolder folder;
    private final List<String> data;
    private final Dataset validation;
    private final Device device;
    private final Map<Integer, Optional<Thumbnail>> thumbnails = new HashMap<>();
    private Map<Integer, MistakeMaps.Why> reasons = Map.of();
    /** The epoch whose mistakes {@link #reasons} explains; 0 before the first. */
    private int explained;

    /**
     * @param sets what the run trains on and is judged by
     * @param device where the model of the best epoch is run to explain its mistakes
     */
    public RunReport(RunFolder folder, TrainAndValidation sets, Device device) {
        this.folder = folder;
        this.device = device;
        data = List.of(
                "Trained on " + sets.train().describe(),
                "Validated on " + sets.validation().describe());
        validation = sets.validation();
    }

    /** File of the validation results of the best epoch so far. */
    private Path evaluation() {
        return folder.path().resolve("evaluation.json");
    }

    @Override
    public void epochEnded(EpochSummary summary, Evaluation found, boolean best) {
        var run = RunRecord.read(folder.path());
        if (best || !Files.exists(evaluation())) {
            SavedEvaluation.of(summary.epoch(), found, validation).write(evaluation());
        }
        var saved = SavedEvaluation.read(evaluation());
        explain(run, saved);
        var page = new RunPage(
                run,
                data,
                new EvaluationSections(saved, this::thumbnail, index -> Optional.ofNullable(reasons.get(index))));
        AtomicFile.write(folder.path().resolve("index.html"), page.html());
        CurvesImage.write(run, folder.path().resolve("curves.png"));
    }

    /** Explains the mistakes of the best epoch, once; those of another epoch are not that model's. */
    private void explain(RunRecord run, SavedEvaluation saved) {
        if (explained != saved.epoch()) {
            reasons = run.best().epoch() == saved.epoch()
                    ? MistakeMaps.of(
                            folder.best(),
                            device,
                            validation,
                            saved.evaluation().mistakes())
                    : Map.of();
            explained = saved.epoch();
        }
    }

    private Optional<Thumbnail> thumbnail(int index) {
        return thumbnails.computeIfAbsent(index, place -> Thumbnail.of(validation, place));
    }
}
