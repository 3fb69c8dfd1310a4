package dev.vitrail.engine;

import org.bytedeco.pytorch.GradMode;

/** Whether operations of this thread are recorded for a backward pass. */
public final class Gradients {
    private Gradients() {}

    /** Turns recording off until the result is closed. */
    public static Scope off() {
        return new Scope(false);
    }

    /** Turns recording on until the result is closed. */
    public static Scope on() {
        return new Scope(true);
    }

    /** Whether operations are recorded at present. */
    public static boolean recorded() {
        return GradMode.is_enabled();
    }

    /** Restores the former state when closed. */
    public static final class Scope implements AutoCloseable {
        private final boolean before;

        private Scope(boolean enabled) {
            Natives.load();
            before = GradMode.is_enabled();
            GradMode.set_enabled(enabled);
        }

        @Override
        public void close() {
            GradMode.set_enabled(before);
        }
    }
}
