package dev.vitrail.engine;

import dev.vitrail.errors.VitrailException;
import java.time.Duration;
import org.bytedeco.javacpp.chrono.Milliseconds;
import org.bytedeco.pytorch.TCPStore;
import org.bytedeco.pytorch.TCPStoreOptions;

/**
 * libtorch's table of keys and values over TCP ({@code c10d::TCPStore}), through which processes find each other: one
 * process serves it, all others are its clients. The protocol is PyTorch's own, so that the store of {@code torchrun}
 * can be read as well.
 */
public final class CollectiveStore implements AutoCloseable {
    final TCPStore handle;

    private CollectiveStore(TCPStore handle) {
        this.handle = handle;
    }

    /**
     * Serves a store in this process, on a port of the system's choice.
     *
     * @param host by which this process itself reaches it
     * @param timeout of every operation
     */
    public static CollectiveStore serve(String host, Duration timeout) {
        return open(host, 0, true, timeout);
    }

    /**
     * Connects to a store that another process serves.
     *
     * @param timeout of every operation, the connection among them
     */
    public static CollectiveStore connect(String host, int port, Duration timeout) {
        return open(host, port, false, timeout);
    }

    private static CollectiveStore open(String host, int port, boolean serves, Duration timeout) {
        return Frame.compute(() -> {
            var options = new TCPStoreOptions()
                    .port((short) port) // C++ reads it without its sign
                    .isServer(serves)
                    .waitWorkers(false)
                    .useLibUV(false)
                    .timeout(new Milliseconds(timeout.toMillis()));
            try {
                var store = new TCPStore(host, options);
                store.retainReference();
                return new CollectiveStore(store);
            } catch (RuntimeException e) {
                throw new VitrailException(
                        "the store of keys at %s could not be %s (%s): check the address, the port and the firewall"
                                .formatted(
                                        port == 0 ? host : host + ":" + port,
                                        serves ? "served" : "reached",
                                        firstLine(e)),
                        e);
            }
        });
    }

    /** The port that it is served on. */
    public int port() {
        return Short.toUnsignedInt(handle.getPort());
    }

    /** Sets the value of a key. */
    public void set(String key, String value) {
        Frame.run(() -> handle.set(key, value));
    }

    /**
     * The value of a key; waits until it is set.
     *
     * @throws VitrailException if it is not set in time
     */
    public String get(String key) {
        try {
            return Frame.compute(() -> handle.get_to_str(key));
        } catch (RuntimeException e) {
            throw new VitrailException(
                    "no process has set '%s' in the store of keys (%s): were all processes started?"
                            .formatted(key, firstLine(e)),
                    e);
        }
    }

    /** libtorch's messages go on with the frames of its stack. */
    static String firstLine(RuntimeException e) {
        return String.valueOf(e.getMessage()).lines().findFirst().orElse("no reason was given");
    }

    /** Ends the connection; of a served store, the service. */
    @Override
    public void close() {
        handle.releaseReference();
    }
}
