package dev.vitrail.report;

import java.util.List;

/**
 * A table that a click on a column's head sorts.
 *
 * @param heads of the rows' names, then of their cells
 */
record SortableTable(List<String> heads, List<Row> rows) {
    SortableTable {
        heads = List.copyOf(heads);
        rows = List.copyOf(rows);
    }

    /**
     * A row.
     *
     * @param color of its name, as in the charts
     */
    record Row(String name, int color, List<Cell> cells) {
        Row {
            cells = List.copyOf(cells);
        }
    }

    /**
     * A cell.
     *
     * @param key what the column is sorted by
     * @param best whether it is the best of its column
     */
    record Cell(double key, String text, boolean best) {
        Cell(double key, String text) {
            this(key, text, false);
        }
    }
}
