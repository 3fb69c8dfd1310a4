package dev.vitrail.cli;

import dev.vitrail.models.Model;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.Collectors;

/**
 * A weights file with the names and shapes of a model of any size, all of whose numbers are 0 and take no room
 * on the disk.
 */
final class SparseCheckpoint {
    private SparseCheckpoint() {}

    static Path write(Path file, Model model) {
        var offset = new long[1];
        var header = model.parameters().entrySet().stream()
                .map(entry -> {
                    var parameter = entry.getValue();
                    long begin = offset[0];
                    offset[0] += parameter.count() * parameter.dtype().bytes();
                    return "\"%s\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":[%d,%d]}"
                            .formatted(
                                    entry.getKey(),
                                    parameter.dtype().name(),
                                    Arrays.toString(parameter.shape()),
                                    begin,
                                    offset[0]);
                })
                .collect(Collectors.joining(",", "{", "}"))
                .getBytes(StandardCharsets.UTF_8);
        try (var out = new RandomAccessFile(file.toFile(), "rw")) {
            out.write(ByteBuffer.allocate(Long.BYTES)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putLong(header.length)
                    .array());
            out.write(header);
            out.setLength(Long.BYTES + header.length + offset[0]);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return file;
    }
}
