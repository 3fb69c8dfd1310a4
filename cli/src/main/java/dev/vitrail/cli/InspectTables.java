package dev.vitrail.cli;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.files.AtomicFile;
import dev.vitrail.files.PathNames;
import dev.vitrail.images.ImageEncoder;
import dev.vitrail.images.RgbImage;
import dev.vitrail.inspect.Behavior;
import dev.vitrail.inspect.Cka;
import dev.vitrail.inspect.Explanation;
import dev.vitrail.inspect.Faithfulness;
import dev.vitrail.inspect.Figure;
import dev.vitrail.inspect.Filters;
import dev.vitrail.inspect.GridMap;
import dev.vitrail.inspect.Inspection;
import dev.vitrail.inspect.LayerScales;
import dev.vitrail.inspect.NormHistogram;
import dev.vitrail.inspect.PositionBias;
import dev.vitrail.inspect.PositionSimilarity;
import dev.vitrail.report.ColorScale;
import dev.vitrail.report.InspectPictures;
import dev.vitrail.weights.NpyFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * The figures of an inspection as files: CSV for tables, {@code .npy} beside it for arrays, and PNG where a figure is a
 * drawing.
 */
final class InspectTables {
    private final Inspection inspection;
    private final Path folder;
    private final Map<Figure, List<String>> written = new EnumMap<>(Figure.class);

    private InspectTables(Inspection inspection, Path folder) {
        this.inspection = inspection;
        this.folder = folder;
    }

    /**
     * Writes all figures that were computed.
     *
     * @return the files of each figure, in the order in which they were written
     */
    static Map<Figure, List<String>> write(Inspection inspection, Path folder) {
        try {
            Files.createDirectories(folder);
        } catch (IOException e) {
            throw new VitrailException(
                    "the folder %s cannot be made: %s".formatted(PathNames.text(folder), e.getMessage()), e);
        }
        var tables = new InspectTables(inspection, folder);
        tables.weights();
        inspection.behavior().ifPresent(tables::behavior);
        var photos = inspection.photos();
        for (int i = 0; i < photos.size(); i++) {
            tables.photo(photos.get(i), prefix(i + 1, photos.get(i).name()));
        }
        return tables.written;
    }

    private void weights() {
        var model = inspection.inspector().model();
        if (inspection.has(Figure.FILTERS)) {
            filters(Filters.of(model));
        }
        if (inspection.has(Figure.POSITIONS)) {
            PositionSimilarity.of(model).ifPresent(positions -> {
                int n = positions.height() * positions.width();
                array(Figure.POSITIONS, Figure.POSITIONS.key(), positions.similarity(), n, n);
                drawing(Figure.POSITIONS, Figure.POSITIONS.key(), InspectPictures.positions(positions));
            });
        }
        if (inspection.has(Figure.POSITION_BIAS)) {
            biases(PositionBias.of(model));
        }
        if (inspection.has(Figure.LAYER_SCALE)) {
            var text = new StringBuilder("parameter,mean,min,max\n");
            LayerScales.of(model)
                    .forEach(scale -> text.append(row(scale.parameter(), scale.mean(), scale.min(), scale.max())));
            csv(Figure.LAYER_SCALE, Figure.LAYER_SCALE.key(), text);
        }
    }

    private void filters(Filters filters) {
        var key = Figure.FILTERS.key();
        var text = new StringBuilder("component,explained_variance\n");
        for (int i = 0; i < filters.variance().length; i++) {
            text.append(row(String.valueOf(i), filters.variance()[i]));
        }
        csv(Figure.FILTERS, key, text);
        npy(
                Figure.FILTERS,
                key,
                filters.kernels(),
                filters.count(),
                filters.channels(),
                filters.height(),
                filters.width());
        if (filters.components().length > 0) {
            npy(
                    Figure.FILTERS,
                    key + "_components",
                    joined(List.of(filters.components())),
                    filters.components().length,
                    filters.channels(),
                    filters.height(),
                    filters.width());
            drawing(Figure.FILTERS, key, InspectPictures.components(filters));
        }
    }

    private void biases(List<PositionBias> biases) {
        var key = Figure.POSITION_BIAS.key();
        var text = new StringBuilder("layer,head,dy,dx,bias\n");
        for (var bias : biases) {
            for (int h = 0; h < bias.heads().size(); h++) {
                var map = bias.heads().get(h);
                for (int i = 0; i < map.values().length; i++) {
                    text.append(row(
                            "%s,%d,%d,%d"
                                    .formatted(
                                            bias.layer(),
                                            h,
                                            i / map.width() - map.height() / 2,
                                            i % map.width() - map.width() / 2),
                            map.values()[i]));
                }
            }
            var name = key + "." + bias.layer();
            npy(Figure.POSITION_BIAS, name, bias.heads());
            drawing(Figure.POSITION_BIAS, name, InspectPictures.bias(bias));
        }
        csv(Figure.POSITION_BIAS, key, text);
    }

    private void behavior(Behavior behavior) {
        if (inspection.has(Figure.DISTANCE)) {
            var text = new StringBuilder("layer,head,distance,renormalized,entropy,prefix_share\n");
            for (var layer : behavior.distances()) {
                for (int h = 0; h < layer.distance().length; h++) {
                    text.append(row(
                            layer.layer() + "," + h,
                            layer.distance()[h],
                            layer.renormalized()[h],
                            layer.entropy()[h],
                            layer.prefixShare()[h]));
                }
            }
            csv(Figure.DISTANCE, Figure.DISTANCE.key(), text);
        }
        if (inspection.has(Figure.FEATURES)) {
            var text = new StringBuilder("block,dead,flat,large\n");
            behavior.channels().forEach(c -> text.append(row(c.block(), c.dead(), c.flat(), c.large())));
            csv(Figure.FEATURES, Figure.FEATURES.key(), text);
        }
        if (inspection.has(Figure.LAYER_SCALE)) {
            var text = new StringBuilder("parameter,block,branch_to_input\n");
            behavior.branches().forEach(one -> text.append(row(one.parameter() + "," + one.block(), one.ratio())));
            csv(Figure.LAYER_SCALE, "branch_ratio", text);
        }
        if (inspection.has(Figure.TOKEN_NORMS)) {
            norms(behavior);
        }
        if (inspection.has(Figure.CKA)) {
            behavior.similarity().ifPresent(cka -> similarity(Figure.CKA.key(), cka));
            behavior.similarityToOther().ifPresent(cka -> similarity("cka_against", cka));
        }
    }

    private void norms(Behavior behavior) {
        var shares = behavior.outlierShares();
        var text = new StringBuilder("block,outlier_share,median_norm\n");
        var histogram = new StringBuilder("block,norm_from,norm_to,share\n");
        for (var block : behavior.normHistograms()) {
            text.append(row(block.block(), shares.getOrDefault(block.block(), 0.0), block.median()));
            for (int i = 0; i < NormHistogram.BINS; i++) {
                boolean last = i == NormHistogram.BINS - 1;
                histogram.append(row(
                        block.block(),
                        i * NormHistogram.WIDTH,
                        last ? Double.NaN : (i + 1) * NormHistogram.WIDTH,
                        block.shares()[i]));
            }
        }
        csv(Figure.TOKEN_NORMS, Figure.TOKEN_NORMS.key(), text);
        csv(Figure.TOKEN_NORMS, "token_norm_histogram", histogram);
    }

    private void similarity(String name, Cka cka) {
        var text = new StringBuilder("block,")
                .append(String.join(",", cka.columns()))
                .append('\n');
        for (int i = 0; i < cka.values().length; i++) {
            var values = new double[cka.values()[i].length];
            for (int j = 0; j < values.length; j++) {
                values[j] = cka.values()[i][j];
            }
            text.append(row(cka.rows().get(i), values));
        }
        csv(Figure.CKA, name, text);
        npy(
                Figure.CKA,
                name,
                joined(List.of(cka.values())),
                cka.rows().size(),
                cka.columns().size());
        drawing(Figure.CKA, name, InspectPictures.similarity(cka));
    }

    /**
     * Prefix of the names of an image's files: its number, as images of several folders may be called alike, and its
     * file name.
     */
    private static String prefix(int number, String path) {
        return String.format(
                Locale.ROOT,
                "%02d-%s",
                number,
                path.substring(path.replace('\\', '/').lastIndexOf('/') + 1));
    }

    private void photo(Inspection.Photo photo, String prefix) {
        for (var explanation : photo.explanations()) {
            for (var method : explanation.methods()) {
                var name = "%s.class%d.%s"
                        .formatted(
                                prefix,
                                explanation.target(),
                                method.name().toLowerCase(Locale.ROOT).replace(' ', '_'));
                var map = method.map();
                array(method.figure(), name, map.values(), map.height(), map.width());
                drawing(method.figure(), name, ColorScale.of(map).picture(map));
            }
        }
        scores(photo.answer(), prefix);
        for (var layer : photo.layers().classAttention()) {
            var name = "%s.class_attention.%s".formatted(prefix, layer.layer());
            maps(Figure.CLASS_ATTENTION, name, layer.heads());
        }
        for (var layer : photo.rows()) {
            npy(Figure.CLASS_ATTENTION, "%s.attention.%s".formatted(prefix, layer.layer()), layer.rows());
        }
        if (!photo.layers().patchLens().isEmpty()) {
            maps(Figure.LENS, prefix + ".patch_lens", photo.layers().patchLens());
        }
        for (var block : photo.layers().features()) {
            var name = "%s.features.%s".formatted(prefix, block.block());
            npy(Figure.FEATURES, name, block.maps());
            drawing(Figure.FEATURES, name, InspectPictures.features(block));
        }
        photo.answer()
                .lens()
                .ifPresent(lens -> array(
                        Figure.LENS,
                        prefix + ".lens",
                        joined(List.of(lens.logits())),
                        lens.depths().size(),
                        lens.logits()[0].length));
        var norms = photo.answer().norms();
        if (inspection.has(Figure.TOKEN_NORMS) && !norms.isEmpty()) {
            // A pyramid's stages have maps of their own sizes, so that each has a file.
            norms.forEach(block -> npy(
                    Figure.TOKEN_NORMS,
                    "%s.token_norms.%s".formatted(prefix, block.block()),
                    block.norms(),
                    block.norms().length));
        }
    }

    /** Scores and curves of an explained class, a line for each method and random order. */
    private void scores(Explanation explanation, String prefix) {
        if (explanation.random().isEmpty()) {
            return;
        }
        var text = new StringBuilder("method,deletion,insertion,saco\n");
        var curves = new StringBuilder("method,step,deletion,insertion\n");
        explanation.methods().forEach(method -> method.score()
                .ifPresent(score -> scores(method.name(), score, text, curves)));
        explanation.random().ifPresent(score -> scores("random", score, text, curves));
        csv(Figure.FAITHFULNESS, prefix + ".faithfulness", text);
        csv(Figure.FAITHFULNESS, prefix + ".faithfulness_curves", curves);
    }

    private static void scores(String method, Faithfulness score, StringBuilder text, StringBuilder curves) {
        text.append(row(method, score.deletionArea(), score.insertionArea(), score.saco()));
        for (int i = 0; i < score.deletion().length; i++) {
            curves.append(row(method, i, score.deletion()[i], score.insertion()[i]));
        }
    }

    /** Maps of one size, as CSV with a line for each, as an array and as tiles. */
    private void maps(Figure figure, String name, List<GridMap> maps) {
        var text = new StringBuilder();
        maps.forEach(map -> text.append(lines(map.values(), map.values().length)));
        csv(figure, name, text);
        npy(figure, name, maps);
        drawing(figure, name, ColorScale.AMOUNT.tiles(maps, maps.size()));
    }

    /** A matrix as CSV and as an array. */
    private void array(Figure figure, String name, float[] values, int rows, int columns) {
        csv(figure, name, lines(values, columns));
        npy(figure, name, values, rows, columns);
    }

    private static StringBuilder lines(float[] values, int columns) {
        var text = new StringBuilder();
        for (int i = 0; i < values.length; i++) {
            text.append(values[i]).append((i + 1) % columns == 0 ? '\n' : ',');
        }
        return text;
    }

    private static float[] joined(List<float[]> arrays) {
        var all = new float[arrays.stream().mapToInt(array -> array.length).sum()];
        int at = 0;
        for (var array : arrays) {
            System.arraycopy(array, 0, all, at, array.length);
            at += array.length;
        }
        return all;
    }

    /** A line of names and numbers; what is undefined is empty. */
    private static String row(String name, double... values) {
        var text = new StringBuilder(name);
        for (double value : values) {
            text.append(',').append(Double.isNaN(value) ? "" : String.valueOf((float) value));
        }
        return text.append('\n').toString();
    }

    private void csv(Figure figure, String name, StringBuilder text) {
        AtomicFile.write(file(figure, name + ".csv"), text.toString());
    }

    /** Maps of one size as an array {@code [maps, height, width]}. */
    private void npy(Figure figure, String name, List<GridMap> maps) {
        npy(
                figure,
                name,
                joined(maps.stream().map(GridMap::values).toList()),
                maps.size(),
                maps.get(0).height(),
                maps.get(0).width());
    }

    private void npy(Figure figure, String name, float[] values, long... shape) {
        AtomicFile.write(file(figure, name + ".npy"), NpyFile.of(values, shape));
    }

    private void drawing(Figure figure, String name, RgbImage image) {
        AtomicFile.write(file(figure, name + ".png"), ImageEncoder.png(image));
    }

    private Path file(Figure figure, String name) {
        written.computeIfAbsent(figure, key -> new ArrayList<>()).add(name);
        return folder.resolve(name);
    }
}
