package dev.vitrail.distributed;

import java.io.BufferedInputStream;
import java.io.Closeable;
import java.io.DataInputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.time.Duration;
import java.util.function.BiConsumer;
import java.util.function.Consumer;

/** A connection to another process of the group. */
final class Connection implements Closeable {
    /** Rank of the process at the other end. */
    final int rank;

    private final Socket socket;
    private final DataInputStream in;
    private volatile long heard = System.nanoTime();

    /**
     * True once the other process has said that it is done; the end of the connection is then no failure of the group.
     */
    volatile boolean done;

    Connection(int rank, Socket socket, DataInputStream in) {
        this.rank = rank;
        this.socket = socket;
        this.in = in;
    }

    static DataInputStream in(Socket socket) throws IOException {
        return new DataInputStream(new BufferedInputStream(socket.getInputStream()));
    }

    /** Reads on a thread of its own, until the connection ends. */
    void listen(BiConsumer<Connection, Message> received, Consumer<Connection> ended) {
        var reader = new Thread(
                () -> {
                    try {
                        while (true) {
                            var message = Message.read(in);
                            heard = System.nanoTime();
                            received.accept(this, message);
                        }
                    } catch (IOException e) {
                        ended.accept(this);
                    }
                },
                "vitrail-rank-" + rank);
        reader.setDaemon(true);
        reader.start();
    }

    /** Sends a message; that the other process is gone is noticed by the reader. */
    void send(Message message) {
        synchronized (socket) {
            try {
                message.write(socket.getOutputStream());
            } catch (IOException e) {
                close();
            }
        }
    }

    /** Sets the timeout of a read; zero: none. */
    void waitAtMost(Duration time) throws IOException {
        socket.setSoTimeout((int) time.toMillis());
    }

    Message read() throws IOException {
        return Message.read(in);
    }

    /** Nanoseconds since something was heard of the other process. */
    long silence() {
        return System.nanoTime() - heard;
    }

    /** Begins to count anew, as after a pause of this process. */
    void forgiveSilence() {
        heard = System.nanoTime();
    }

    /** This machine's address, as the other process sees it. */
    InetAddress localAddress() {
        return socket.getLocalAddress();
    }

    @Override
    public void close() {
        try {
            socket.close();
        } catch (IOException ignored) {
            // It is gone already.
        }
    }
}
