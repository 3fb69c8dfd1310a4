package dev.vitrail.distributed;

import dev.vitrail.errors.VitrailException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The connections of a process of a group, over which it notices when another is gone: rank 0 has one with every other
 * process, the others one with rank 0. {@link Meeting} makes them, {@link Agreement} compares values over them.
 *
 * <p>Every process says twice a second that it is there ({@link Heartbeat}). A killed process closes its connection; of
 * a process that hangs nothing is heard. Rank 0 notices either of the others, the others notice it of rank 0, and rank
 * 0 tells the rest.
 */
final class Roster {
    private final Rendezvous place;
    private final ProcessGroup.Settings settings;
    /** Connections by rank: rank 0 has one to each of the others, the others have one to rank 0. */
    private final Map<Integer, Connection> connections = new ConcurrentSkipListMap<>();

    private final Object lock = new Object();
    // Guarded by the lock:
    private final Map<Integer, Deque<Message>> received = new TreeMap<>();
    private @Nullable VitrailException failure;
    private @Nullable Consumer<VitrailException> listener;
    private boolean closed;

    Roster(Rendezvous place, ProcessGroup.Settings settings) {
        this.place = place;
        this.settings = settings;
    }

    boolean isFirst() {
        return place.rank() == 0;
    }

    /** Takes a process in, before {@link #start}. */
    void add(Connection other) {
        connections.put(other.rank, other);
    }

    /** Returns whether there is a connection with a rank. */
    boolean has(int rank) {
        return connections.containsKey(rank);
    }

    /** Number of connections. */
    int size() {
        return connections.size();
    }

    /** Connections in the order of the ranks. */
    Stream<Connection> connections() {
        return connections.values().stream();
    }

    /** Sends a message to all processes that this one is connected with. */
    void tell(Message message) {
        connections.values().forEach(other -> other.send(message));
    }

    /** Begins to listen to the others, and to watch whether they are there. */
    void start() {
        connections.values().forEach(other -> {
            other.forgiveSilence(); // while the last ones came
            other.listen(this::received, this::ended);
        });
        new Heartbeat(this, settings.silence()).start();
    }

    /** Returns whether the group has ended or failed. */
    boolean isOver() {
        synchronized (lock) {
            return closed || failure != null;
        }
    }

    private void received(Connection from, Message message) {
        switch (message.type()) {
            case BEAT -> {}
            case REFUSED -> fail(new VitrailException(message.text()), message);
            case LOST -> fail(new PeerLostException(message.text()), message);
            case DONE -> {
                synchronized (lock) {
                    from.done = true;
                    lock.notifyAll();
                }
            }
            default -> {
                synchronized (lock) {
                    received.computeIfAbsent(from.rank, rank -> new ArrayDeque<>())
                            .add(message);
                    lock.notifyAll();
                }
            }
        }
    }

    private void ended(Connection other) {
        boolean expected;
        synchronized (lock) {
            expected = closed || other.done;
        }
        if (!expected) {
            lost("%s has ended without a word".formatted(place.name(other.rank)));
        }
    }

    /** Ends the group because a process has not been heard of for too long. */
    void silent(Connection other) {
        lost("%s has not answered for %d s"
                .formatted(place.name(other.rank), settings.silence().toSeconds()));
    }

    private void lost(String sentence) {
        fail(new PeerLostException(sentence), new Message(Message.Type.LOST, sentence));
    }

    /** Notes the first failure, and as rank 0 tells the others. */
    private void fail(VitrailException found, Message told) {
        Consumer<VitrailException> hears;
        synchronized (lock) {
            if (failure != null || closed) {
                return;
            }
            failure = found;
            hears = listener;
            lock.notifyAll();
        }
        if (place.rank() == 0) {
            tell(told);
        }
        if (hears != null) {
            hears.accept(found);
        }
    }

    /** Tells who must not wait for the work's own thread; at once, if the group has failed already. */
    void onFailure(Consumer<VitrailException> hears) {
        VitrailException already;
        synchronized (lock) {
            listener = hears;
            already = failure;
        }
        if (already != null) {
            hears.accept(already);
        }
    }

    /** @throws VitrailException if the group has failed */
    void check() {
        synchronized (lock) {
            if (failure != null) {
                throw failure;
            }
        }
    }

    /**
     * Waits a moment for a failure, as where an operation has failed and its reason is on its way.
     *
     * @throws VitrailException if there is one
     */
    void awaitFailure(Duration atMost) {
        long deadline = System.nanoTime() + atMost.toNanos();
        synchronized (lock) {
            while (failure == null && System.nanoTime() < deadline) {
                await();
            }
            check();
        }
    }

    private void await() {
        try {
            lock.wait(100);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new PeerLostException("interrupted while waiting for the other processes", e);
        }
    }

    /**
     * Waits for the next message of a process.
     *
     * @throws VitrailException if the group fails
     */
    Message next(int rank) {
        synchronized (lock) {
            while (true) {
                var queue = received.get(rank);
                if (queue != null && !queue.isEmpty()) {
                    return queue.remove();
                }
                check();
                await();
            }
        }
    }

    /** Ends the group before its work began; gives the exception that says so. */
    VitrailException refuse(String sentence) {
        var found = new VitrailException(sentence);
        leave(new Message(Message.Type.REFUSED, sentence), found);
        return found;
    }

    /** Ends the group, as this process cannot go on with the work. */
    void abandon(String sentence) {
        leave(new Message(Message.Type.LOST, sentence), new PeerLostException(sentence));
    }

    private void leave(Message last, VitrailException reason) {
        synchronized (lock) {
            if (failure == null) {
                failure = reason;
            }
            closed = true;
            lock.notifyAll();
        }
        tell(last);
        disconnect();
    }

    /**
     * Leaves a group whose work is done, when all others have done theirs.
     *
     * @throws VitrailException if one of them is lost before
     */
    void finish() {
        if (place.rank() > 0) {
            tell(Message.of(Message.Type.DONE));
        }
        synchronized (lock) {
            while (!connections.values().stream().allMatch(other -> other.done)) {
                check();
                await();
            }
            closed = true;
        }
        if (place.rank() == 0) {
            tell(Message.of(Message.Type.DONE));
        }
        disconnect();
    }

    /** Closes all connections. */
    void disconnect() {
        connections.values().forEach(Connection::close);
    }
}
