package dev.vitrail.distributed;

import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/**
 * A message between two processes: a byte of the type, four of the length, and as many bytes of text in UTF-8.
 *
 * @param text empty where the type says all
 */
record Message(Type type, String text) {
    /** Configurations and lists of epochs are the longest texts. */
    private static final int MOST_BYTES = 64 << 20;

    enum Type {
        /** To rank 0: who I am. */
        HELLO,
        /** From rank 0, when all have come: the port of the store of keys. */
        WELCOME,
        /** I am still there. */
        BEAT,
        /** To rank 0: my value of a topic. From rank 0: its own. */
        VALUE,
        /** From rank 0: all values are the same. */
        AGREED,
        /** The work does not begin, and why. */
        REFUSED,
        /** To rank 0: I end, and why. From rank 0: a process is lost, or rank 0 ends itself. */
        LOST,
        /** To rank 0: I have done my work. From rank 0: so have all. */
        DONE
    }

    static Message of(Type type) {
        return new Message(type, "");
    }

    void write(OutputStream out) throws IOException {
        var bytes = text.getBytes(StandardCharsets.UTF_8);
        out.write(ByteBuffer.allocate(5 + bytes.length)
                .put((byte) type.ordinal())
                .putInt(bytes.length)
                .put(bytes)
                .array());
        out.flush();
    }

    /** @throws IOException if the connection ends, or what comes is no message */
    static Message read(DataInputStream in) throws IOException {
        int type = in.read();
        if (type < 0) {
            throw new EOFException("the connection was closed");
        }
        int length = in.readInt();
        if (type >= Type.values().length || length < 0 || length > MOST_BYTES) {
            throw new IOException("what came is no message of vitrail");
        }
        return new Message(Type.values()[type], new String(in.readNBytes(length), StandardCharsets.UTF_8));
    }
}
