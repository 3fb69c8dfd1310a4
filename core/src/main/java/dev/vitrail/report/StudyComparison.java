package dev.vitrail.report;

import dev.vitrail.data.Dataset;
import dev.vitrail.engine.Device;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.images.RgbImage;
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
 * The winner of a study and its baseline: the first other model that the study names. Of several sizes of the training set the largest
 * counts, and of several seeds the first.
 *
 * @param winner the run with the best top-1 after the last epoch
 * @param baseline the run that it is compared with
 */
record StudyComparison(StudyRow winner, StudyRow baseline) {
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
                .max(Comparator.comparingDouble(
                        row -> row.result().map(StudyRow.Result::top1).orElse(0.0)))
                .flatMap(winner -> finished.stream()
                        .filter(row -> !row.model().equals(winner.model())
                                || !row.recipe().equals(winner.recipe()))
                        .findFirst()
                        .map(baseline -> new StudyComparison(winner, baseline)));
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
                    InspectionBuilder.Request.DEFAULT.withExplanations(Inspector.Options.DEFAULT.withoutScores()));
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
