package dev.vitrail.bench;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.Locale;

/**
 * One open connection of HTTP/1.1 to this machine, which sends images and reads answers with as little work as can be:
 * the load generator shares the processor with the server.
 */
final class LoadClient implements AutoCloseable {
    private final int port;
    private Socket socket;
    private InputStream in;
    private OutputStream out;

    LoadClient(int port) throws IOException {
        this.port = port;
        socket = new Socket("127.0.0.1", port);
        in = new BufferedInputStream(socket.getInputStream());
        out = socket.getOutputStream();
    }

    /** The request that asks for an image's class. */
    static byte[] request(byte[] image) {
        var head =
                ("POST /v1/classify?top=1 HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/jpeg\r\nContent-Length: "
                                + "%d\r\n\r\n")
                        .formatted(image.length)
                        .getBytes(StandardCharsets.US_ASCII);
        var request = new byte[head.length + image.length];
        System.arraycopy(head, 0, request, 0, head.length);
        System.arraycopy(image, 0, request, head.length, image.length);
        return request;
    }

    /** Sends a request and reads its answer; the answer's status. */
    int send(byte[] request) throws IOException {
        try {
            out.write(request);
            out.flush();
        } catch (IOException e) {
            // Refused before the body was read: the answer is there all the same, or the connection is gone.
        }
        return answer();
    }

    private int answer() throws IOException {
        var first = line();
        int status = Integer.parseInt(first.substring(9, 12));
        int length = 0;
        boolean last = false;
        for (var header = line(); !header.isEmpty(); header = line()) {
            var lower = header.toLowerCase(Locale.ROOT);
            length = lower.startsWith("content-length:")
                    ? Integer.parseInt(lower.substring(15).strip())
                    : length;
            last |= lower.startsWith("connection:") && lower.contains("close");
        }
        in.skipNBytes(length);
        if (last) {
            reconnect();
        }
        return status;
    }

    private String line() throws IOException {
        var line = new StringBuilder(64);
        for (int c = in.read(); c != '\n'; c = in.read()) {
            if (c < 0) {
                throw new IOException("the server closed the connection");
            }
            if (c != '\r') {
                line.append((char) c);
            }
        }
        return line.toString();
    }

    void reconnect() throws IOException {
        socket.close();
        socket = new Socket("127.0.0.1", port);
        in = new BufferedInputStream(socket.getInputStream());
        out = socket.getOutputStream();
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
