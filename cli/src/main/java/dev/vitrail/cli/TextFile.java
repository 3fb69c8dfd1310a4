package dev.vitrail.cli;

import dev.vitrail.files.AtomicFile;
import java.io.BufferedWriter;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.stream.Stream;

/** Text that is written piece by piece, so that the whole may be longer than a string can be. */
final class TextFile {
    private TextFile() {}

    /** Replaces {@code file} by pieces of text, one after the other, in UTF-8. */
    static void write(Path file, Stream<String> pieces) {
        AtomicFile.write(file, channel -> {
            var out = new BufferedWriter(Channels.newWriter(channel, StandardCharsets.UTF_8));
            for (var each = pieces.iterator(); each.hasNext(); ) {
                out.write(each.next());
            }
            out.flush();
        });
    }
}
