package dev.vitrail.serve;

/** State of the server as a whole. */
final class Health {
    enum State {
        /** Models are loaded and warmed up. */
        STARTING,
        READY,
        /** Requests under way are answered, and then the server ends. */
        DRAINING
    }

    private State state = State.STARTING;

    synchronized State state() {
        return state;
    }

    synchronized void ready() {
        if (state == State.STARTING) {
            state = State.READY;
        }
    }

    synchronized void draining() {
        state = State.DRAINING;
    }
}
