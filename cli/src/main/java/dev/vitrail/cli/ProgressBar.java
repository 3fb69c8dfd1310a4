package dev.vitrail.cli;

import java.util.Locale;

/** One line on the terminal that is drawn again and again; nothing where the standard error stream is no terminal. */
final class ProgressBar implements AutoCloseable {
    private static final int WIDTH = 28;
    private static final long PAUSE_NANOS = 100_000_000;

    private final boolean terminal = System.console() != null && System.getenv("TERM") != null;
    private long last = Long.MIN_VALUE;
    private boolean drawn;

    /** Draws the bar, at most ten times a second and once at the end. */
    void show(String what, long done, long all, String figures) {
        long now = System.nanoTime();
        if (!terminal || (done < all && last != Long.MIN_VALUE && now - last < PAUSE_NANOS)) {
            return;
        }
        last = now;
        drawn = true;
        int full = all == 0 ? WIDTH : (int) (WIDTH * done / all);
        System.err.printf(
                Locale.ROOT,
                "\r\033[K%s %s%s %d/%d %s",
                what,
                "█".repeat(full),
                "░".repeat(WIDTH - full),
                done,
                all,
                figures);
        System.err.flush();
    }

    /** Takes the line away, so that what is printed next stands alone. */
    void clear() {
        if (drawn) {
            System.err.print("\r\033[K");
            System.err.flush();
            drawn = false;
        }
    }

    @Override
    public void close() {
        clear();
    }
}
