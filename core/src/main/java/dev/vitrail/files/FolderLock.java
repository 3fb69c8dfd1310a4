package dev.vitrail.files;

import dev.vitrail.errors.VitrailException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * Keeps a folder to one process. The system gives the lock back when the process ends, however it does; a file
 * {@code .lock} that is left behind by a killed process locks nothing.
 */
public final class FolderLock implements AutoCloseable {
    private static final String NAME = ".lock";
    private static final int LONGEST_OWNER = 64;

    private final Path file;
    private final FileChannel channel;

    private FolderLock(Path file, FileChannel channel) {
        this.file = file;
        this.channel = channel;
    }

    /**
     * Takes a folder, which is made if it is missing.
     *
     * @throws VitrailException that names the process which has it, or says why it cannot be had
     */
    public static FolderLock of(Path folder) {
        var file = folder.resolve(NAME);
        try {
            Files.createDirectories(folder);
            while (true) {
                var channel = FileChannel.open(
                        file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
                var lock = new FolderLock(file, channel);
                boolean taken = false;
                try {
                    taken = lock.take(folder);
                } finally {
                    if (!taken) {
                        channel.close();
                    }
                }
                if (taken) {
                    ProcessEnd.unfinished(file);
                    return lock;
                }
            }
        } catch (IOException e) {
            throw new VitrailException(
                    "cannot lock the folder %s: %s; choose another place".formatted(folder, IoReason.of(e)), e);
        }
    }

    /** Returns whether the lock is had; not so where the process before has removed the file meanwhile. */
    private boolean take(Path folder) throws IOException {
        try {
            VitrailException.require(
                    channel.tryLock() != null,
                    "%s is in use by another process (%s): wait until it ends, or stop it",
                    folder,
                    owner());
        } catch (OverlappingFileLockException e) {
            throw new VitrailException("%s is in use by this process: close its run first".formatted(folder), e);
        }
        var own = ("process " + ProcessHandle.current().pid()).getBytes(StandardCharsets.US_ASCII);
        channel.truncate(0);
        AtomicFile.writeFully(channel, ByteBuffer.wrap(own));
        // Where the owner before has just removed the file, this is not the one that others see.
        return Files.exists(file) && Files.size(file) == own.length;
    }

    private String owner() {
        try {
            var bytes = ByteBuffer.allocate(LONGEST_OWNER);
            channel.read(bytes, 0);
            return new String(bytes.array(), 0, bytes.position(), StandardCharsets.US_ASCII);
        } catch (IOException e) {
            return "which does not say its number";
        }
    }

    @Override
    public void close() {
        ProcessEnd.remove(file);
        try {
            channel.close();
        } catch (IOException e) {
            // The system frees it when the process ends.
        }
    }
}
