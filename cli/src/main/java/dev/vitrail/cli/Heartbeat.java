package dev.vitrail.cli;

import java.util.List;
import java.util.Locale;

/**
 * Progress over an unknown number of images: on a terminal a line that is drawn again and again, and
 * elsewhere a line now and then.
 */
final class Heartbeat implements AutoCloseable {
    /** Seconds between two lines where stderr is no terminal. */
    private static final String PROPERTY = "vitrail.progress";

    private static final long USUAL_SECONDS = 30;

    private final Terminal terminal = new Terminal();
    private final boolean drawn;
    private final long pause = 1_000_000_000L * Long.getLong(PROPERTY, USUAL_SECONDS);
    private final long start = System.nanoTime();
    private long last = start;

    /** @param drawn whether to draw on a terminal, where results do not go there too */
    Heartbeat(boolean drawn) {
        this.drawn = drawn;
    }

    /**
     * Tells how far the work is, if it is time to.
     *
     * @param before images that were done before this began
     */
    void show(long images, long before) {
        long now = System.nanoTime();
        if (terminal.isTerminal()) {
            if (drawn) {
                terminal.draw(false, columns -> List.of(text(images, before, now)));
            }
        } else if (now - last >= pause) {
            last = now;
            System.err.println("vitrail: " + text(images, before, now));
        }
    }

    private String text(long images, long before, long now) {
        return String.format(
                Locale.ROOT,
                "%,d images, %.0f images/s",
                images,
                (images - before) / Math.max(1e-3, (now - start) / 1e9));
    }

    @Override
    public void close() {
        terminal.close();
    }
}
