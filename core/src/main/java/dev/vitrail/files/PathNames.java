package dev.vitrail.files;

import dev.vitrail.errors.VitrailException;
import java.io.ByteArrayOutputStream;
import java.net.URI;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Locale;

/**
 * Names of files as text, also where the locale cannot hold them.
 *
 * <p>The JVM reads and writes names in the encoding of the locale that it was started in, which is ASCII where none
 * is set. A path keeps the bytes of its name even then, and gives them out in its URI. Here names are UTF-8,
 * whatever the locale.
 */
public final class PathNames {
    private static final Charset ENCODING = encoding();
    private static final boolean UNIX =
            System.getProperty("file.separator", "/").equals("/");

    private PathNames() {}

    private static Charset encoding() {
        var named = System.getProperty("sun.jnu.encoding", "");
        return named.isEmpty() || !Charset.isSupported(named) ? StandardCharsets.UTF_8 : Charset.forName(named);
    }

    /** Returns whether the locale's encoding can hold a name. */
    public static boolean fits(String name) {
        // What was read and did not fit has become U+FFFD.
        return ENCODING.equals(StandardCharsets.UTF_8)
                || name.indexOf('\uFFFD') < 0 && ENCODING.newEncoder().canEncode(name);
    }

    /**
     * Refuses a name that the locale's encoding cannot hold.
     *
     * @throws VitrailException that names the encoding, and the way out
     */
    public static void requireFits(String name) {
        VitrailException.require(
                fits(name),
                "the name '%s' does not fit the encoding of file names of this locale, %s: run with LC_ALL=C.UTF-8",
                name,
                ENCODING.name());
    }

    /** A path as text: as {@link Path#toString}, but with all letters. */
    public static String text(Path path) {
        var text = path.toString();
        if (!UNIX || fits(text)) {
            return text;
        }
        var whole = new StringBuilder(path.isAbsolute() ? "/" : "");
        for (int i = 0; i < path.getNameCount(); i++) {
            whole.append(i == 0 ? "" : "/").append(name(path.getName(i)));
        }
        return whole.toString();
    }

    private static String name(Path name) {
        if (fits(name.toString())) {
            return name.toString();
        }
        var uri = name.toUri().getRawPath();
        var whole = uri.endsWith("/") ? uri.substring(0, uri.length() - 1) : uri;
        var last = whole.substring(whole.lastIndexOf('/') + 1);
        var bytes = new ByteArrayOutputStream();
        for (int i = 0; i < last.length(); i++) {
            if (last.charAt(i) == '%') {
                bytes.write(Integer.parseInt(last, i + 1, i + 3, 16));
                i += 2;
            } else {
                bytes.write(last.charAt(i));
            }
        }
        return bytes.toString(StandardCharsets.UTF_8);
    }

    /**
     * The path of a text that {@link #text} gave, or that a person wrote in UTF-8.
     *
     * @throws VitrailException if this system has no path of that name
     */
    public static Path path(String text) {
        VitrailException.require(
                text.indexOf('\0') < 0, "the name '%s' has a NUL in it, as no file's has", text.replace('\0', ' '));
        if (!UNIX || fits(text)) {
            return Path.of(text);
        }
        var here = Path.of("").toAbsolutePath();
        var begin = text.startsWith("/") ? "" : here.toUri().getRawPath();
        var uri = new StringBuilder("file://").append(begin).append(begin.isEmpty() || begin.endsWith("/") ? "" : "/");
        for (byte b : text.getBytes(StandardCharsets.UTF_8)) {
            boolean plain = b == '/' || b >= '0' && b <= '9' || b >= 'A' && b <= 'Z' || b >= 'a' && b <= 'z';
            uri.append(plain ? String.valueOf((char) b) : String.format(Locale.ROOT, "%%%02X", b & 0xff));
        }
        var absolute = Path.of(URI.create(uri.toString()));
        return text.startsWith("/") ? absolute : here.relativize(absolute);
    }
}
