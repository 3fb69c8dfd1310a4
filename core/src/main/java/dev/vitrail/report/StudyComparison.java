package dev.vitrail.report;

import dev.vitrail.data.Dataset;
import dev.vitrail.engine.Device;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.images.RgbImage;
import dev.vitrail.inspect.ExplanationOptions;
import dev.vitrail.inspect.Inspection;
import dev.vitrail.inspect.InspectionBuilder;
import dev.vitrail.inspect.Inspector;
import dev.vitrail.loading.LoadOptions;
import dev.vitrail.loading.LoadedModel;
import dev.vitrail.report.StudyRow.State;
import dev.vitrail.train.RunFolder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The winner of a study and its baseline: the model or recipe that the study's {@code baseline} names, by default the
 * first other one that it trains. Of several sizes of the training set the largest counts, and of several seeds the
 * first.
 *
 * @param winner the run with the best top-1 after the last epoch
 * @param baseline the run that it is compared with
 * @param choice what the baseline is to the study, in words
 */
record StudyComparison(StudyRow winner, StudyRow baseline, String choice) {
    private static final Logger LOG = LoggerFactory.getLogger(StudyComparison.class);

    /** Validation images that blocks are compared on, and of them those that are explained. */
    private static final int IMAGES = 32, EXPLAINED = 6;

    private static final int BATCH = 8;

    /** The two runs of a study; empty before two models have finished. */
    static Optional<StudyComparison> of(StudyResults results) {
        int most = results.sizes().get(results.sizes().size() - 1);
        var finished = results.in(State.FINISHED).stream()
                .filter(row -> row.images() == most)
                .toList();
        return finished.stream()
                .max(Comparator.comparingDouble(StudyComparison::top1))
                .flatMap(winner -> baseline(results, winner, others(finished, winner)));
    }

    private static double top1(StudyRow row) {
        return row.result().map(StudyRow.Result::top1).orElse(0.0);
    }

    private static List<StudyRow> others(List<StudyRow> finished, StudyRow winner) {
        return finished.stream()
                .filter(row ->
                        !row.model().equals(winner.model()) || !row.recipe().equals(winner.recipe()))
                .toList();
    }

    private static Optional<StudyComparison> baseline(StudyResults results, StudyRow winner, List<StudyRow> others) {
        if (results.baseline().isEmpty()) {
            return others.stream()
                    .findFirst()
                    .map(row -> new StudyComparison(winner, row, "the first other one that the study names"));
        }
        var name = results.baseline().get();
        if (is(winner, name)) {
            return others.stream()
                    .filter(row -> !is(row, name))
                    .max(Comparator.comparingDouble(StudyComparison::top1))
                    .map(row -> new StudyComparison(
                            winner, row, "the best of the others, as the study's baseline itself has won"));
        }
        // A model that several recipes trained is compared by the winner's, a recipe by the winner's model.
        return others.stream()
                .filter(row -> is(row, name))
                .min(Comparator.comparing((StudyRow row) ->
                        !row.recipe().equals(winner.recipe()) && !row.model().equals(winner.model())))
                .map(row -> new StudyComparison(winner, row, "the study's baseline"));
    }

    private static boolean is(StudyRow row, String name) {
        return row.model().equals(name) || row.recipe().equals(name);
    }

    private static Path model(StudyRow row) {
        return new RunFolder(row.folder()).last();
    }

    /**
     * Inspects the winner against the baseline on images of the validation set, those on which they disagree first.
     *
     * @param use what is made of the inspection while the models are loaded
     */
    <T> T inspect(Dataset validation, Device device, Function<Inspection, T> use) {
        var options = LoadOptions.DEFAULT.withDevice(device);
        try (var first = LoadedModel.load(model(winner).toString(), options);
                var second = LoadedModel.load(model(baseline).toString(), options)) {
            var inspector = Inspector.of(first);
            var other = Inspector.of(second);
            var builder = new InspectionBuilder(
                    inspector,
                    Optional.of(other),
                    InspectionBuilder.Request.DEFAULT.withExplanations(ExplanationOptions.DEFAULT.withoutScores()));
            var disagreeing = new ArrayList<Integer>();
            var agreeing = new ArrayList<Integer>();
            var chosen = sample(validation);
            for (int from = 0; from < chosen.size(); from += BATCH) {
                var images = readable(validation, chosen.subList(from, Math.min(chosen.size(), from + BATCH)));
                if (!images.isEmpty()) {
                    builder.measure(List.copyOf(images.values()));
                }
                images.forEach((index, image) -> (agree(inspector, other, image) ? agreeing : disagreeing).add(index));
            }
            Stream.concat(disagreeing.stream(), agreeing.stream())
                    .limit(EXPLAINED)
                    .forEach(index -> builder.explain(validation.name(index), validation.image(index)));
            return use.apply(builder.build(
                    "vitrail inspect --model %s --against %s IMAGES".formatted(model(winner), model(baseline))));
        }
    }

    private static List<Integer> sample(Dataset validation) {
        int count = Math.min(IMAGES, validation.size());
        return IntStream.range(0, count)
                .mapToObj(i -> (int) ((long) i * validation.size() / count))
                .toList();
    }

    /** Images by index; those that cannot be read are left out. */
    private static Map<Integer, RgbImage> readable(Dataset validation, List<Integer> indices) {
        var images = new LinkedHashMap<Integer, RgbImage>();
        for (int index : indices) {
            try {
                images.put(index, validation.image(index));
            } catch (VitrailException e) {
                LOG.debug("{} is not compared: {}", validation.name(index), e.getMessage());
            }
        }
        return images;
    }

    private static boolean agree(Inspector first, Inspector second, RgbImage image) {
        return Inspector.top(first.probabilities(image)) == Inspector.top(second.probabilities(image));
    }
}
