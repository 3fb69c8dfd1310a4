package dev.vitrail.data;

import dev.vitrail.errors.VitrailException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** Compression of a whole tar file, which hides where its images lie: such files are not read. */
enum Packing {
    GZIP("gzip", "gunzip", "\u001f\u008b", ".tar.gz", ".tgz"),
    BZIP2("bzip2", "bunzip2", "BZh", ".tar.bz2", ".tbz2", ".tbz"),
    XZ("xz", "unxz", "\u00fd7zXZ\0", ".tar.xz", ".txz"),
    ZSTANDARD("Zstandard", "unzstd", "(\u00b5/\u00fd", ".tar.zst", ".tzst");

    /** Bytes of the longest beginning. */
    static final int BYTES = 6;

    private final String name;
    private final String command;
    private final String beginning;
    private final List<String> endings;

    Packing(String name, String command, String beginning, String... endings) {
        this.name = name;
        this.command = command;
        this.beginning = beginning;
        this.endings = List.of(endings);
    }

    /** The packing of a file that begins with these bytes. */
    static Optional<Packing> of(byte[] bytes) {
        var start = new String(bytes, StandardCharsets.ISO_8859_1);
        return Arrays.stream(values())
                .filter(packing -> start.startsWith(packing.beginning))
                .findFirst();
    }

    /** The packing of a tar file that a name's ending says. */
    static Optional<Packing> of(Path file) {
        var name = String.valueOf(file.getFileName()).toLowerCase(Locale.ROOT);
        return Arrays.stream(values())
                .filter(packing -> packing.endings.stream().anyMatch(name::endsWith))
                .findFirst();
    }

    /** Description and remedy, to be read after the file's name and "it". */
    String advice(Path file) {
        return ("is packed by %s as a whole, and no image in it can be read by itself: unpack it (%s %s) and name the"
                        + " .tar file")
                .formatted(name, command, file);
    }

    /** The refusal of such a file. */
    VitrailException refusal(Path file) {
        return VitrailException.of("%s %s", file, advice(file));
    }
}
