package dev.vitrail.distributed;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.engine.CollectiveStore;
import dev.vitrail.errors.VitrailException;
import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The roll of a group: a connection of every process with rank 0, by which they meet, compare what they are about to do, and notice when
 * one of them is gone.
 *
 * <p>Every process says twice a second that it is there. A killed process closes its connection; of a process that hangs nothing is heard.
 * Rank 0 notices either of the others, the others notice it of rank 0, and rank 0 tells the rest.
 */
final class Roster {
    private static final Logger LOG = LoggerFactory.getLogger(Roster.class);

    /** Differs where processes of two releases would not understand each other. */
    private static final String PROTOCOL = "vitrail-group-1";

    private static final Duration BEAT = Duration.ofMillis(500);

    /** For what connects and says nothing, as a probe of the port does. */
    private static final Duration GREETING = Duration.ofSeconds(5);

    private static final Duration RETRY = Duration.ofMillis(200);

    private final Rendezvous place;
    private final ProcessGroup.Settings settings;
    /** By rank: of rank 0 all others, of the others rank 0. */
    private final Map<Integer, Connection> connections = new ConcurrentSkipListMap<>();

    private final Object lock = new Object();
    // Guarded by the lock:
    private final Map<Integer, Deque<Message>> received = new TreeMap<>();
    private @Nullable VitrailException failure;
    private @Nullable Consumer<VitrailException> listener;
    private boolean closed;

    private Roster(Rendezvous place, ProcessGroup.Settings settings) {
        this.place = place;
        this.settings = settings;
    }

    /**
     * A process that has found the others.
     *
     * @param store the group's store of keys
     * @param host this machine's address, by which the others reach it
     */
    record Joined(Roster roster, CollectiveStore store, String host) {}

    // ------------------------------------------------------------------------------------------------------ meeting

    /**
     * Meets the others; returns when all have come.
     *
     * @throws VitrailException if not all come in time, or they do not belong together
     */
    static Joined meet(Rendezvous place, ProcessGroup.Settings settings) {
        var roster = new Roster(place, settings);
        try {
            return place.rank() == 0 ? roster.host() : roster.join();
        } catch (RuntimeException | Error e) {
            roster.disconnect();
            throw e;
        }
    }

    private Joined host() {
        try (var server = place.attempt().isPresent() ? bind(null, 0) : listen()) {
            if (place.attempt().isPresent()) {
                try (var store = agentStore()) {
                    store.set(key(), Integer.toString(server.getLocalPort()));
                }
            }
            long deadline = System.nanoTime() + settings.join().toNanos();
            while (connections.size() < place.worldSize() - 1) {
                greet(server, deadline);
            }
        } catch (IOException e) {
            throw new VitrailException(
                    "rank 0 cannot wait for the others at %s, port %d: %s"
                            .formatted(place.address(), place.port(), e.getMessage()),
                    e);
        }
        var host = hostAddress();
        var store = CollectiveStore.serve(host, settings.join());
        connections
                .values()
                .forEach(other -> other.send(new Message(Message.Type.WELCOME, Integer.toString(store.port()))));
        start();
        return new Joined(this, store, host);
    }

    /** Waits at the address if it is this machine's, else, behind a translation of addresses, at all that it has. */
    private ServerSocket listen() throws IOException {
        try {
            return bind(InetAddress.getByName(place.address()), place.port());
        } catch (UnknownHostException e) {
            throw new VitrailException(
                    "the address %s of rank 0 is not known to the name service: name a host that all machines know"
                            .formatted(place.address()),
                    e);
        } catch (BindException e) {
            if (isInUse(e)) {
                throw inUse(e);
            }
            try {
                return bind(null, place.port());
            } catch (BindException again) {
                throw inUse(again);
            }
        }
    }

    private static boolean isInUse(BindException e) {
        return String.valueOf(e.getMessage()).contains("in use");
    }

    private VitrailException inUse(BindException e) {
        return new VitrailException(
                "port %d of %s is taken (%s), so rank 0 cannot wait there for the others: choose another MASTER_PORT, or end what"
                                .formatted(place.port(), place.address(), e.getMessage())
                        + " uses it",
                e);
    }

    private static ServerSocket bind(@Nullable InetAddress address, int port) throws IOException {
        var server = new ServerSocket();
        try {
            server.setReuseAddress(true);
            server.bind(new InetSocketAddress(address, port));
            return server;
        } catch (IOException e) {
            server.close();
            throw e;
        }
    }

    /** Takes one process in. */
    private void greet(ServerSocket server, long deadline) throws IOException {
        long left = (deadline - System.nanoTime()) / 1_000_000;
        if (left <= 0) {
            throw refuse(
                    "%s did not come within %d s (%d of %d are here): start all of them, with the same MASTER_ADDR and MASTER_PORT"
                            .formatted(
                                    missing(), settings.join().toSeconds(), connections.size() + 1, place.worldSize()));
        }
        server.setSoTimeout((int) Math.min(left, 500));
        Socket socket;
        try {
            socket = server.accept();
        } catch (java.net.SocketTimeoutException e) {
            return;
        }
        try {
            socket.setSoTimeout((int) GREETING.toMillis());
            socket.setTcpNoDelay(true);
            var in = Connection.in(socket);
            var hello = Message.read(in);
            var facts = hello.text().split("\n", -1);
            if (hello.type() != Message.Type.HELLO || facts.length != 4) {
                throw new IOException("no greeting");
            }
            var other = new Connection(Integer.parseInt(facts[1]), socket, in);
            admit(other, facts);
            other.waitAtMost(Duration.ZERO);
        } catch (IOException | NumberFormatException e) {
            LOG.debug(
                    "{} connected and is no process of the group: {}", socket.getRemoteSocketAddress(), e.getMessage());
            socket.close();
        }
    }

    private void admit(Connection other, String[] facts) {
        var refusal = !facts[0].equals(PROTOCOL)
                ? Optional.of(
                        "rank %s and rank 0 are of different releases of vitrail: install the same on all machines"
                                .formatted(facts[1]))
                : !facts[2].equals(Integer.toString(place.worldSize()))
                        ? Optional.of(
                                "rank %s was started with WORLD_SIZE %s and rank 0 with %d: start all with the same"
                                        .formatted(facts[1], facts[2], place.worldSize()))
                        : other.rank < 1 || other.rank >= place.worldSize() || connections.containsKey(other.rank)
                                ? Optional.of("two processes were started with RANK %d: give each its own, from 0 to %d"
                                        .formatted(other.rank, place.worldSize() - 1))
                                : Optional.<String>empty();
        if (refusal.isPresent()) {
            other.send(new Message(Message.Type.REFUSED, refusal.get()));
            other.close();
            throw refuse(refusal.get());
        }
        connections.put(other.rank, other);
    }

    private String missing() {
        var ranks = IntStream.range(1, place.worldSize())
                .filter(rank -> !connections.containsKey(rank))
                .mapToObj(Integer::toString)
                .toList();
        return (ranks.size() == 1 ? "rank " : "ranks ")
                + ranks.stream().limit(8).collect(Collectors.joining(", "))
                + (ranks.size() > 8 ? " and others" : "");
    }

    private Joined join() {
        long deadline = System.nanoTime() + settings.join().toNanos();
        int port = place.port();
        if (place.attempt().isPresent()) {
            try (var store = agentStore()) {
                port = Integer.parseInt(store.get(key()));
            }
        }
        var host = connect(port, deadline);
        connections.put(0, host);
        host.send(new Message(
                Message.Type.HELLO,
                String.join(
                        "\n",
                        PROTOCOL,
                        Integer.toString(place.rank()),
                        Integer.toString(place.worldSize()),
                        Integer.toString(place.localRank()))));
        Message answer;
        try {
            host.waitAtMost(settings.join().plus(GREETING)); // rank 0 waits no longer than that for the others
            answer = host.read();
            host.waitAtMost(Duration.ZERO);
        } catch (IOException e) {
            throw new VitrailException(
                    "rank 0 at %s, port %d, ended before all processes had come: its own message says why"
                            .formatted(place.address(), port),
                    e);
        }
        require(answer.type() == Message.Type.WELCOME, "%s", answer.text());
        start();
        var store = CollectiveStore.connect(place.address(), Integer.parseInt(answer.text()), settings.join());
        return new Joined(this, store, address(host.localAddress()));
    }

    private Connection connect(int port, long deadline) {
        IOException last = new IOException("no attempt was made");
        while (System.nanoTime() < deadline) {
            var socket = new Socket();
            try {
                socket.connect(new InetSocketAddress(place.address(), port), (int) GREETING.toMillis());
                socket.setTcpNoDelay(true);
                return new Connection(0, socket, Connection.in(socket));
            } catch (IOException e) {
                last = e;
                close(socket);
            }
            pause(RETRY);
        }
        throw new VitrailException(
                "no process with rank 0 answered at %s, port %d, within %d s (%s): start rank 0, and check MASTER_ADDR, MASTER_PORT and"
                                .formatted(
                                        place.address(), port, settings.join().toSeconds(), reason(last))
                        + " the firewall",
                last);
    }

    private static String reason(IOException e) {
        return e instanceof UnknownHostException ? "unknown host" : String.valueOf(e.getMessage());
    }

    private static void close(Socket socket) {
        try {
            socket.close();
        } catch (IOException ignored) {
            // It was not open.
        }
    }

    private static void pause(Duration time) {
        try {
            Thread.sleep(time.toMillis());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new VitrailException("interrupted while waiting for the other processes", e);
        }
    }

    private CollectiveStore agentStore() {
        return CollectiveStore.connect(place.address(), place.port(), settings.join());
    }

    private String key() {
        return "vitrail/roster/" + place.attempt().orElseThrow();
    }

    /** Of the addresses by which the others came, the one that other machines reach. */
    private String hostAddress() {
        var addresses =
                connections.values().stream().map(Connection::localAddress).toList();
        return address(addresses.stream()
                .filter(address -> !address.isLoopbackAddress())
                .findFirst()
                .orElse(addresses.get(0)));
    }

    private static String address(InetAddress address) {
        var text = address.getHostAddress();
        int scope = text.indexOf('%');
        return scope < 0 ? text : text.substring(0, scope);
    }

    // -------------------------------------------------------------------------------------------------- supervision

    private void start() {
        connections.values().forEach(other -> {
            other.forgiveSilence(); // while the last ones came
            other.listen(this::received, this::ended);
        });
        var beats = new Thread(this::beat, "vitrail-beat");
        beats.setDaemon(true);
        beats.start();
    }

    private void beat() {
        long before = System.nanoTime();
        while (!isOver()) {
            connections.values().forEach(other -> other.send(Message.of(Message.Type.BEAT)));
            try {
                Thread.sleep(BEAT.toMillis());
            } catch (InterruptedException e) {
                return;
            }
            long now = System.nanoTime();
            if (now - before > 4 * BEAT.toNanos()) {
                // This process itself was stopped, or the machine slept: what the others said meanwhile is still to be
                // read.
                connections.values().forEach(Connection::forgiveSilence);
            }
            before = now;
            connections.values().stream()
                    .filter(other ->
                            !other.done && other.silence() > settings.silence().toNanos())
                    .findFirst()
                    .ifPresent(other -> lost("%s has not answered for %d s"
                            .formatted(
                                    place.name(other.rank), settings.silence().toSeconds())));
        }
    }

    private boolean isOver() {
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
            connections.values().forEach(other -> other.send(told));
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

    /** The next message of a process. */
    private Message next(int rank) {
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

    // ---------------------------------------------------------------------------------------------------- agreement

    /**
     * Requires a value to be the same in all processes. To be called by all, topic after topic.
     *
     * @throws VitrailException in all processes, naming the first line in which the first that differs does so
     */
    void requireSame(String topic, String value) {
        var own = topic + "\n" + value;
        if (place.rank() > 0) {
            send(0, new Message(Message.Type.VALUE, own));
            next(0);
            return;
        }
        var others = new TreeMap<Integer, String>();
        connections.keySet().forEach(rank -> others.put(rank, next(rank).text()));
        others.forEach((rank, other) -> {
            if (!other.equals(own)) {
                throw refuse("rank %d and rank 0 differ in %s: %s; start all processes with the same"
                        .formatted(rank, topic, difference(own, other)));
            }
        });
        connections.values().forEach(other -> other.send(Message.of(Message.Type.AGREED)));
    }

    static String difference(String own, String other) {
        var mine = own.split("\n", -1);
        var theirs = other.split("\n", -1);
        int line = 0;
        while (line < Math.min(mine.length, theirs.length) && mine[line].equals(theirs[line])) {
            line++;
        }
        return "'%s' there, '%s' here"
                .formatted(
                        line < theirs.length ? theirs[line] : "nothing", line < mine.length ? mine[line] : "nothing");
    }

    /** The text of rank 0, in all processes. */
    String share(Supplier<String> first) {
        if (place.rank() > 0) {
            return next(0).text();
        }
        var text = first.get();
        connections.values().forEach(other -> other.send(new Message(Message.Type.VALUE, text)));
        return text;
    }

    private void send(int rank, Message message) {
        var other = connections.get(rank);
        if (other != null) {
            other.send(message);
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
        connections.values().forEach(other -> other.send(last));
        disconnect();
    }

    /**
     * Leaves a group whose work is done, when all others have done theirs.
     *
     * @throws VitrailException if one of them is lost before
     */
    void finish() {
        if (place.rank() > 0) {
            send(0, Message.of(Message.Type.DONE));
        }
        synchronized (lock) {
            while (!connections.values().stream().allMatch(other -> other.done)) {
                check();
                await();
            }
            closed = true;
        }
        if (place.rank() == 0) {
            connections.values().forEach(other -> other.send(Message.of(Message.Type.DONE)));
        }
        disconnect();
    }

    private void disconnect() {
        connections.values().forEach(Connection::close);
    }
}
