package dev.vitrail.cli;

import java.util.List;
import java.util.stream.IntStream;

/**
 * Bars on the terminal, one below the other and of one width; nothing where the standard error stream is no terminal.
 */
final class ProgressBar implements AutoCloseable {
    private static final int NARROWEST = 8, WIDEST = 40;

    private final Terminal terminal = new Terminal();

    /**
     * A bar.
     *
     * @param what is being done
     * @param figures beside the bar, the most important first: where a terminal is too narrow, the last are left out
     */
    record Line(String what, long done, long all, List<String> figures) {
        Line {
            figures = List.copyOf(figures);
        }

        private int width(int count) {
            return what.length()
                    + 2
                    + figures.stream()
                            .limit(count)
                            .mapToInt(text -> 2 + text.length())
                            .sum();
        }
    }

    /** Width of the bars, and number of figures that fit on each line. */
    record Layout(int bar, List<Integer> figures) {
        static Layout of(List<Line> lines, int columns) {
            var counts = lines.stream().map(line -> fitting(line, columns)).toList();
            int taken = IntStream.range(0, lines.size())
                    .map(i -> lines.get(i).width(counts.get(i)))
                    .max()
                    .orElse(0);
            return new Layout(Math.max(NARROWEST, Math.min(WIDEST, columns - 1 - taken)), counts);
        }

        private static int fitting(Line line, int columns) {
            int count = line.figures.size();
            while (count > 0 && line.width(count) + NARROWEST > columns - 1) {
                count--;
            }
            return count;
        }
    }

    /** Draws one bar. */
    void show(String what, long done, long all, String figures) {
        var texts = figures.isEmpty() ? List.of(done + "/" + all) : List.of(done + "/" + all, figures);
        show(List.of(new Line(what, done, all, texts)), done >= all);
    }

    /** Draws bars, their heads of one width. */
    void show(List<Line> lines, boolean now) {
        terminal.draw(now, columns -> {
            var layout = Layout.of(lines, columns);
            return IntStream.range(0, lines.size())
                    .mapToObj(i -> text(lines.get(i), layout.bar, layout.figures.get(i)))
                    .toList();
        });
    }

    private String text(Line line, int width, int figures) {
        var text = new StringBuilder(line.what).append("  ").append(terminal.bar(width, line.done, line.all));
        line.figures.stream().limit(figures).forEach(figure -> text.append("  ").append(figure));
        return text.toString();
    }

    /** Takes the bars away, so that what is printed next stands alone; takes up a change of the terminal's width. */
    void clear() {
        terminal.clear();
        terminal.measureAgain();
    }

    @Override
    public void close() {
        terminal.close();
    }
}
