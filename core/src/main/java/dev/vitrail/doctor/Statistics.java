package dev.vitrail.doctor;

import dev.vitrail.images.Normalization;
import dev.vitrail.images.Preprocessing;
import dev.vitrail.loading.LoadedModel;
import dev.vitrail.models.zoo.Pretrained;
import dev.vitrail.weights.ModelFolder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Checks that images are normalized by the mean and std that the weights were trained with. */
final class Statistics {
    private Statistics() {}

    /**
     * @param stated whether mean or std are options of the run: what differs from the weights' is then warned
     * of, not refused
     */
    static List<Diagnosis> of(LoadedModel loaded, boolean stated) {
        if (!loaded.pretrained()) {
            return List.of();
        }
        var path = Path.of(loaded.name());
        if (Files.isRegularFile(path)) {
            return stated
                    ? List.of()
                    : ofBareFile(loaded.name(), loaded.variant().name(), loaded.preprocessing());
        }
        var tag = ModelFolder.looksLike(path)
                ? ModelFolder.read(path).config().pretrained().tag()
                : tagOf(loaded.name());
        return tag.flatMap(known -> Pretrained.find(loaded.variant().name() + "." + known))
                .map(published -> ofPublished(loaded.name(), published, loaded.preprocessing(), stated))
                .orElse(List.of());
    }

    private static Optional<String> tagOf(String name) {
        int dot = name.lastIndexOf('.');
        return dot < 0 ? Optional.empty() : Optional.of(name.substring(dot + 1));
    }

    /** Weights that say what they are are known to have been trained with certain statistics. */
    static List<Diagnosis> ofPublished(String name, Pretrained published, Preprocessing input, boolean stated) {
        var theirs = statistics(published);
        var ours = input.normalization();
        if (theirs.equals(ours) || theirs.channels() != ours.channels()) {
            return List.of();
        }
        var sentence =
                "the images would be normalised with mean %s and std %s, but %s (%s.%s) was trained with %s and %s"
                        .formatted(
                                ours.mean(),
                                ours.std(),
                                name,
                                published.variant(),
                                published.tag(),
                                theirs.mean(),
                                theirs.std());
        return List.of(
                stated
                        ? Diagnosis.warn(
                                "leave out mean and std (--mean, --std), to have the weights' own", "%s", sentence)
                        : Diagnosis.refuse("correct mean and std in its config.json", "%s", sentence));
    }

    /** A bare file says nothing, and the weights of an architecture do not all have the same statistics. */
    static List<Diagnosis> ofBareFile(String name, String variant, Preprocessing input) {
        Map<Normalization, List<String>> tags = new LinkedHashMap<>();
        for (var published : Pretrained.of(variant)) {
            tags.computeIfAbsent(statistics(published), key -> new ArrayList<>())
                    .add(published.tag());
        }
        var others = new ArrayList<String>();
        tags.forEach((statistics, names) -> {
            if (!statistics.equals(input.normalization())) {
                others.add("%s and %s (%s)".formatted(statistics.mean(), statistics.std(), String.join(", ", names)));
            }
        });
        return others.isEmpty() || input.channels() != 3
                ? List.of()
                : List.of(Diagnosis.warn(
                        "if these are such weights, put them in a folder with a config.json that says so",
                        "%s does not say its mean and std, so %s and %s are taken; other weights of %s were trained"
                                + " with %s",
                        name,
                        input.mean(),
                        input.std(),
                        variant,
                        String.join(", or ", others)));
    }

    private static Normalization statistics(Pretrained published) {
        return new Normalization(published.input().mean(), published.input().std());
    }
}
