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
        /** Greeting to rank 0, with the rank. */
        HELLO,
        /** Answer of rank 0 when all have come: the port of the store of keys. */
        WELCOME,
        /** Sign of life. */
        BEAT,
        /** Value of a topic: to rank 0 the sender's, from rank 0 its own. */
        VALUE,
        /** Agreement, from rank 0: all values are the same. */
        AGREED,
        /** Refusal of the work, and why. */
        REFUSED,
        /** Failure: to rank 0 the end of the sender, and why; from rank 0 the loss of a process or its own end. */
        LOST,
        /** End of the work: to rank 0 that of the sender, from rank 0 that of all. */
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
