package dev.vitrail.files;

import dev.vitrail.errors.VitrailException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayDeque;
import java.util.UUID;
import java.util.regex.Pattern;

/**
 * Writes a file as a whole or not at all.
 *
 * <p>The bytes go to a temporary file in the same folder, are forced to the disk, and the file is then renamed over the
 * old one; at last the folder itself is forced, because the rename lives there. Whatever happens on the way (a full
 * disk, an exception of the caller, the process ending) the old file stays as it was and the temporary file is
 * removed. Only a killed process can leave a temporary file behind; its name begins with a dot and ends in
 * {@code .tmp}.
 *
 * <p>Where the target is a symbolic link, the link is replaced and the file it points to is left alone.
 */
public final class AtomicFile {
    /** Writes the content. The channel is positioned at zero; closing it is not the writer's business. */
    @FunctionalInterface
    public interface Content {
        void writeTo(WritableByteChannel out) throws IOException;
    }

    /** Lets a test put a failing disk between the writer and the file. */
    @FunctionalInterface
    interface Disk {
        WritableByteChannel over(FileChannel file);
    }

    /** The names of {@link #temporary}. */
    private static final Pattern TEMPORARY = Pattern.compile("\\..+\\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\\.tmp");

    private AtomicFile() {}

    /**
     * Replaces {@code target} by what {@code content} writes; missing parent folders are made.
     *
     * @throws VitrailException if it cannot be written; {@code target} is then as it was before
     */
    public static void write(Path target, Content content) {
        write(target, content, file -> file);
    }

    /** Replaces {@code target} by {@code bytes}. */
    public static void write(Path target, byte[] bytes) {
        write(target, out -> writeFully(out, ByteBuffer.wrap(bytes)));
    }

    /** Replaces {@code target} by {@code text} in UTF-8. */
    public static void write(Path target, String text) {
        write(target, text.getBytes(StandardCharsets.UTF_8));
    }

    static void write(Path target, Content content, Disk disk) {
        var absolute = target.toAbsolutePath();
        var folder = absolute.getParent();
        var name = absolute.getFileName();
        if (folder == null || name == null) {
            throw VitrailException.of("cannot write %s: it is a folder, and a file was expected", target);
        }
        requireReplaceable(target, absolute);
        Path temporary = temporary(folder, name);
        ProcessEnd.unfinished(temporary);
        try {
            Files.createDirectories(folder);
            try (var file = FileChannel.open(temporary, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
                content.writeTo(disk.over(file));
                file.force(true);
            }
            moveInto(temporary, absolute);
            forceFolder(folder);
        } catch (IOException e) {
            throw new VitrailException(
                    "could not write %s: %s; nothing was changed, so free some space or choose another place"
                            .formatted(target, IoReason.of(e)),
                    e);
        } finally {
            // After the move there is nothing left to delete; after any failure the half-written file goes.
            ProcessEnd.remove(temporary);
        }
    }

    private static void requireReplaceable(Path target, Path absolute) {
        VitrailException.require(
                !Files.isDirectory(absolute), "cannot write %s: it is a folder, and a file was expected", target);
        VitrailException.require(
                (!Files.exists(absolute) || Files.isRegularFile(absolute)) && !isStream(absolute),
                "cannot write %s: it is a device or a pipe, which cannot be replaced as a whole; name a file",
                target);
    }

    /** Returns whether a name such as {@code /dev/stdout} stands for an open file of the process. */
    private static boolean isStream(Path absolute) {
        try {
            return Files.isSymbolicLink(absolute)
                    && Files.readSymbolicLink(absolute).startsWith("/proc");
        } catch (IOException e) {
            return false;
        }
    }

    /**
     * Tries whether {@link #write} could write {@code target}, before there is anything to write; nothing
     * is left behind.
     *
     * @throws VitrailException if it could not
     */
    public static void requireWritable(Path target) {
        var absolute = target.toAbsolutePath();
        var folder = absolute.getParent();
        var name = absolute.getFileName();
        if (folder == null || name == null) {
            throw VitrailException.of("cannot write %s: it is a folder, and a file was expected", target);
        }
        requireReplaceable(target, absolute);
        var made = new ArrayDeque<Path>();
        for (var missing = folder; missing != null && !Files.exists(missing); missing = missing.getParent()) {
            made.add(missing);
        }
        Path temporary = temporary(folder, name);
        ProcessEnd.unfinished(temporary);
        try {
            Files.createDirectories(folder);
            Files.createFile(temporary);
        } catch (IOException e) {
            throw new VitrailException(
                    "cannot write %s: %s; choose another place"
                            .formatted(
                                    target,
                                    e instanceof NoSuchFileException
                                            ? "no file can be made in that folder"
                                            : IoReason.of(e)),
                    e);
        } finally {
            ProcessEnd.remove(temporary);
            made.forEach(ProcessEnd::remove); // the folders that were made, the innermost first
        }
    }

    /**
     * Removes the temporary files that killed processes have left in a folder. Nobody else may be writing there.
     *
     * @throws VitrailException if the folder cannot be read or a file not be removed
     */
    public static void removeUnfinished(Path folder) {
        try (var files = Files.newDirectoryStream(folder, file -> isTemporary(String.valueOf(file.getFileName())))) {
            for (var file : files) {
                Files.deleteIfExists(file);
            }
        } catch (IOException e) {
            throw new VitrailException(
                    "cannot remove what was left unfinished in %s: %s".formatted(folder, IoReason.of(e)), e);
        }
    }

    private static Path temporary(Path folder, Path name) {
        return folder.resolve("." + name + "." + UUID.randomUUID() + ".tmp");
    }

    private static boolean isTemporary(String name) {
        return TEMPORARY.matcher(name).matches();
    }

    /** Writes all that remains in {@code bytes}; a channel may take less than it is given. */
    public static void writeFully(WritableByteChannel out, ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            out.write(bytes);
        }
    }

    /** Renames {@code from} to {@code to} in one step, replacing what is there; both are in one file system. */
    public static void moveInto(Path from, Path to) throws IOException {
        try {
            Files.move(from, to, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (AtomicMoveNotSupportedException e) {
            throw new IOException("this file system cannot rename in one step", e);
        }
    }

    /**
     * Forces the names in {@code folder} to the disk, where the system can (Windows cannot, and journals them itself).
     */
    public static void forceFolder(Path folder) throws IOException {
        if (System.getProperty("os.name", "").startsWith("Windows")) {
            return;
        }
        try (var channel = FileChannel.open(folder, StandardOpenOption.READ)) {
            channel.force(true);
        }
    }
}
