package dev.vitrail.report;

import dev.vitrail.inspect.ModelLayout;
import dev.vitrail.inspect.ModelLayout.AttentionLayer;
import dev.vitrail.inspect.Windows;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The windows of a block over the picture: regions of pixels whose cells attend to each other. What the cyclic shift
 * wraps round is drawn as the regions of its own that the mask makes of it, so a region is cut at
 * {@code shift + k·window} cells.
 *
 * @param title the block in words
 * @param imageHeight rows of the picture, pixels
 * @param imageWidth columns of the picture, pixels
 * @param rows where regions begin and end, pixels, the picture's edges included
 * @param columns likewise
 * @param window what a window holds, in words
 */
record WindowDrawing(
        String title, int imageHeight, int imageWidth, List<Integer> rows, List<Integer> columns, String window) {
    WindowDrawing {
        rows = List.copyOf(rows);
        columns = List.copyOf(columns);
    }

    static WindowDrawing of(AttentionLayer layer, int imageHeight, int imageWidth) {
        var cut = layer.windows().orElseThrow();
        return new WindowDrawing(
                ModelLayout.words(layer.name()) + (shifted(cut) ? ", shifted" : ", regular"),
                imageHeight,
                imageWidth,
                edges(cut.mapHeight(), cut.height(), cut.shiftRows(), layer.strideHeight(), imageHeight),
                edges(cut.mapWidth(), cut.width(), cut.shiftColumns(), layer.strideWidth(), imageWidth),
                "%d × %d cells of %d × %d pixels"
                        .formatted(cut.height(), cut.width(), layer.strideHeight(), layer.strideWidth()));
    }

    static boolean shifted(Windows cut) {
        return cut.shiftRows() > 0 || cut.shiftColumns() > 0;
    }

    private static List<Integer> edges(int cells, int window, int shift, int stride, int pixels) {
        var edges = new ArrayList<Integer>();
        edges.add(0);
        for (int at = shift == 0 ? window : shift; at < cells; at += window) {
            edges.add(Math.min(at * stride, pixels));
        }
        edges.add(pixels);
        return edges;
    }

    /** A region of the picture; neighbors differ in tone. */
    record Region(int x, int y, int width, int height, boolean dark) {}

    List<Region> regions() {
        return IntStream.range(0, rows.size() - 1)
                .boxed()
                .flatMap(r -> IntStream.range(0, columns.size() - 1)
                        .mapToObj(c -> new Region(
                                columns.get(c),
                                rows.get(r),
                                columns.get(c + 1) - columns.get(c),
                                rows.get(r + 1) - rows.get(r),
                                (r + c) % 2 == 1)))
                .toList();
    }

    String words() {
        return "%s: %d by %d regions, windows of %s".formatted(title, rows.size() - 1, columns.size() - 1, window);
    }
}
