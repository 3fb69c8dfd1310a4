package dev.vitrail.report;

import static dev.vitrail.report.Format.format;

import dev.vitrail.inspect.Figure;
import dev.vitrail.inspect.Filters;
import dev.vitrail.inspect.Inspection;
import dev.vitrail.inspect.LayerScales;
import dev.vitrail.inspect.ModelLayout;
import dev.vitrail.inspect.PositionBias;
import dev.vitrail.inspect.PositionSimilarity;
import dev.vitrail.models.Model;
import dev.vitrail.report.InspectPage.Picture;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;

/**
 * Figures of the weights as a page shows them.
 *
 * @param pictures of filters and positions
 * @param variance explained by the filters' components; empty without filters
 * @param windows Swin's windows, a regular and a shifted block of each stage
 * @param biases of relative positions, a layer each
 * @param scales of the residual branches
 */
record InspectWeights(
        List<Picture> pictures,
        Optional<CurveChart> variance,
        List<WindowDrawing> windows,
        List<Picture> biases,
        List<LayerScales> scales) {
    /** Width that a picture is scaled to by whole factors, pixels. */
    private static final int WIDE = 420;

    InspectWeights {
        pictures = List.copyOf(pictures);
        windows = List.copyOf(windows);
        biases = List.copyOf(biases);
        scales = List.copyOf(scales);
    }

    static InspectWeights of(Inspection inspection) {
        var model = inspection.inspector().model();
        var filters = inspection.has(Figure.FILTERS)
                ? Optional.of(Filters.of(model)).filter(found -> found.components().length > 0)
                : Optional.<Filters>empty();
        var pictures = new ArrayList<Picture>();
        filters.ifPresent(found -> pictures.addAll(pictures(found)));
        if (inspection.has(Figure.POSITIONS)) {
            PositionSimilarity.of(model).map(InspectWeights::picture).ifPresent(pictures::add);
        }
        boolean biased = inspection.has(Figure.POSITION_BIAS);
        return new InspectWeights(
                pictures,
                filters.map(InspectCharts::variance),
                biased ? windows(inspection) : List.of(),
                biased ? biases(model) : List.of(),
                inspection.has(Figure.LAYER_SCALE) ? LayerScales.of(model) : List.of());
    }

    boolean isEmpty() {
        return pictures.isEmpty() && biases.isEmpty() && scales.isEmpty();
    }

    private static List<Picture> pictures(Filters filters) {
        double explained = 0;
        for (float share : filters.variance()) {
            explained += share;
        }
        var size = "%d × %d pixels".formatted(filters.height(), filters.width());
        return List.of(
                Picture.of(
                        "Principal components of the filters",
                        InspectPictures.components(filters),
                        WIDE,
                        "the first %d principal components of the embedding filters, %s each"
                                .formatted(filters.components().length, size),
                        format(
                                "The main patterns that the first layer looks for, %s, the most common first: "
                                        + "smooth waves and colors in a model that has learned enough. Together "
                                        + "they explain %.0f %% of the variance of %d filters.",
                                size, 100 * explained, filters.count())),
                Picture.of(
                        "The filters themselves",
                        InspectPictures.kernels(filters),
                        WIDE,
                        "the first filters as small pictures, %s each".formatted(size),
                        ("The first of the %d filters of %s, each by its own range: noise here means that training "
                                        + "was short.")
                                .formatted(filters.count(), filters.parameter())));
    }

    private static Picture picture(PositionSimilarity positions) {
        return Picture.of(
                        "Position similarity",
                        InspectPictures.positions(positions),
                        WIDE,
                        ("%d by %d tiles, one for each position, each showing the similarity of its embedding to "
                                        + "all others")
                                .formatted(positions.height(), positions.width()),
                        "Each tile is one position, bright where another position's embedding is like its own: a "
                                + "bright spot at the tile's own place, with its row and column, says that the "
                                + "model has learned where patches lie.")
                .enlargeable(positions.height(), positions.width());
    }

    private static List<Picture> biases(Model model) {
        return PositionBias.of(model).stream()
                .map(bias -> {
                    var image = InspectPictures.bias(bias);
                    return Picture.of(
                            ModelLayout.words(bias.layer()),
                            image,
                            WIDE,
                            "relative position bias of %d heads in %s; the middle of each tile is the query itself"
                                    .formatted(bias.heads().size(), ModelLayout.words(bias.layer())),
                            ("A tile for each of %d heads, the query in its middle: red where a key there gets "
                                            + "more attention, blue where less.")
                                    .formatted(bias.heads().size()));
                })
                .toList();
    }

    private static List<WindowDrawing> windows(Inspection inspection) {
        var input = inspection.inspector().loaded().preprocessing();
        var drawings = new LinkedHashMap<String, WindowDrawing>();
        for (var layer : inspection.inspector().layout().attention()) {
            layer.windows()
                    .ifPresent(cut -> drawings.putIfAbsent(
                            layer.strideHeight() + "/" + WindowDrawing.shifted(cut),
                            WindowDrawing.of(layer, input.height(), input.width())));
        }
        return List.copyOf(drawings.values());
    }

    /** Mean factors over depth, attention and MLP apart. */
    Optional<CurveChart> scaleChart() {
        return InspectCharts.scales(scales);
    }
}
