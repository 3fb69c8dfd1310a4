package dev.vitrail.cli;

import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.lang.ProcessBuilder.Redirect;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.function.IntFunction;

/**
 * The terminal that shows the standard error stream, and a few lines at its bottom that are drawn again and again.
 * Where that stream goes elsewhere, to a file say, nothing is drawn.
 *
 * <p>Whatever else is printed meanwhile, by any thread, stands above the lines: they are taken away first and
 * drawn again later.
 */
final class Terminal implements AutoCloseable {
    private static final int USUAL_COLUMNS = 80;
    private static final long PAUSE_NANOS = 100_000_000;
    /** Escape sequences: lines that are too long are cut, not folded; and as before. */
    private static final String CUT = "\033[?7l", FOLD = "\033[?7h";

    private static final String ERASE_LINE = "\033[K";

    private final boolean drawable;
    private final boolean colored = System.getenv("NO_COLOR") == null;
    private final boolean lined = charset().newEncoder().canEncode('━');
    private final PrintStream stream = System.err;
    private int columns;
    private int drawn;
    private boolean midLine;
    private long last = Long.MIN_VALUE;

    Terminal() {
        columns = measure();
        var kind = System.getenv("TERM");
        drawable = columns > 0 && kind != null && !kind.equals("dumb");
        if (drawable) {
            System.setErr(new PrintStream(new Above(), true, StandardStreams.encoding("stderr")));
        }
    }

    /** Output of others. */
    private final class Above extends OutputStream {
        @Override
        public void write(int b) {
            write(new byte[] {(byte) b}, 0, 1);
        }

        @Override
        public void write(byte[] bytes, int from, int count) {
            synchronized (Terminal.this) {
                clear();
                stream.write(bytes, from, count);
                midLine = count > 0 ? bytes[from + count - 1] != '\n' : midLine;
            }
        }

        @Override
        public void flush() {
            stream.flush();
        }
    }

    /** Charset of the terminal by the locale. */
    private static Charset charset() {
        var named = System.getProperty("stderr.encoding", System.getProperty("sun.stderr.encoding", ""));
        return named.isEmpty() ? Charset.defaultCharset() : Charset.forName(named);
    }

    /** Columns of the terminal; 0 where the stream is none. Java cannot tell, so the system's own tools are asked. */
    private static int measure() {
        try {
            var process = new ProcessBuilder("sh", "-c", "test -t 2 && stty size <&2")
                    .redirectInput(Redirect.INHERIT)
                    .redirectError(Redirect.INHERIT)
                    .start();
            var size = new String(process.getInputStream().readAllBytes(), StandardCharsets.US_ASCII)
                    .strip()
                    .split(" ", -1);
            if (process.waitFor() != 0 || size.length != 2) {
                return 0;
            }
            int columns = Integer.parseInt(size[1]);
            return columns == 0 ? USUAL_COLUMNS : columns;
        } catch (IOException | NumberFormatException e) {
            return System.console() == null ? 0 : USUAL_COLUMNS; // a system without these tools
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return 0;
        }
    }

    /** Returns whether the stream goes to a terminal that can be drawn on. */
    boolean isTerminal() {
        return drawable;
    }

    /** Takes up a change of the window's width. */
    synchronized void measureAgain() {
        columns = drawable ? Math.max(1, measure()) : 0;
    }

    /**
     * Draws lines in the place of those before, at most ten times a second.
     *
     * @param now whether to draw them even if others were drawn a moment ago
     * @param lines for a number of columns
     */
    synchronized void draw(boolean now, IntFunction<List<String>> lines) {
        long time = System.nanoTime();
        if (!drawable || midLine || (!now && last != Long.MIN_VALUE && time - last < PAUSE_NANOS)) {
            return;
        }
        last = time;
        var text = new StringBuilder(CUT).append(home());
        var all = lines.apply(columns);
        for (int i = 0; i < all.size(); i++) {
            text.append(i == 0 ? "" : "\n").append(ERASE_LINE).append(all.get(i));
        }
        drawn = all.size();
        stream.print(text.append(FOLD));
        stream.flush();
    }

    /** Takes the lines away, so that what is printed next stands alone. */
    synchronized void clear() {
        if (drawn > 0) {
            stream.print(home() + "\033[J");
            stream.flush();
            drawn = 0;
        }
    }

    @Override
    public void close() {
        clear();
        if (drawable) {
            System.setErr(stream);
        }
    }

    /** Escape sequence to the beginning of the first line that was drawn. */
    private String home() {
        return drawn > 1 ? "\r\033[" + (drawn - 1) + "A" : "\r";
    }

    /** A bar, the part done in colour. */
    String bar(int width, long done, long all) {
        int full = all <= 0 ? width : (int) Math.min(width, Math.max(0, width * done / all));
        if (!lined) {
            return "#".repeat(full) + "-".repeat(width - full);
        }
        return colored
                ? "\033[36m" + "━".repeat(full) + "\033[90m" + "━".repeat(width - full) + "\033[0m"
                : "━".repeat(full) + "─".repeat(width - full);
    }
}
