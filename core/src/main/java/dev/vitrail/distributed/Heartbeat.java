package dev.vitrail.distributed;

import java.time.Duration;

/** Tells the others twice a second that this process is there, and notices when nothing is heard of one of them. */
final class Heartbeat {
    private static final Duration BEAT = Duration.ofMillis(500);

    private final Roster roster;
    private final Duration silence;

    /** @param silence after which a process counts as lost */
    Heartbeat(Roster roster, Duration silence) {
        this.roster = roster;
        this.silence = silence;
    }

    /** Begins, on a thread of its own, until the group ends or fails. */
    void start() {
        var beats = new Thread(this::beat, "vitrail-beat");
        beats.setDaemon(true);
        beats.start();
    }

    private void beat() {
        long before = System.nanoTime();
        while (!roster.isOver()) {
            roster.tell(Message.of(Message.Type.BEAT));
            try {
                Thread.sleep(BEAT.toMillis());
            } catch (InterruptedException e) {
                return;
            }
            long now = System.nanoTime();
            if (now - before > 4 * BEAT.toNanos()) {
                // This process itself was stopped, or the machine slept: what the others said meanwhile is still to be
                // read.
                roster.connections().forEach(Connection::forgiveSilence);
            }
            before = now;
            roster.connections()
                    .filter(other -> !other.done && other.silence() > silence.toNanos())
                    .findFirst()
                    .ifPresent(roster::silent);
        }
    }
}
