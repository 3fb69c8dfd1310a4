package dev.vitrail.cli;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.files.AtomicFile;
import dev.vitrail.files.PathNames;
import dev.vitrail.images.ImageEncoder;
import dev.vitrail.images.RgbImage;
import dev.vitrail.inspect.Behavior;
import dev.vitrail.inspect.Cka;
import dev.vitrail.inspect.Figure;
import dev.vitrail.inspect.Filters;
import dev.vitrail.inspect.GridMap;
import dev.vitrail.inspect.Inspection;
import dev.vitrail.inspect.LayerScales;
import dev.vitrail.inspect.PositionBias;
import dev.vitrail.inspect.PositionSimilarity;
import dev.vitrail.report.ColorScale;
import dev.vitrail.report.InspectPictures;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;

/** The figures of an inspection as files: CSV, and PNG where a figure is a picture. */
final class InspectTables {
    private final Inspection inspection;
    private final Path folder;

    private InspectTables(Inspection inspection, Path folder) {
        this.inspection = inspection;
        this.folder = folder;
    }

    static void write(Inspection inspection, Path folder) {
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
    }

    /** The table that a figure is written to; empty for figures of one image, whose files carry the image's name. */
    static Optional<String> file(Figure figure) {
        return switch (figure) {
            case FILTERS, POSITIONS, DISTANCE, FEATURES, CKA, POSITION_BIAS, LAYER_SCALE, TOKEN_NORMS ->
                Optional.of(figure.key() + ".csv");
            default -> Optional.empty();
        };
    }

    private void weights() {
        var model = inspection.inspector().model();
        if (inspection.has(Figure.FILTERS)) {
            var filters = Filters.of(model);
            var text = new StringBuilder("component,explained_variance\n");
            for (int i = 0; i < filters.variance().length; i++) {
                text.append(row(String.valueOf(i), filters.variance()[i]));
            }
            write(Figure.FILTERS, text);
            if (filters.components().length > 0) {
                picture(Figure.FILTERS.key(), InspectPictures.components(filters));
            }
        }
        if (inspection.has(Figure.POSITIONS)) {
            PositionSimilarity.of(model).ifPresent(positions -> {
                int n = positions.height() * positions.width();
                write(Figure.POSITIONS, matrix(new GridMap(n, n, positions.similarity())));
                picture(Figure.POSITIONS.key(), InspectPictures.positions(positions));
            });
        }
        if (inspection.has(Figure.POSITION_BIAS)) {
            var text = new StringBuilder("layer,head,dy,dx,bias\n");
            for (var bias : PositionBias.of(model)) {
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
                picture(Figure.POSITION_BIAS.key() + "." + bias.layer(), InspectPictures.bias(bias));
            }
            write(Figure.POSITION_BIAS, text);
        }
        if (inspection.has(Figure.LAYER_SCALE)) {
            var text = new StringBuilder("parameter,mean,min,max\n");
            LayerScales.of(model)
                    .forEach(scale -> text.append(row(scale.parameter(), scale.mean(), scale.min(), scale.max())));
            write(Figure.LAYER_SCALE, text);
        }
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
            write(Figure.DISTANCE, text);
        }
        if (inspection.has(Figure.FEATURES)) {
            var text = new StringBuilder("block,dead,flat,large\n");
            behavior.channels().forEach(c -> text.append(row(c.block(), c.dead(), c.flat(), c.large())));
            write(Figure.FEATURES, text);
        }
        if (inspection.has(Figure.TOKEN_NORMS)) {
            var text = new StringBuilder("block,outlier_share\n");
            behavior.outlierShares().forEach((block, share) -> text.append(row(block, share)));
            write(Figure.TOKEN_NORMS, text);
        }
        if (inspection.has(Figure.CKA)) {
            behavior.similarity().ifPresent(cka -> {
                write(Figure.CKA, named(cka));
                picture(Figure.CKA.key(), InspectPictures.similarity(cka));
            });
            behavior.similarityToOther().ifPresent(cka -> {
                text("cka_against.csv", named(cka));
                picture("cka_against", InspectPictures.similarity(cka));
            });
        }
    }

    /** What the names of an image's files begin with: images of several folders may be called alike. */
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
                text(name + ".csv", matrix(method.map()));
                picture(name, ColorScale.of(method.map()).picture(method.map()));
            }
        }
        var first = photo.explanations().get(0);
        first.lens().ifPresent(lens -> {
            int classes = lens.logits()[0].length;
            var values = new float[lens.logits().length * classes];
            for (int depth = 0; depth < lens.logits().length; depth++) {
                System.arraycopy(lens.logits()[depth], 0, values, depth * classes, classes);
            }
            text(prefix + ".lens.csv", matrix(new GridMap(lens.logits().length, classes, values)));
        });
    }

    private static StringBuilder named(Cka cka) {
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
        return text;
    }

    private static StringBuilder matrix(GridMap map) {
        var text = new StringBuilder();
        for (int i = 0; i < map.values().length; i++) {
            text.append(map.values()[i]).append((i + 1) % map.width() == 0 ? '\n' : ',');
        }
        return text;
    }

    /** A line of names and numbers; what is undefined is empty. */
    private static String row(String name, double... values) {
        var text = new StringBuilder(name);
        for (double value : values) {
            text.append(',').append(Double.isNaN(value) ? "" : String.valueOf((float) value));
        }
        return text.append('\n').toString();
    }

    private void write(Figure figure, StringBuilder text) {
        text(file(figure).orElseThrow(), text);
    }

    private void text(String name, StringBuilder text) {
        AtomicFile.write(folder.resolve(name), text.toString());
    }

    private void picture(String name, RgbImage image) {
        AtomicFile.write(folder.resolve(name + ".png"), ImageEncoder.png(image));
    }
}
