package dev.vitrail.cli;

import dev.vitrail.errors.VitrailException;
import java.io.BufferedOutputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

/**
 * The standard streams of the process. What a command writes to stdout is written, or the command fails: a
 * {@link PrintStream} of Java's own keeps such failures to itself. Text is UTF-8 whatever the locale, but for a console
 * of Windows, which has an encoding of its own.
 */
final class StandardStreams {
    private static final int BUFFER = 1 << 13;

    private StandardStreams() {}

    /** Nobody reads stdout any more, as after {@code | head -1}: no failure, but there is nobody to work for. */
    static final class ReaderGone extends RuntimeException {
        private static final long serialVersionUID = 1;

        ReaderGone(IOException cause) {
            super("nobody reads stdout any more", cause);
        }
    }

    /** Puts streams in the place of Java's. */
    static void install() {
        System.setOut(new PrintStream(
                new BufferedOutputStream(new Checked(new FileOutputStream(FileDescriptor.out)), BUFFER),
                true,
                encoding("stdout")));
        System.setErr(new PrintStream(
                new BufferedOutputStream(new FileOutputStream(FileDescriptor.err), BUFFER), true, encoding("stderr")));
    }

    /** Charset of text output. */
    static Charset encoding(String stream) {
        if (!System.getProperty("os.name", "").startsWith("Windows")) {
            return StandardCharsets.UTF_8;
        }
        var named = System.getProperty(stream + ".encoding", System.getProperty("sun." + stream + ".encoding", ""));
        return named.isEmpty() ? StandardCharsets.UTF_8 : Charset.forName(named);
    }

    /** Writes bytes to stdout at once. */
    static void write(byte[] bytes, int count) {
        System.out.write(bytes, 0, count);
        System.out.flush();
    }

    /**
     * Returns whether stdout was closed before the process began; the first file that Java opens has taken its place
     * then.
     */
    private static boolean closedFromTheStart() {
        try {
            var target = Files.readSymbolicLink(Path.of("/proc/self/fd/1"));
            return target.startsWith(
                    Path.of(System.getProperty("java.home", "/")).toRealPath());
        } catch (IOException | RuntimeException e) {
            return false; // no such system; a write to it will tell
        }
    }

    /** Refuses to go on where a write failed; what is left in buffers then is dropped, as the failure has been told. */
    private static final class Checked extends OutputStream {
        private final OutputStream out;
        private boolean begun;
        private boolean failed;

        Checked(OutputStream out) {
            this.out = out;
        }

        @Override
        public void write(int b) {
            write(new byte[] {(byte) b}, 0, 1);
        }

        @Override
        public void write(byte[] bytes, int from, int count) {
            if (failed) {
                return;
            }
            if (!begun && count > 0 && closedFromTheStart()) {
                failed = true;
                throw VitrailException.of("could not write to stdout: it is closed");
            }
            begun = true;
            try {
                out.write(bytes, from, count);
            } catch (IOException e) {
                failed = true;
                var reason = String.valueOf(e.getMessage());
                var lower = reason.toLowerCase(Locale.ROOT);
                if (lower.contains("broken pipe") || lower.contains("pipe is being closed")) {
                    throw new ReaderGone(e);
                }
                throw new VitrailException("could not write to stdout: " + reason, e);
            }
        }
    }
}
