package dev.vitrail.weights.hub;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.files.AtomicFile;
import dev.vitrail.weights.ByteSource;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One repository in the cache that all clients of the hub share: {@code blobs/} holds contents by etag, {@code refs/}
 * the commit of each branch, and {@code snapshots/<commit>/} links to the blobs under the files' own names.
 */
final class HubCache {
    private static final Logger LOG = LoggerFactory.getLogger(HubCache.class);

    /** A file lock excludes other processes; between threads of this one it would throw, so they queue here first. */
    private static final Map<Path, ReentrantLock> THREADS = new ConcurrentHashMap<>();

    private final Path folder;
    private final Path locks;

    HubCache(Path cache, String repository) {
        String name = "models--" + repository.replace("/", "--");
        this.folder = cache.toAbsolutePath().resolve(name);
        this.locks = cache.toAbsolutePath().resolve(".locks").resolve(name);
    }

    /** The folder of a commit's files, whether or not any is there. */
    Path snapshot(String commit) {
        return folder.resolve("snapshots").resolve(commit);
    }

    /** Path of the content of that etag. */
    Path blob(String etag) {
        return folder.resolve("blobs").resolve(etag);
    }

    /** The file of a commit, if it has been fetched. */
    Optional<Path> find(String commit, String file) {
        return Optional.of(snapshot(commit).resolve(file)).filter(Files::isRegularFile);
    }

    /** The file as it was when the revision was last looked up. */
    Optional<Path> findByRevision(String revision, String file) {
        return isCommit(revision) ? find(revision, file) : commitOf(revision).flatMap(commit -> find(commit, file));
    }

    private Optional<String> commitOf(String revision) {
        var ref = folder.resolve("refs").resolve(revision);
        if (!Files.isRegularFile(ref)) {
            return Optional.empty();
        }
        try {
            return Optional.of(Files.readString(ref).strip()).filter(HubCache::isCommit);
        } catch (IOException e) {
            throw ByteSource.unreadable(ref, e);
        }
    }

    static boolean isCommit(String text) {
        return text.matches("[0-9a-f]{40}");
    }

    /** Remembers which commit a branch or tag stands for. */
    void remember(String revision, String commit) {
        if (!revision.equals(commit) && !commitOf(revision).equals(Optional.of(commit))) {
            AtomicFile.write(folder.resolve("refs").resolve(revision), commit);
        }
    }

    /**
     * Makes the blob appear under the file's name in the commit's snapshot: as a link, or as a copy where links fail.
     */
    Path link(String commit, String file, Path blob) {
        var pointer = snapshot(commit).resolve(file);
        var parent = pointer.getParent();
        if (Files.isRegularFile(pointer) || parent == null) {
            return pointer;
        }
        try {
            Files.createDirectories(parent);
            Files.deleteIfExists(pointer); // a link whose blob is gone
            Files.createSymbolicLink(pointer, parent.relativize(blob));
        } catch (FileAlreadyExistsException e) {
            LOG.debug("another process has just linked {}", pointer);
        } catch (IOException | UnsupportedOperationException e) {
            LOG.debug("no symbolic link at {}, so the file is copied", pointer, e);
            AtomicFile.write(pointer, out -> {
                try (var in = FileChannel.open(blob, StandardOpenOption.READ)) {
                    for (long at = 0; at < in.size(); ) {
                        at += in.transferTo(at, in.size() - at, out);
                    }
                }
            });
        }
        return pointer;
    }

    /** Runs {@code work} while no other thread, and no other process of this kind, works on the same etag. */
    <T> T exclusively(String etag, Supplier<T> work) {
        var file = locks.resolve(etag + ".lock");
        var threads = THREADS.computeIfAbsent(file, key -> new ReentrantLock());
        threads.lock();
        try {
            Files.createDirectories(locks);
            try (var channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
                    var lock = lock(channel, file)) {
                LOG.trace("holding {}", lock);
                return work.get();
            }
        } catch (IOException e) {
            throw new VitrailException("could not lock %s: %s".formatted(file, e.getMessage()), e);
        } finally {
            threads.unlock();
        }
    }

    private static FileLock lock(FileChannel channel, Path file) throws IOException {
        var lock = channel.tryLock();
        if (lock != null) {
            return lock;
        }
        LOG.info("waiting for another process that downloads the same file ({})", file);
        return channel.lock();
    }
}
