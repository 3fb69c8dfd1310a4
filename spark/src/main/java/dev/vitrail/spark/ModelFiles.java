package dev.vitrail.spark;

import java.io.IOException;
import java.io.Serializable;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;

/** The contents of a model's folder, in parts, as an array ends at 2 GiB. */
final class ModelFiles implements Serializable {
    private static final int PART = 64 << 20;

    private final LinkedHashMap<String, ArrayList<byte[]>> files = new LinkedHashMap<>();

    private ModelFiles() {}

    /** The files in a folder, but not those of folders in it. */
    static ModelFiles read(Path folder) throws IOException {
        var read = new ModelFiles();
        for (var file : list(folder)) {
            var parts = new ArrayList<byte[]>();
            try (var stream = Files.newInputStream(file)) {
                for (var part = stream.readNBytes(PART); part.length > 0; part = stream.readNBytes(PART)) {
                    parts.add(part);
                }
            }
            read.files.put(String.valueOf(file.getFileName()), parts);
        }
        return read;
    }

    /** Writes them to a folder. */
    void write(Path folder) throws IOException {
        for (var file : files.entrySet()) {
            try (var channel = FileChannel.open(
                    folder.resolve(file.getKey()), StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
                for (var part : file.getValue()) {
                    for (var left = ByteBuffer.wrap(part); left.hasRemaining(); ) {
                        channel.write(left);
                    }
                }
            }
        }
    }

    /** SHA-256 of names and contents. */
    String hash() {
        try {
            var digest = MessageDigest.getInstance("SHA-256");
            for (var file : files.entrySet()) {
                digest.update(file.getKey().getBytes(StandardCharsets.UTF_8));
                file.getValue().forEach(digest::update);
            }
            return HexFormat.of().formatHex(digest.digest());
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e); // every JDK has it
        }
    }

    /** The files in a folder, by their names. */
    static List<Path> list(Path folder) throws IOException {
        try (var entries = Files.list(folder)) {
            return entries.filter(Files::isRegularFile).sorted().toList();
        }
    }

    /** Removes a folder that holds files alone. */
    static void delete(Path folder) throws IOException {
        for (var file : list(folder)) {
            Files.delete(file);
        }
        Files.delete(folder);
    }
}
