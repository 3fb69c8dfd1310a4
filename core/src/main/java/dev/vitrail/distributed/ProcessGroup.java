package dev.vitrail.distributed;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.engine.CollectiveStore;
import dev.vitrail.engine.Collectives;
import dev.vitrail.engine.Device;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.Tensor;
import dev.vitrail.errors.VitrailException;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The processes that make one training together, as seen from one of them. A training in one process is the group of
 * size one, in which every operation below does nothing.
 *
 * <pre>{@code
 * var place = new Rendezvous("10.0.0.1", 29500, rank, 4, localRank);
 * try (var group = ProcessGroup.open(place, ProcessGroup.Settings.DEFAULT)) {
 *     var options = RunOptions.DEFAULT.withGroup(group);
 *     …
 * }
 * }</pre>
 *
 * <p>All processes call the same operations in the same order, each from one thread. Where one of them ends or hangs,
 * an operation of the others throws {@link PeerLostException}, at most {@link Settings#silence} and a second later,
 * instead of waiting for ever.
 */
public final class ProcessGroup implements AutoCloseable {
    /** Environment variable by which users of PyTorch name the network interface. */
    private static final String INTERFACE = "GLOO_SOCKET_IFNAME";

    /** Interval between two checks of whether the group has failed. */
    private static final Duration LOOK = Duration.ofMillis(250);

    /** An operation fails at once where a connection breaks; who broke it is told a moment later. */
    private static final Duration REASON = Duration.ofSeconds(10);

    /**
     * Timeouts of a group: the longest that processes wait for each other.
     *
     * @param join for all of them to come
     * @param silence for a sign of life of another, before it counts as lost
     * @param operation for an operation of tensors, while all are alive
     */
    public record Settings(Duration join, Duration silence, Duration operation) {
        /** Five minutes to come, six seconds of silence, half an hour for an operation. */
        public static final Settings DEFAULT =
                new Settings(Duration.ofMinutes(5), Duration.ofSeconds(6), Duration.ofMinutes(30));

        public Settings {
            require(
                    join.toMillis() > 0 && silence.toSeconds() >= 2 && operation.toMillis() > 0,
                    "processes wait for each other for some time, and at least 2 s for a sign of life, found"
                            + " %s, %s and %s",
                    join,
                    silence,
                    operation);
        }

        public Settings withJoin(Duration time) {
            return new Settings(time, silence, operation);
        }
    }

    /** The parts of a group of several processes. */
    private record Parts(Roster roster, Agreement agreement, CollectiveStore store, Collectives collectives) {}

    private static final ProcessGroup SINGLE = new ProcessGroup(0, 1, Settings.DEFAULT, Optional.empty());

    private final int rank;
    private final int size;
    private final Settings settings;
    private final Optional<Parts> parts;
    private volatile boolean working;
    private boolean closed;

    private ProcessGroup(int rank, int size, Settings settings, Optional<Parts> parts) {
        this.rank = rank;
        this.size = size;
        this.settings = settings;
        this.parts = parts;
    }

    /** The group of this process alone. */
    public static ProcessGroup single() {
        return SINGLE;
    }

    /**
     * Meets the other processes; returns when all have come and are connected.
     *
     * @throws VitrailException if not all come in time, the port of rank 0 is taken, or they do not belong together
     */
    public static ProcessGroup open(Rendezvous place, Settings settings) {
        return open(place, settings, lost -> {});
    }

    /** @param failed is told at once, on another thread, when the group fails */
    private static ProcessGroup open(Rendezvous place, Settings settings, Consumer<VitrailException> failed) {
        if (place.worldSize() == 1) {
            return SINGLE;
        }
        var joined = Meeting.meet(place, settings);
        joined.roster().onFailure(failed);
        try {
            var collectives = Collectives.open(
                    joined.store(),
                    place.rank(),
                    place.worldSize(),
                    joined.host(),
                    Optional.ofNullable(System.getenv(INTERFACE)).filter(name -> !name.isBlank()),
                    settings.join());
            return new ProcessGroup(
                    place.rank(),
                    place.worldSize(),
                    settings,
                    Optional.of(
                            new Parts(joined.roster(), new Agreement(joined.roster()), joined.store(), collectives)));
        } catch (RuntimeException e) {
            var sentence =
                    "%s cannot connect to the others from %s (%s): name the network interface that reaches them in %s"
                            .formatted(place.name(place.rank()), joined.host(), e.getMessage(), INTERFACE);
            joined.roster().refuse(sentence);
            throw new VitrailException(sentence, e);
        }
    }

    /** Time for rank 0 to come to the end of its step and save; the others have nothing to save. */
    private static final Duration SAVING = Duration.ofSeconds(60), LEAVING = Duration.ofSeconds(2);

    /**
     * Meets the other processes, works, and leaves with them: what one process of a group does. Where the work throws,
     * the others are told why. Where another process is lost, the work's next operation with the others throws {@link
     * PeerLostException}.
     *
     * @param work opens runs with the group among their options, mostly
     * @param overdue is called on another thread where the work has not returned some time after another process was
     *     lost, 60 s in rank 0, which may have to save, and 2 s in the others: a program whose process is its own ends
     *     it then
     * @throws PeerLostException if another process is lost
     * @throws VitrailException if the processes do not meet, or do not belong together
     */
    public static <T> T run(
            Rendezvous place, Settings settings, Function<ProcessGroup, T> work, Consumer<VitrailException> overdue) {
        var returned = new CountDownLatch(1);
        var opened = new AtomicReference<@Nullable ProcessGroup>();
        try (var group = open(place, settings, lost -> watch(lost, opened, returned, overdue))) {
            opened.set(group);
            try {
                return work.apply(group);
            } catch (RuntimeException | Error e) {
                returned.countDown();
                group.fail(
                        e instanceof VitrailException
                                ? String.valueOf(e.getMessage())
                                : e.toString().lines().findFirst().orElse(""));
                throw e;
            }
        } finally {
            returned.countDown();
        }
    }

    private static void watch(
            VitrailException lost,
            AtomicReference<@Nullable ProcessGroup> opened,
            CountDownLatch returned,
            Consumer<VitrailException> overdue) {
        var group = opened.get();
        var patience = group != null && group.isFirst() && group.working ? SAVING : LEAVING;
        var watchdog = new Thread(
                () -> {
                    try {
                        if (!returned.await(patience.toMillis(), TimeUnit.MILLISECONDS)) {
                            overdue.accept(lost);
                        }
                    } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                    }
                },
                "vitrail-watchdog");
        watchdog.setDaemon(true);
        watchdog.start();
    }

    /** This process's number, from 0. */
    public int rank() {
        return rank;
    }

    /** Number of processes. */
    public int size() {
        return size;
    }

    /** Returns whether this is rank 0, the only process that writes files and prints. */
    public boolean isFirst() {
        return rank == 0;
    }

    /** Returns whether this process works alone. */
    public boolean isSingle() {
        return parts.isEmpty();
    }

    /**
     * Requires all processes to be about to do the same.
     *
     * @param what names the value, such as {@code options}
     * @param value compared line by line
     * @throws VitrailException in all processes, naming the rank and the line that differ
     */
    public void requireSame(String what, String value) {
        parts.ifPresent(all -> all.agreement.requireSame(what, value));
    }

    /**
     * Broadcasts a text of rank 0 to all processes, and returns it.
     *
     * @param first is called in rank 0 alone
     */
    public String share(Supplier<String> first) {
        return parts.isEmpty() ? first.get() : parts.get().agreement.share(first);
    }

    /** A sum over all processes that was begun. */
    public interface Sum {
        /**
         * Waits for it; it is then in the tensor that was given.
         *
         * @throws PeerLostException if another process is lost
         */
        void await();
    }

    /**
     * Begins to replace the elements by their sums over all processes, which goes on while the caller computes.
     *
     * @param tensor on the CPU and contiguous; of the same type and number of elements in all processes
     */
    public Sum beginSum(Tensor tensor) {
        if (parts.isEmpty()) {
            return () -> {};
        }
        return begin(() -> parts.get().collectives.sum(tensor));
    }

    /** Replaces the elements by their sums over all processes. */
    public void sum(Tensor tensor) {
        beginSum(tensor).await();
    }

    /** The sums of numbers over all processes. */
    public double[] sum(double... values) {
        if (parts.isEmpty()) {
            return values;
        }
        return Frame.compute(() -> {
            var tensor = Tensor.of(values, values.length);
            sum(tensor);
            return tensor.toDoubles();
        });
    }

    /**
     * The numbers of every process, by rank, in all processes.
     *
     * @param values as many as each likes
     */
    public List<double[]> gather(double[] values) {
        if (parts.isEmpty()) {
            return List.of(values);
        }
        // Each process adds its numbers to zeros, at places of its own.
        var counts = new double[size];
        counts[rank] = values.length;
        counts = sum(counts);
        int[] begin = new int[size + 1];
        for (int i = 0; i < size; i++) {
            begin[i + 1] = begin[i] + (int) counts[i];
        }
        var all = new double[begin[size]];
        System.arraycopy(values, 0, all, begin[rank], values.length);
        var summed = all.length == 0 ? all : sum(all);
        return IntStream.range(0, size)
                .mapToObj(i -> Arrays.copyOfRange(summed, begin[i], begin[i + 1]))
                .toList();
    }

    /** Replaces the elements of tensors, which may lie on any device, by those of a process. */
    public void broadcast(List<Tensor> tensors, int root) {
        parts.ifPresent(all -> tensors.forEach(tensor -> {
            try (var frame = Frame.open();
                    var off = Gradients.off()) {
                var plain = tensor.detach().to(Device.CPU).contiguous();
                begin(() -> all.collectives.broadcast(plain, root)).await();
                tensor.copyInPlace(plain);
            }
        }));
    }

    private Sum begin(Supplier<Collectives.Pending> operation) {
        working = true;
        check();
        Collectives.Pending pending;
        try {
            pending = operation.get();
        } catch (RuntimeException e) {
            throw failed(e);
        }
        return () -> await(pending);
    }

    private void await(Collectives.Pending pending) {
        long deadline = System.nanoTime() + settings.operation.toNanos();
        try {
            while (!pending.await(LOOK)) {
                check();
                if (System.nanoTime() > deadline) {
                    throw new PeerLostException(
                            "an operation of all %d processes did not end within %d s: one of them is stuck"
                                    .formatted(size, settings.operation.toSeconds()));
                }
            }
        } catch (VitrailException e) {
            throw e;
        } catch (RuntimeException e) {
            throw failed(e);
        }
    }

    /**
     * Reason that an operation failed: the loss of a process, which the roster hears of as well, tells more than Gloo's
     * words for it.
     */
    private VitrailException failed(RuntimeException e) {
        try {
            parts.ifPresent(all -> all.roster.awaitFailure(REASON));
        } catch (VitrailException reason) {
            return reason;
        }
        return new PeerLostException(
                "the connection to another of the %d processes broke (%s)".formatted(size, e.getMessage()), e);
    }

    /** @throws VitrailException if a process is known to be lost */
    public void check() {
        parts.ifPresent(all -> all.roster.check());
    }

    /**
     * Leaves the group without having done its work; the others end as well. Before the first operation on tensors they
     * take the reason for bad input, and afterwards for the loss of this process.
     */
    public void fail(String reason) {
        closed = true;
        parts.ifPresent(all -> {
            if (working) {
                all.roster.abandon("rank %d of %d cannot go on: %s".formatted(rank, size, reason));
            } else {
                all.roster.refuse("rank %d of %d cannot begin: %s".formatted(rank, size, reason));
            }
        });
    }

    /**
     * Leaves the group when all processes have done their work.
     *
     * @throws PeerLostException if one is lost before
     */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        parts.ifPresent(all -> {
            all.roster.finish();
            all.collectives.close();
            all.store.close();
        });
    }
}
