package dev.vitrail.parity;

import static dev.vitrail.parity.InspectParity.flat;

import dev.vitrail.engine.Tensor;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.images.Preprocessing;
import dev.vitrail.images.decode.ImageDecoder;
import dev.vitrail.inspect.AttentionDistance;
import dev.vitrail.inspect.CellRemoval;
import dev.vitrail.inspect.ChannelHealth;
import dev.vitrail.inspect.Cka;
import dev.vitrail.inspect.CkaOptions;
import dev.vitrail.inspect.ClassActivationMap;
import dev.vitrail.inspect.ClassAttention;
import dev.vitrail.inspect.Faithfulness;
import dev.vitrail.inspect.Filters;
import dev.vitrail.inspect.GradCam;
import dev.vitrail.inspect.GridMap;
import dev.vitrail.inspect.LayerScales;
import dev.vitrail.inspect.LogitLens;
import dev.vitrail.inspect.ModelLayout;
import dev.vitrail.inspect.PositionBias;
import dev.vitrail.inspect.PositionSimilarity;
import dev.vitrail.inspect.Relevance;
import dev.vitrail.inspect.Rollout;
import dev.vitrail.inspect.RolloutOptions;
import dev.vitrail.inspect.TokenNorms;
import dev.vitrail.models.Model;
import dev.vitrail.parity.InspectParity.Comparison;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/**
 * All figures of one model against a case's, in the order of computation, so that the first complaint names the first
 * that diverges.
 */
final class InspectFigures {
    private final GoldenCase golden;
    private final Comparison comparison;
    private final Model model;
    private final Optional<Preprocessing> preprocessing;

    InspectFigures(GoldenCase golden, Comparison comparison, Model model, Optional<Preprocessing> preprocessing) {
        this.preprocessing = preprocessing;
        this.golden = golden;
        this.comparison = comparison;
        this.model = model;
    }

    void run(Optional<Tensor> input) {
        weights();
        input.ifPresent(images -> {
            var layout = ModelLayout.of(model, (int) images.size(2), (int) images.size(3));
            InspectParity.quietly(
                    () -> comparison.check("logits", model.apply(images).toFloats()));
            attention(layout, images);
            rollout(images);
            if (golden.has("classes")) {
                classes(layout, images);
            }
            depths(layout, images);
            if (golden.has("faith/order")) {
                faithfulness(images);
            }
            if (golden.has("faith/random/orders")) {
                photo(layout, images);
            }
        });
        InspectParity.quietly(this::similarity);
        if (golden.json().has("image_files")) {
            photos();
        }
    }

    private void weights() {
        if (golden.has("filters/pca")) {
            var filters = Filters.of(model);
            comparison.check("filters/variance", filters.variance());
            var gaps = golden.json().path("filters").path("relative_gap");
            var expected = golden.floats("filters/pca");
            int size = filters.components()[0].length;
            for (int i = 0; i < filters.components().length; i++) {
                var theirs = Arrays.copyOfRange(expected, i * size, (i + 1) * size);
                var ours = filters.components()[i].clone();
                if (dot(ours, theirs) < 0) {
                    for (int c = 0; c < size; c++) {
                        ours[c] = -ours[c];
                    }
                }
                double gap = gaps.path(i).asDouble(1);
                comparison.check("filters/pca component " + i, ours, theirs, Math.max(1, 1e-3 / gap));
            }
        }
        PositionSimilarity.of(model).ifPresent(figure -> comparison.check("positions/similarity", figure.similarity()));
        var biases = PositionBias.of(model);
        for (int i = 0; i < biases.size(); i++) {
            comparison.check("bias/" + i, maps(biases.get(i).heads()));
        }
        var scales = new ArrayList<float[]>();
        LayerScales.of(model)
                .forEach(scale ->
                        scales.add(new float[] {(float) scale.mean(), (float) scale.min(), (float) scale.max()}));
        comparison.check("layer_scale", flat(scales.toArray(float[][]::new)));
    }

    private static double dot(float[] a, float[] b) {
        double sum = 0;
        for (int i = 0; i < a.length; i++) {
            sum += (double) a[i] * b[i];
        }
        return sum;
    }

    private void attention(ModelLayout layout, Tensor images) {
        var names = layout.attention().stream()
                .map(ModelLayout.AttentionLayer::name)
                .toList();
        InspectParity.quietly(() -> {
            var outputs = model.observe(images, names.toArray(String[]::new)).outputs();
            int i = 0;
            for (var layer : layout.attention()) {
                var key = layer.scope() == ModelLayout.Scope.POOL ? "attention/pool" : "attention/" + i++;
                var weights = outputs.get(layer.name());
                if (weights != null && layer.scope() != ModelLayout.Scope.CLASS) {
                    comparison.check(key, weights.toFloats());
                }
            }
        });
        var distances = AttentionDistance.of(model, images);
        int skipped = layout.tokenStages().size();
        for (int i = skipped; i < distances.get(0).size(); i++) {
            int layer = i;
            comparison.check("distance/" + (i - skipped), each(distances, d -> d.get(layer)
                    .distance()));
            comparison.check("distance_renormalised/" + (i - skipped), each(distances, d -> d.get(layer)
                    .renormalized()));
        }
        var seen = ClassAttention.of(model, images);
        int layers = seen.get(0).size();
        for (int i = 0; i < layers; i++) {
            int layer = i;
            var key =
                    "class_attention/" + (layout.classAttention() ? String.valueOf(i) : i == layers - 1 ? "last" : "-");
            comparison.check(key, each(seen, image -> maps(image.get(layer).heads())));
        }
        if (golden.has("class_mask/last")) {
            comparison.exact(
                    "class_mask/last",
                    each(
                            seen,
                            image -> maps(image.get(layers - 1).heads().stream()
                                    .map(head -> ClassAttention.mask(head, ClassAttention.DINO))
                                    .toList())));
        }
    }

    private void rollout(Tensor images) {
        for (var fusion : Rollout.Fusion.values()) {
            var key = "rollout/" + fusion.name().toLowerCase(java.util.Locale.ROOT);
            if (golden.has(key)) {
                comparison.check(key, maps(Rollout.of(model, images, new RolloutOptions(fusion, 0))));
            }
        }
        for (double share : new double[] {0.5, 0.9}) {
            var key = "rollout/mean_discard" + (share == 0.5 ? "" : "_" + share);
            if (golden.has(key)) {
                comparison.check(key, maps(Rollout.of(model, images, new RolloutOptions(Rollout.Fusion.MEAN, share))));
            }
        }
    }

    private void classes(ModelLayout layout, Tensor images) {
        int B = (int) images.size(0);
        var classes = golden.tensor("classes").toLongs();
        if (golden.has("relevance")) {
            comparison.check("relevance", ofClasses(B, classes, c -> Relevance.of(model, images, c)));
        }
        golden.json().path("maps").fields().forEachRemaining(entry -> {
            var key = entry.getKey();
            if (key.equals("cam")) {
                comparison.check(key, ofClasses(B, classes, c -> ClassActivationMap.of(model, images, c)));
            } else {
                var layer = key.equals("gradcam/last") || !layout.query().token()
                        ? key.equals("gradcam/last") ? layout.lastBlock() : layout.lastBlock() + ".norm1"
                        : GradCam.layer(layout);
                comparison.check(key, ofClasses(B, classes, c -> GradCam.of(model, images, c, layer)));
            }
        });
        if (golden.has("lens/patches")) {
            var first = LogitLens.patches(model, images, column(classes, B, 0));
            var second = LogitLens.patches(model, images, column(classes, B, 1));
            var all = new ArrayList<GridMap>();
            for (int depth = 0; depth < first.get(0).size(); depth++) {
                for (int b = 0; b < B; b++) {
                    all.add(first.get(b).get(depth));
                    all.add(second.get(b).get(depth));
                }
            }
            comparison.check("lens/patches", maps(all));
        }
    }

    private static int[] column(long[] classes, int images, int column) {
        var found = new int[images];
        for (int b = 0; b < images; b++) {
            found[b] = (int) classes[b * 2 + column];
        }
        return found;
    }

    private static float[] ofClasses(int images, long[] classes, Function<int[], List<GridMap>> figure) {
        var first = figure.apply(column(classes, images, 0));
        var second = figure.apply(column(classes, images, 1));
        var all = new ArrayList<GridMap>();
        for (int b = 0; b < images; b++) {
            all.add(first.get(b));
            all.add(second.get(b));
        }
        return maps(all);
    }

    private void depths(ModelLayout layout, Tensor images) {
        if (golden.has("lens/logits")) {
            var lenses = LogitLens.of(model, images);
            int depths = lenses.get(0).logits().length;
            var rows = new ArrayList<float[]>();
            for (int depth = 0; depth < depths; depth++) {
                for (var lens : lenses) {
                    rows.add(lens.logits()[depth]);
                }
            }
            comparison.check("lens/logits", flat(rows.toArray(float[][]::new)));
        }
        if (golden.has("tokens/norm")) {
            var norms = TokenNorms.of(model, images);
            comparison.check("tokens/norm", byDepth(norms, TokenNorms::norms));
            comparison.exact("tokens/outliers", byDepth(norms, block -> new float[] {block.outliers()}));
        }
        if (golden.has("features/counts")) {
            comparison.exact("features/counts", byDepth(ChannelHealth.of(model, images, 0), block ->
                    new float[] {block.dead(), block.flat(), block.large()}));
        }
    }

    private void similarity() {
        if (!golden.has("cka/images")) {
            return;
        }
        var images = InspectParity.normalized(golden.tensor("cka/images"));
        similarity(images, "cka/unit_tokens", CkaOptions.DEFAULT, 8);
        similarity(images, "cka/unbiased", CkaOptions.RAW, 8);
        similarity(images, "cka/biased", CkaOptions.BIASED, 8);
        similarity(images, "cka/minibatch", CkaOptions.RAW, 4);
    }

    private void similarity(Tensor images, String key, CkaOptions options, int batch) {
        if (golden.has(key)) {
            var cka = new Cka.Accumulator(model, options);
            for (long from = 0; from < images.size(0); from += batch) {
                var part = images.narrow(0, from, Math.min(batch, images.size(0) - from));
                cka.add(part, part);
            }
            comparison.check(key, flat(cka.result().values()));
        }
    }

    /** The scores of a stored map. */
    private void faithfulness(Tensor images) {
        var key = golden.json().path("faith").path("map").asText();
        var shape = golden.tensors().get(key).shape();
        int B = (int) images.size(0), height = (int) shape[shape.length - 2], width = (int) shape[shape.length - 1];
        var stored = golden.floats(key);
        var classes = golden.tensor("classes").toLongs();
        int perImage = stored.length / B;
        var orders = new ArrayList<float[]>();
        var scores = new ArrayList<Faithfulness>();
        var occlusions = new ArrayList<GridMap>();
        for (int b = 0; b < B; b++) {
            var map =
                    new GridMap(height, width, Arrays.copyOfRange(stored, b * perImage, b * perImage + height * width));
            var removal = new CellRemoval(model, images.narrow(0, b, 1), (int) classes[2 * b], height, width);
            orders.add(floats(map.order()));
            scores.add(removal.score(map));
            occlusions.add(removal.occlusion());
        }
        comparison.exact("faith/order", flat(orders.toArray(float[][]::new)));
        comparison.check("faith/deletion", each(scores, Faithfulness::deletion));
        comparison.check("faith/insertion", each(scores, Faithfulness::insertion));
        comparison.check("faith/deletion_auc", each(scores, s -> new float[] {(float) s.deletionArea()}));
        comparison.check("faith/insertion_auc", each(scores, s -> new float[] {(float) s.insertionArea()}));
        comparison.check("faith/saco", each(scores, s -> new float[] {(float) s.saco()}));
        comparison.check("faith/occlusion", maps(occlusions));
    }

    /** All explanations of one photo, scored. */
    private void photo(ModelLayout layout, Tensor images) {
        var classes = column(golden.tensor("classes").toLongs(), 1, 0);
        var removal = new CellRemoval(model, images, classes[0], layout.gridHeight(), layout.gridWidth());
        var seen = ClassAttention.of(model, images).get(0);
        scored(
                "rollout",
                removal.score(Rollout.of(model, images, RolloutOptions.DEFAULT).get(0)));
        scored(
                "rollout_discard_0.9",
                removal.score(Rollout.of(model, images, new RolloutOptions(Rollout.Fusion.MEAN, 0.9))
                        .get(0)));
        scored("relevance", removal.score(Relevance.of(model, images, classes).get(0)));
        scored(
                "gradcam",
                removal.score(GradCam.of(model, images, classes, GradCam.layer(layout))
                        .get(0)));
        scored("last_attention", removal.score(seen.get(seen.size() - 1).mean()));
        var occlusion = removal.occlusion();
        comparison.check("faith/occlusion", occlusion.values());
        scored("occlusion", removal.score(occlusion));
    }

    /** Areas and SaCo within ±0.002: an order of nearly equal cells may differ in single precision. */
    private void scored(String method, Faithfulness found) {
        var expected = golden.json().path("faithfulness").path(method);
        var figures = new double[] {found.deletionArea(), found.insertionArea(), found.saco()};
        for (int i = 0; i < figures.length; i++) {
            double difference = Math.abs(figures[i] - expected.path(i).asDouble());
            comparison.outcome().figure("faithfulness_error", difference);
            if (difference > 0.002) {
                comparison
                        .outcome()
                        .fail("the %s of '%s' is %.4f, expected %.4f"
                                .formatted(
                                        golden.json()
                                                .path("faithfulness")
                                                .path("columns")
                                                .path(i)
                                                .asText(),
                                        method,
                                        figures[i],
                                        expected.path(i).asDouble()));
            }
        }
    }

    /** Means over photos of the data folder. */
    private void photos() {
        var config = model.config();
        var images = new ArrayList<Tensor>();
        var wanted = preprocessing.orElseThrow(
                () -> VitrailException.of("the case names images, and a model case has no preprocessing for them"));
        InspectParity.quietly(() -> {
            golden.json().path("image_files").forEach(file -> {
                var image = ImageDecoder.decode(InspectParity.data(golden, file.asText()));
                var pixels = new float[wanted.values()];
                wanted.toFloats(image, pixels, 0);
                images.add(Tensor.of(pixels, 1, 3, config.imageHeight(), config.imageWidth()));
            });
            var all = Tensor.cat(0, images);
            var distances = AttentionDistance.of(model, all);
            var means = new ArrayList<float[]>();
            var renormalized = new ArrayList<float[]>();
            for (int layer = 0; layer < distances.get(0).size(); layer++) {
                int at = layer;
                var mean = AttentionDistance.mean(
                        distances.stream().map(image -> image.get(at)).toList());
                means.add(mean.distance());
                renormalized.add(mean.renormalized());
            }
            comparison.check("distance", flat(means.toArray(float[][]::new)));
            comparison.check("distance_renormalised", flat(renormalized.toArray(float[][]::new)));
            int n = (int) all.size(0);
            similarity(all, "cka/unit_tokens", CkaOptions.DEFAULT, n);
            similarity(all, "cka/unbiased", CkaOptions.RAW, n);
            similarity(all, "cka/biased", CkaOptions.BIASED, n);
            similarity(all, "cka/minibatch_8", CkaOptions.RAW, 8);
        });
    }

    private static float[] floats(int[] values) {
        var floats = new float[values.length];
        for (int i = 0; i < values.length; i++) {
            floats[i] = values[i];
        }
        return floats;
    }

    private static <T> float[] each(List<T> figures, Function<T, float[]> values) {
        return flat(figures.stream().map(values).toArray(float[][]::new));
    }

    /** Values by depth, then by image. */
    private static <T> float[] byDepth(List<List<T>> images, Function<T, float[]> values) {
        var rows = new ArrayList<float[]>();
        for (int depth = 0; depth < images.get(0).size(); depth++) {
            for (var image : images) {
                rows.add(values.apply(image.get(depth)));
            }
        }
        return flat(rows.toArray(float[][]::new));
    }

    private static float[] maps(List<GridMap> maps) {
        return each(maps, GridMap::values);
    }
}
