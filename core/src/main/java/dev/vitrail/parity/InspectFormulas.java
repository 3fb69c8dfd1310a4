package dev.vitrail.parity;

import static dev.vitrail.parity.InspectParity.flat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.vitrail.inspect.AttentionDistance;
import dev.vitrail.inspect.CellView;
import dev.vitrail.inspect.ChannelHealth;
import dev.vitrail.inspect.Cka;
import dev.vitrail.inspect.ClassAttention;
import dev.vitrail.inspect.Faithfulness;
import dev.vitrail.inspect.Filters;
import dev.vitrail.inspect.GradCam;
import dev.vitrail.inspect.GridMap;
import dev.vitrail.inspect.LayerMatrix;
import dev.vitrail.inspect.ModelLayout;
import dev.vitrail.inspect.ModelLayout.AttentionLayer;
import dev.vitrail.inspect.ModelLayout.Output;
import dev.vitrail.inspect.ModelLayout.Query;
import dev.vitrail.inspect.ModelLayout.Scope;
import dev.vitrail.inspect.PositionSimilarity;
import dev.vitrail.inspect.Relevance;
import dev.vitrail.inspect.Rollout;
import dev.vitrail.inspect.RolloutOptions;
import dev.vitrail.inspect.TokenNorms;
import dev.vitrail.inspect.Windows;
import dev.vitrail.parity.InspectParity.Comparison;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/** The formulas of inspection on raw arrays, without a model. */
final class InspectFormulas {
    private final GoldenCase golden;
    private final Comparison comparison;

    InspectFormulas(GoldenCase golden, Comparison comparison) {
        this.golden = golden;
        this.comparison = comparison;
    }

    void run() {
        pushedDown();
        windows();
        comparison.check(
                "positions/similarity",
                PositionSimilarity.cosines(
                        golden.floats("positions/in"), size("positions/in", 0), size("positions/in", 1)));
        var filters = Filters.of("filters/in", golden.tensor("filters/in"));
        int count = size("filters/pca", 0);
        comparison.check("filters/pca", flat(Arrays.copyOf(filters.components(), count)));
        comparison.check("filters/variance", Arrays.copyOf(filters.variance(), count));
        cells();
        similarity();
        scores();
    }

    private int size(String key, int dim) {
        return (int) golden.tensors().get(key).shape()[dim];
    }

    private static int at(JsonNode node, String name, int i) {
        return node.path(name).path(i).asInt();
    }

    private static ModelLayout layout(
            Query query, int prefix, int height, int width, Output output, List<AttentionLayer> layers) {
        return new ModelLayout(
                query,
                prefix,
                height,
                width,
                1,
                1,
                output,
                layers,
                List.of(),
                List.of(),
                List.of("blocks.0"),
                List.of());
    }

    private void pushedDown() {
        var node = golden.json().path("attention");
        int height = at(node, "grid", 0), width = at(node, "grid", 1);
        int prefix = node.path("prefix").asInt();
        var layers = new ArrayList<AttentionLayer>();
        for (int i = 0; i < node.path("layers").asInt(); i++) {
            layers.add(new AttentionLayer(
                    "attention/" + i,
                    Scope.GLOBAL,
                    height,
                    width,
                    at(node, "stride", 0),
                    at(node, "stride", 1),
                    Optional.empty()));
        }
        int images = size("attention/0", 0), heads = size("attention/0", 1), tokens = size("attention/0", 2);
        int area = tokens * tokens;
        for (var query : new Query[] {Query.CLASS, Query.MEAN}) {
            var layout = layout(query, prefix, height, width, Output.TOKENS, layers);
            for (var fusion : Rollout.Fusion.values()) {
                for (double discard : new double[] {0, 0.3, 0.9}) {
                    var maps = new ArrayList<GridMap>();
                    for (int b = 0; b < images; b++) {
                        Map<AttentionLayer, double[][]> fused = new HashMap<>();
                        for (var layer : layers) {
                            fused.put(layer, new double[][] {
                                Rollout.fuse(golden.floats(layer.name()), b * heads * area, heads, area, fusion)
                            });
                        }
                        maps.add(Rollout.map(layout, fused, new RolloutOptions(fusion, discard)));
                    }
                    comparison.check(
                            "rollout/%s/%s/%s".formatted(query, fusion.name().toLowerCase(Locale.ROOT), discard),
                            maps(maps));
                }
            }
            var maps = new ArrayList<GridMap>();
            for (int b = 0; b < images; b++) {
                Map<AttentionLayer, double[][]> fused = new HashMap<>();
                for (var layer : layers) {
                    var gradients = golden.floats(layer.name().replace("attention", "gradient"));
                    fused.put(layer, new double[][] {
                        Relevance.fuse(golden.floats(layer.name()), gradients, b * heads * area, heads, area)
                    });
                }
                maps.add(Relevance.map(layout, fused));
            }
            comparison.check("relevance/" + query, maps(maps));
        }
        var distances = new ArrayList<float[]>();
        var renormalized = new ArrayList<float[]>();
        for (var layer : layers) {
            for (int b = 0; b < images; b++) {
                var found = AttentionDistance.of(layer, slice(layer.name(), b, images), heads, tokens, false);
                distances.add(found.distance());
                renormalized.add(found.renormalized());
            }
        }
        comparison.check("distance", flat(distances.toArray(float[][]::new)));
        comparison.check("distance_renormalised", flat(renormalized.toArray(float[][]::new)));
        if (golden.has("class_mask/0.6")) {
            var last = layers.get(layers.size() - 1).name();
            var masks = new ArrayList<GridMap>();
            var weights = golden.floats(last);
            for (int i = 0; i < images * heads; i++) {
                var row = Arrays.copyOfRange(weights, i * area + prefix, i * area + tokens);
                masks.add(ClassAttention.mask(new GridMap(height, width, row), ClassAttention.DINO));
            }
            comparison.exact("class_mask/0.6", maps(masks));
        }
    }

    private float[] slice(String key, int part, int parts) {
        var values = golden.floats(key);
        int size = values.length / parts;
        return Arrays.copyOfRange(values, part * size, (part + 1) * size);
    }

    private void windows() {
        var node = golden.json().path("windows");
        int height = at(node, "grid", 0), width = at(node, "grid", 1), cells = height * width;
        var windows = new Windows(
                height,
                width,
                at(node, "window", 0),
                at(node, "window", 1),
                at(node, "shift", 0),
                at(node, "shift", 1));
        var index = windows.cells();
        var found = new float[index.length * windows.tokens()];
        for (int i = 0; i < found.length; i++) {
            found[i] = index[i / windows.tokens()][i % windows.tokens()];
        }
        comparison.exact("windows/index", found);
        var layer = new AttentionLayer(
                "windows",
                Scope.WINDOWS,
                height,
                width,
                at(node, "stride", 0),
                at(node, "stride", 1),
                Optional.of(windows));
        int images = size("windows/attention", 0) / windows.count(), heads = size("windows/attention", 1);
        int n = windows.tokens(), area = n * n;
        var full = new ArrayList<float[]>();
        var distances = new ArrayList<float[]>();
        for (int b = 0; b < images; b++) {
            var own = slice("windows/attention", b, images);
            distances.add(AttentionDistance.of(layer, own, heads, n, false).distance());
            for (int h = 0; h < heads; h++) {
                var weights = new double[windows.count()][area];
                for (int w = 0; w < weights.length; w++) {
                    for (int i = 0; i < area; i++) {
                        weights[w][i] = own[(w * heads + h) * area + i];
                    }
                }
                var matrix = new LayerMatrix(index, weights);
                for (int row = 0; row < cells; row++) {
                    full.add(floats(matrix.push(one(row, cells), 0)));
                }
            }
        }
        comparison.check("windows/full", flat(full.toArray(float[][]::new)));
        comparison.check("windows/distance", flat(distances.toArray(float[][]::new)));
        int merged = (height + 1) / 2 * ((width + 1) / 2);
        var rows = new ArrayList<float[]>();
        for (int row = 0; row < merged; row++) {
            rows.add(floats(LayerMatrix.unmerge(one(row, merged), height, width)));
        }
        comparison.check("windows/merge", flat(rows.toArray(float[][]::new)));
    }

    private static double[] one(int at, int size) {
        var row = new double[size];
        row[at] = 1;
        return row;
    }

    private static float[] floats(double[] values) {
        var floats = new float[values.length];
        for (int i = 0; i < values.length; i++) {
            floats[i] = (float) values[i];
        }
        return floats;
    }

    private void cells() {
        var shape = golden.tensors().get("tokens/in").shape();
        var tokens = CellView.of(
                layout(Query.MEAN, 0, 1, (int) shape[1], Output.TOKENS, List.of()), golden.floats("tokens/in"), shape);
        var norms = new ArrayList<float[]>();
        var outliers = new float[(int) shape[0]];
        for (int b = 0; b < outliers.length; b++) {
            var found = TokenNorms.of("tokens", tokens, b);
            norms.add(found.norms());
            outliers[b] = found.outliers();
        }
        comparison.check("tokens/norm", flat(norms.toArray(float[][]::new)));
        comparison.exact("tokens/outliers", outliers);
        var maps = layout(Query.MEAN, 0, 1, 1, Output.CHANNELS_FIRST, List.of());
        var features = view(maps, "features/in");
        var counts = new ArrayList<float[]>();
        for (int b = 0; b < size("features/in", 0); b++) {
            var found = ChannelHealth.of("features", features, b, 0);
            counts.add(new float[] {found.dead(), found.flat(), found.large()});
        }
        comparison.exact("features/counts", flat(counts.toArray(float[][]::new)));
        var cams = new ArrayList<GridMap>();
        for (int b = 0; b < size("gradcam/activation", 0); b++) {
            cams.add(GradCam.map(view(maps, "gradcam/activation"), view(maps, "gradcam/gradient"), b));
        }
        comparison.check("gradcam/out", maps(cams));
    }

    private CellView view(ModelLayout layout, String key) {
        return CellView.of(layout, golden.floats(key), golden.tensors().get(key).shape());
    }

    private void similarity() {
        for (boolean unbiased : new boolean[] {true, false}) {
            var grams = new ArrayList<double[]>();
            for (int i = 0; golden.has("cka/in/" + i); i++) {
                grams.add(Cka.gram(golden.tensor("cka/in/" + i), false, -1));
            }
            comparison.check(
                    "cka/" + (unbiased ? "unbiased" : "biased"), cka(List.of(grams), size("cka/in/0", 0), unbiased));
        }
        int n = size("cka/in/0", 0), half = n / 2;
        var batches = new ArrayList<List<double[]>>();
        for (int from = 0; from < n; from += half) {
            var grams = new ArrayList<double[]>();
            for (int i = 0; golden.has("cka/in/" + i); i++) {
                grams.add(Cka.gram(golden.tensor("cka/in/" + i).narrow(0, from, half), false, -1));
            }
            batches.add(grams);
        }
        comparison.check("cka/minibatch_" + half, cka(batches, half, true));
        var tokens = List.of(
                Cka.gram(golden.tensor("cka/tokens/0"), true, -1), Cka.gram(golden.tensor("cka/tokens/1"), true, -1));
        comparison.check("cka/unit_tokens", cka(List.of(tokens), size("cka/tokens/0", 0), true));
    }

    private static float[] cka(List<List<double[]>> batches, int n, boolean unbiased) {
        int count = batches.get(0).size();
        var sums = new double[count][count];
        for (var grams : batches) {
            for (int i = 0; i < count; i++) {
                for (int j = 0; j < count; j++) {
                    sums[i][j] += Cka.hsic(grams.get(i), grams.get(j), n, unbiased);
                }
            }
        }
        var values = new float[count * count];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float)
                    (sums[i / count][i % count] / Math.sqrt(sums[i / count][i / count] * sums[i % count][i % count]));
        }
        return values;
    }

    private void scores() {
        int curves = size("auc/in", 0);
        var areas = new float[curves];
        for (int i = 0; i < curves; i++) {
            areas[i] = (float) Faithfulness.area(slice("auc/in", i, curves));
        }
        comparison.check("auc/out", areas);
        var salience = doubles("saco/salience");
        var drop = doubles("saco/drop");
        var ascending = drop.clone();
        Arrays.sort(ascending);
        var descending = new double[ascending.length];
        for (int i = 0; i < descending.length; i++) {
            descending[i] = ascending[descending.length - 1 - i];
        }
        comparison.check("saco/out", new float[] {
            (float) Faithfulness.saco(salience, drop),
            (float) Faithfulness.saco(salience, descending),
            (float) Faithfulness.saco(salience, ascending)
        });
        var resized = golden.tensors().get("resize/bilinear").shape();
        comparison.check(
                "resize/bilinear",
                new GridMap(size("resize/in", 0), size("resize/in", 1), golden.floats("resize/in"))
                        .resized((int) resized[0], (int) resized[1])
                        .values());
        var order = new GridMap(1, size("order/in", 0), golden.floats("order/in")).order();
        var found = new float[order.length];
        for (int i = 0; i < found.length; i++) {
            found[i] = order[i];
        }
        comparison.exact("order/out", found);
        var edges = new float[6 * 4];
        for (int cell = 0; cell < 6; cell++) {
            var pixels = GridMap.pixels(cell, 2, 3, 75, 90);
            for (int i = 0; i < 4; i++) {
                edges[cell * 4 + i] = pixels[i];
            }
        }
        comparison.exact("cells/75x90_2x3", edges);
    }

    private double[] doubles(String key) {
        var floats = golden.floats(key);
        var values = new double[floats.length];
        for (int i = 0; i < values.length; i++) {
            values[i] = floats[i];
        }
        return values;
    }

    private static float[] maps(List<GridMap> maps) {
        return flat(maps.stream().map(GridMap::values).toArray(float[][]::new));
    }
}
