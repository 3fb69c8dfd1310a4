package dev.vitrail.distributed;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/** Groups whose ranks are threads of this process, connected by way of loopback as processes are. */
public final class Ranks {
    /** Long enough for a loaded machine, and for a test that waits in vain. */
    static final ProcessGroup.Settings SETTINGS =
            new ProcessGroup.Settings(Duration.ofSeconds(60), Duration.ofSeconds(6), Duration.ofSeconds(60));

    private Ranks() {}

    /** A port that nothing listens on at present. */
    public static int freePort() {
        try (var socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Where rank {@code rank} of {@code size} meets the others. */
    static Rendezvous place(int port, int rank, int size) {
        return new Rendezvous("127.0.0.1", port, rank, size, rank);
    }

    /** What each rank's work gives; throws what the first that failed threw. */
    public static <T> List<T> run(int size, Function<ProcessGroup, T> work) {
        int port = freePort();
        var places = new ArrayList<Rendezvous>();
        for (int rank = 0; rank < size; rank++) {
            places.add(place(port, rank, size));
        }
        return start(places, place -> ProcessGroup.run(place, SETTINGS, work, lost -> {})).stream()
                .map(CompletableFuture::join)
                .toList();
    }

    /** Begins work on a thread for each place, and waits until all have ended, well or not. */
    static <T> List<CompletableFuture<T>> start(List<Rendezvous> places, Function<Rendezvous, T> work) {
        ExecutorService threads = Executors.newFixedThreadPool(places.size());
        try {
            var found = places.stream()
                    .map(place -> CompletableFuture.supplyAsync(() -> work.apply(place), threads))
                    .toList();
            found.forEach(future -> future.handle((value, failure) -> true)
                    .orTimeout(90, TimeUnit.SECONDS)
                    .join());
            return found;
        } finally {
            threads.shutdownNow();
        }
    }
}
