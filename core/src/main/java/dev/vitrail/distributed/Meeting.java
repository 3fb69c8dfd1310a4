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
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Rendezvous of the processes of a group: all connect to rank 0, which admits them and tells the port of the store of
 * keys.
 */
final class Meeting {
    private static final Logger LOG = LoggerFactory.getLogger(Meeting.class);

    /** Differs where processes of two releases would not understand each other. */
    private static final String PROTOCOL = "vitrail-group-1";

    /** Timeout for what connects and says nothing, as a probe of the port does. */
    private static final Duration GREETING = Duration.ofSeconds(5);

    private static final Duration RETRY = Duration.ofMillis(200);

    private final Rendezvous place;
    private final ProcessGroup.Settings settings;
    private final Roster roster;

    private Meeting(Rendezvous place, ProcessGroup.Settings settings) {
        this.place = place;
        this.settings = settings;
        roster = new Roster(place, settings);
    }

    /**
     * A process that has found the others.
     *
     * @param store the group's store of keys
     * @param host this machine's address, by which the others reach it
     */
    record Joined(Roster roster, CollectiveStore store, String host) {}

    /**
     * Meets the others; returns when all have come.
     *
     * @throws VitrailException if not all come in time, or they do not belong together
     */
    static Joined meet(Rendezvous place, ProcessGroup.Settings settings) {
        var meeting = new Meeting(place, settings);
        try {
            return place.rank() == 0 ? meeting.host() : meeting.join();
        } catch (RuntimeException | Error e) {
            meeting.roster.disconnect();
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
            while (roster.size() < place.worldSize() - 1) {
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
        roster.tell(new Message(Message.Type.WELCOME, Integer.toString(store.port())));
        roster.start();
        return new Joined(roster, store, host);
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
                ("port %d of %s is taken (%s), so rank 0 cannot wait there for the others: choose another"
                                        + " MASTER_PORT, or end what")
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
            throw roster.refuse(("%s did not come within %d s (%d of %d are here): start all of them, with the same"
                            + " MASTER_ADDR and MASTER_PORT")
                    .formatted(missing(), settings.join().toSeconds(), roster.size() + 1, place.worldSize()));
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
                        : other.rank < 1 || other.rank >= place.worldSize() || roster.has(other.rank)
                                ? Optional.of("two processes were started with RANK %d: give each its own, from 0 to %d"
                                        .formatted(other.rank, place.worldSize() - 1))
                                : Optional.<String>empty();
        if (refusal.isPresent()) {
            other.send(new Message(Message.Type.REFUSED, refusal.get()));
            other.close();
            throw roster.refuse(refusal.get());
        }
        roster.add(other);
    }

    private String missing() {
        var ranks = IntStream.range(1, place.worldSize())
                .filter(rank -> !roster.has(rank))
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
        roster.add(host);
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
        roster.start();
        var store = CollectiveStore.connect(place.address(), Integer.parseInt(answer.text()), settings.join());
        return new Joined(roster, store, address(host.localAddress()));
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
                ("no process with rank 0 answered at %s, port %d, within %d s (%s): start rank 0, and"
                                        + " check MASTER_ADDR, MASTER_PORT and")
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

    /** Address that other machines reach, of the addresses by which the others came. */
    private String hostAddress() {
        var addresses = roster.connections().map(Connection::localAddress).toList();
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
}
