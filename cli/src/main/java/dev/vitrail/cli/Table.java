package dev.vitrail.cli;

import java.util.List;
import java.util.stream.IntStream;

/** Text in columns. */
final class Table {
    private Table() {}

    /** Prints rows of equally many cells: the first column to the left, the others to the right. */
    static void print(List<List<String>> rows) {
        var widths = IntStream.range(0, rows.get(0).size())
                .map(column -> rows.stream()
                        .mapToInt(row -> row.get(column).length())
                        .max()
                        .orElse(0))
                .toArray();
        for (var row : rows) {
            var line = new StringBuilder();
            for (int i = 0; i < widths.length; i++) {
                line.append(i == 0 ? "" : "  ")
                        .append(String.format("%" + (i == 0 ? "-" : "") + widths[i] + "s", row.get(i)));
            }
            System.out.println(line.toString().stripTrailing());
        }
    }
}
