package dev.vitrail.data;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.files.PathNames;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.FileVisitOption;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.EnumSet;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import org.jspecify.annotations.Nullable;

/**
 * The image files that some paths name: themselves, and what lies in folders, found only as they are asked for. Memory
 * does not grow with their number.
 *
 * <p>A folder gives its own images first, then those of each folder in it, both in the order of their names'
 * code points. Links are followed, but never round in a circle; hidden files and folders hold no data. One
 * thread uses a listing.
 */
public final class ImageListing implements Iterator<ImageListing.Entry>, AutoCloseable {
    /**
     * A file, or what could not be listed.
     *
     * @param fault why it cannot be read, where that is known already
     */
    public record Entry(Path path, Optional<String> fault) {}

    /** A folder that is being listed. */
    private static final class Level implements AutoCloseable {
        final Path folder;
        final Path real;
        final SortedNames images = new SortedNames();
        final SortedNames folders = new SortedNames();
        final Iterator<String> nextImage;

        @Nullable
        Iterator<String> nextFolder;

        Level(Path folder, ImageListing owner) throws IOException {
            this.folder = folder;
            this.real = folder.toRealPath();
            try (var entries = Files.newDirectoryStream(folder)) {
                for (var entry : entries) {
                    if (owner.closed) {
                        break;
                    }
                    owner.sort(entry, this);
                }
            } catch (DirectoryIteratorException e) {
                throw e.getCause();
            }
            nextImage = images.sorted();
        }

        @Override
        public void close() {
            images.close();
            folders.close();
        }
    }

    private final Iterator<Path> roots;
    private final Deque<Level> levels = new ArrayDeque<>();
    private @Nullable Entry next;
    private final LeftOut leftOut = new LeftOut();
    private volatile boolean closed;

    /** The search for the first entry, if a thread was begun for it. */
    private @Nullable FutureTask<?> first;

    /** @param roots files and folders; one that is not there has an entry with a fault */
    public ImageListing(Iterator<Path> roots) {
        this.roots = roots;
    }

    /** Files that were left out so far, as their endings are not those of images. */
    public LeftOut leftOut() {
        return leftOut;
    }

    /**
     * Looks for the first entry on a thread of its own, so that a large folder is listed while the caller opens a
     * model; to be called before anything is asked for.
     */
    public void begin() {
        var search = new FutureTask<>(this::findNext);
        first = search;
        var thread = new Thread(search, "vitrail-listing");
        thread.setDaemon(true);
        thread.start();
    }

    private void sort(Path entry, Level level) {
        var name = PathNames.text(entry.getFileName());
        if (ImageFiles.isHidden(name)) {
            return;
        }
        if (ImageFiles.isImage(entry)) {
            level.images.add(name); // unless it turns out to be a folder
        } else if (Files.isDirectory(entry)) {
            level.folders.add(name);
        } else {
            leftOut.add(entry);
        }
    }

    @Override
    public boolean hasNext() {
        awaitFirst();
        return findNext();
    }

    private void awaitFirst() {
        var search = first;
        first = null;
        if (search == null) {
            return;
        }
        try {
            search.get();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CancellationException("interrupted while listing images");
        } catch (ExecutionException e) {
            if (e.getCause() instanceof RuntimeException failure) {
                throw failure;
            }
            throw new IllegalStateException(e.getCause());
        }
    }

    private boolean findNext() {
        while (next == null) {
            var level = levels.peek();
            if (level == null) {
                if (!roots.hasNext()) {
                    return false;
                }
                next = root(roots.next());
            } else {
                next = below(level);
            }
        }
        return true;
    }

    @Override
    public Entry next() {
        if (!hasNext() || next == null) {
            throw new NoSuchElementException();
        }
        var entry = next;
        next = null;
        return entry;
    }

    private @Nullable Entry root(Path root) {
        if (Files.isDirectory(root)) {
            return enter(root);
        }
        return Files.exists(root)
                ? new Entry(root, Optional.empty())
                : new Entry(root, Optional.of("there is no file or folder " + PathNames.text(root)));
    }

    private @Nullable Entry below(Level level) {
        if (level.nextImage.hasNext()) {
            var name = level.nextImage.next();
            var file = level.folder.resolve(PathNames.path(name));
            if (Files.isDirectory(file)) {
                level.folders.add(name);
                return null;
            }
            return new Entry(file, Optional.empty());
        }
        if (level.nextFolder == null) {
            level.nextFolder = level.folders.sorted();
        }
        if (level.nextFolder.hasNext()) {
            return enter(level.folder.resolve(PathNames.path(level.nextFolder.next())));
        }
        level.close();
        levels.pop();
        return null;
    }

    /** Begins a folder; what cannot be listed is an entry of its own. */
    private @Nullable Entry enter(Path folder) {
        try {
            var real = folder.toRealPath();
            if (levels.stream().noneMatch(level -> level.real.equals(real))) {
                levels.push(new Level(folder, this));
            }
            return null;
        } catch (IOException e) {
            return new Entry(folder, Optional.of(unlisted(folder, e)));
        }
    }

    private static String unlisted(Path folder, IOException cause) {
        return "the folder %s could not be listed: %s"
                .formatted(
                        PathNames.text(folder),
                        cause instanceof AccessDeniedException
                                ? "permission denied"
                                : String.valueOf(cause.getMessage()));
    }

    /** Gives back what is held; a folder that is still being listed is left. */
    @Override
    public void close() {
        closed = true;
        awaitFirst();
        levels.forEach(Level::close);
        levels.clear();
    }

    /**
     * Returns whether there is an image in a folder or below it; ends at the first that is found.
     *
     * @throws VitrailException if the folder itself cannot be listed
     */
    public static boolean holdsImage(Path folder) {
        var found = new boolean[1];
        try {
            Files.walkFileTree(
                    folder, EnumSet.of(FileVisitOption.FOLLOW_LINKS), Integer.MAX_VALUE, new SimpleFileVisitor<>() {
                        @Override
                        public FileVisitResult preVisitDirectory(Path directory, BasicFileAttributes attributes) {
                            return !directory.equals(folder)
                                            && ImageFiles.isHidden(String.valueOf(directory.getFileName()))
                                    ? FileVisitResult.SKIP_SUBTREE
                                    : FileVisitResult.CONTINUE;
                        }

                        @Override
                        public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
                            found[0] = ImageFiles.isImage(file);
                            return found[0] ? FileVisitResult.TERMINATE : FileVisitResult.CONTINUE;
                        }

                        @Override
                        public FileVisitResult visitFileFailed(Path file, IOException failure) throws IOException {
                            if (file.equals(folder)) {
                                throw failure;
                            }
                            return FileVisitResult.CONTINUE; // it is told when its turn comes
                        }
                    });
            return found[0];
        } catch (IOException e) {
            throw new VitrailException(unlisted(folder, e), e);
        }
    }
}
