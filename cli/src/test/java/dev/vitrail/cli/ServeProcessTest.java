package dev.vitrail.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The server as a process of its own, ended by SIGTERM while clients send: twice, or as often as {@code
 * -Dvitrail.serve.terminations=20} says.
 */
class ServeProcessTest {
    private static final int CLIENTS = 4;

    /** A client on one connection at a time, which is kept for as long as the server keeps it. */
    private static final class Client {
        private final int port;
        private final byte[] image;
        private final AtomicInteger answered;

        Client(int port, byte[] image, AtomicInteger answered) {
            this.port = port;
            this.image = image;
            this.answered = answered;
        }

        /** Sends until nobody listens any more; a request that was taken and not answered throws. */
        void run(AtomicBoolean told) {
            boolean fresh = true;
            try {
                while (true) {
                    try (var socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
                        fresh = true;
                        socket.setSoTimeout(60_000);
                        var in = new BufferedInputStream(socket.getInputStream());
                        while (request(socket, in)) {
                            fresh = false;
                            answered.incrementAndGet();
                        }
                        answered.incrementAndGet();
                    }
                }
            } catch (ConnectException e) {
                assertThat(told).as("the server ended by itself").isTrue();
            } catch (SocketException e) {
                // The system closes connections that the server had not accepted yet.
                assertThat(told.get() && fresh).as("a request was lost: " + e).isTrue();
            } catch (IOException e) {
                throw new AssertionError("a request after %d was lost".formatted(answered.get()), e);
            }
        }

        /** Sends one image; tells whether the connection stays open. */
        private boolean request(Socket socket, InputStream in) throws IOException {
            var lines = List.of(
                    "POST /v1/classify HTTP/1.1",
                    "Host: localhost",
                    "Content-Type: image/png",
                    "Content-Length: " + image.length,
                    "",
                    "");
            var head = String.join("\r\n", lines).getBytes(StandardCharsets.US_ASCII);
            var message = new byte[head.length + image.length];
            System.arraycopy(head, 0, message, 0, head.length);
            System.arraycopy(image, 0, message, head.length, image.length);
            socket.getOutputStream().write(message);
            assertThat(line(in)).isEqualTo("HTTP/1.1 200 OK");
            int length = 0;
            boolean open = true;
            for (var header = line(in); !header.isEmpty(); header = line(in)) {
                var lower = header.toLowerCase(Locale.ROOT);
                if (lower.startsWith("content-length:")) {
                    length = Integer.parseInt(lower.substring(15).strip());
                }
                open &= !lower.equals("connection: close");
            }
            var body = new String(in.readNBytes(length), StandardCharsets.UTF_8);
            assertThat(body).hasSize(length).contains("\"label\"");
            return open;
        }

        private static String line(InputStream in) throws IOException {
            var line = new StringBuilder();
            for (int c = in.read(); c != '\n'; c = in.read()) {
                if (c < 0) {
                    throw new EOFException("the connection ended after '%s'".formatted(line));
                }
                line.append((char) c);
            }
            return line.toString().strip();
        }
    }

    @Test
    void aServerThatIsToldToEndAnswersWhatItHasTaken(@TempDir Path folder) throws Exception {
        var model = Cli.model(folder.resolve("model"), "a", "b");
        var image = Files.readAllBytes(Cli.image(folder.resolve("image.png"), 32, 40, 1));
        for (int i = 0; i < Integer.getInteger("vitrail.serve.terminations", 2); i++) {
            int port;
            try (var socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
                port = socket.getLocalPort();
            }
            var place = Files.createDirectory(folder.resolve("server" + i));
            var process = Cli.start(place, "", "serve", "--model", model, "--port", port);
            while (!Files.readString(place.resolve("err")).contains("ready")
                    && !Files.readString(place.resolve("out")).contains("ready")) {
                assertThat(process.isAlive())
                        .as(Files.readString(place.resolve("err")))
                        .isTrue();
                Thread.sleep(20);
            }
            var told = new AtomicBoolean();
            var answered = new AtomicInteger();
            var clients = new ArrayList<CompletableFuture<Void>>();
            for (int c = 0; c < CLIENTS; c++) {
                clients.add(CompletableFuture.runAsync(() -> new Client(port, image, answered).run(told)));
            }
            while (answered.get() < 20 + 7 * i) {
                assertThat(clients).noneMatch(CompletableFuture::isDone);
                Thread.sleep(5);
            }
            told.set(true);
            process.toHandle().destroy(); // SIGTERM
            assertThat(process.waitFor(20, TimeUnit.SECONDS))
                    .as("ended before its --drain")
                    .isTrue();
            var ran = Cli.end(process, place);
            clients.forEach(CompletableFuture::join);
            assertThat(ran.status()).as(ran.err()).isIn(0, 128 + 15);
        }
    }
}
