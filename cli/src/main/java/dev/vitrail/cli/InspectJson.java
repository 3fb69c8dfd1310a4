package dev.vitrail.cli;

import dev.vitrail.inspect.AttentionDistance;
import dev.vitrail.inspect.Behavior;
import dev.vitrail.inspect.Cka;
import dev.vitrail.inspect.Explanation;
import dev.vitrail.inspect.Faithfulness;
import dev.vitrail.inspect.Figure;
import dev.vitrail.inspect.Filters;
import dev.vitrail.inspect.Inspection;
import dev.vitrail.inspect.LayerScales;
import dev.vitrail.inspect.TokenNorms;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The JSON object of an inspection. */
final class InspectJson {
    private InspectJson() {}

    /** An object with these names and values, in this order. */
    private static Map<String, Object> object(Object... namesAndValues) {
        var object = new LinkedHashMap<String, Object>();
        for (int i = 0; i < namesAndValues.length; i += 2) {
            object.put((String) namesAndValues[i], namesAndValues[i + 1]);
        }
        return object;
    }

    static Map<String, Object> of(Inspection inspection) {
        var inspector = inspection.inspector();
        var object = object(
                "model",
                inspector.loaded().name(),
                "blocks",
                inspector.model().blocks(),
                "figures",
                Arrays.stream(Figure.values())
                        .filter(inspection.chosen()::contains)
                        .map(figure -> figure(inspection, figure))
                        .toList(),
                "images",
                inspection.photos().stream().map(InspectJson::photo).toList());
        weights(inspection, object);
        inspection.against().ifPresent(other -> object.put("against", other));
        inspection.behavior().ifPresent(behavior -> put(object, behavior));
        return object;
    }

    private static void weights(Inspection inspection, Map<String, Object> object) {
        var model = inspection.inspector().model();
        if (inspection.has(Figure.FILTERS)) {
            object.put("explained_variance", Filters.of(model).variance());
        }
        if (inspection.has(Figure.LAYER_SCALE)) {
            object.put(
                    "layer_scale",
                    LayerScales.of(model).stream()
                            .map(scale -> object(
                                    "parameter",
                                    scale.parameter(),
                                    "mean",
                                    scale.mean(),
                                    "min",
                                    scale.min(),
                                    "max",
                                    scale.max()))
                            .toList());
        }
    }

    private static Map<String, Object> figure(Inspection inspection, Figure figure) {
        var reason = inspection.inspector().reason(figure);
        var object = object("name", figure.key(), "letter", figure.letter(), "applies", reason.isEmpty());
        reason.ifPresent(text -> object.put("reason", text));
        if (reason.isEmpty()) {
            InspectTables.file(figure).ifPresent(file -> object.put("file", file));
        }
        return object;
    }

    private static void put(Map<String, Object> object, Behavior behavior) {
        object.put("measured_images", behavior.images());
        object.put(
                "distance",
                behavior.distances().stream().map(AttentionDistance::distance).toList());
        object.put(
                "distance_renormalized",
                behavior.distances().stream()
                        .map(AttentionDistance::renormalized)
                        .toList());
        object.put(
                "entropy",
                behavior.distances().stream().map(AttentionDistance::entropy).toList());
        object.put(
                "prefix_share",
                behavior.distances().stream()
                        .map(AttentionDistance::prefixShare)
                        .toList());
        object.put("outlier_share", List.copyOf(behavior.outlierShares().values()));
        object.put("outlier_attention", behavior.outlierAttention());
        object.put(
                "dead",
                behavior.channels().stream().map(Behavior.Channels::dead).toList());
        object.put(
                "flat",
                behavior.channels().stream().map(Behavior.Channels::flat).toList());
        object.put(
                "large",
                behavior.channels().stream().map(Behavior.Channels::large).toList());
        behavior.similarity().ifPresent(cka -> object.put("cka", matrix(cka)));
        behavior.similarityToOther().ifPresent(cka -> object.put("cka_against", matrix(cka)));
        object.put("verdict", behavior.verdict());
    }

    /** JSON knows no NaN: what is undefined is null. */
    private static List<List<Float>> matrix(Cka cka) {
        var rows = new ArrayList<List<Float>>();
        for (var row : cka.values()) {
            var values = new ArrayList<Float>();
            for (float value : row) {
                values.add(Float.isNaN(value) ? null : value);
            }
            rows.add(values);
        }
        return rows;
    }

    private static Map<String, Object> photo(Inspection.Photo photo) {
        var first = photo.explanations().get(0);
        var explanations = new ArrayList<Object>();
        first.methods()
                .forEach(method ->
                        explanations.add(score(method.name(), method.score().orElse(null))));
        first.random().ifPresent(random -> explanations.add(score("random", random)));
        var others = photo.explanations().stream()
                .skip(1)
                .map(other ->
                        object("class", other.target(), "label", other.label(), "probability", other.probability()))
                .toList();
        var object = object(
                "image",
                photo.name(),
                "class",
                first.target(),
                "label",
                first.label(),
                "probability",
                first.probability());
        object.put("other_classes", others);
        first.lens().ifPresent(lens -> {
            object.put("lens_depths", lens.depths());
            object.put("lens_top1", lens.top1());
            object.put("lens_decided", lens.decided());
        });
        object.put("explanations", explanations);
        first.best().map(Explanation.Method::name).ifPresent(best -> object.put("best", best));
        object.put("finding", first.sentence());
        if (!first.norms().isEmpty()) {
            object.put(
                    "outliers", first.norms().stream().map(TokenNorms::outliers).toList());
        }
        if (!photo.layers().features().isEmpty()) {
            object.put(
                    "channels",
                    photo.layers().features().stream()
                            .map(block -> object(
                                    "block",
                                    block.block(),
                                    "dead",
                                    block.dead(),
                                    "flat",
                                    block.flat(),
                                    "large",
                                    block.large(),
                                    "all",
                                    block.states().length))
                            .toList());
        }
        photo.other()
                .ifPresent(other -> object.put(
                        "against",
                        object(
                                "label",
                                other.label(),
                                "probability",
                                other.probability(),
                                "correlation",
                                other.correlation())));
        return object;
    }

    private static Map<String, Object> score(String method, @Nullable Faithfulness score) {
        var object = object("method", method);
        if (score != null) {
            object.put("deletion", score.deletionArea());
            object.put("insertion", score.insertionArea());
            object.put("saco", score.saco());
            object.put("deletion_curve", score.deletion());
            object.put("insertion_curve", score.insertion());
        }
        return object;
    }
}
