package dev.vitrail.cli;

import dev.vitrail.data.ImageListing;
import dev.vitrail.errors.Names;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.files.PathNames;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Optional;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** The images that a command line names: files, folders with all that lies in them, and a list of both on stdin. */
final class ImageInputs {
    private static final Path STDIN = Path.of("-");

    @Parameters(
            arity = "1..*",
            paramLabel = "IMAGE",
            description = "Image files, or folders of them; - for a list of both on stdin, one a line.")
    private List<Path> paths = List.of();

    @Option(
            names = {"-0", "--null"},
            description = "File names on stdin are separated by NUL, as by find -print0.")
    private boolean nul;

    /**
     * Checks what is named, and lists it lazily. The first folder is listed while the caller goes on.
     *
     * @throws VitrailException if something is not there, or a folder holds no image
     */
    ImageListing listing() {
        VitrailException.require(
                !nul || paths.equals(List.of(STDIN)), "--null says how names on stdin end: name - as the only IMAGE");
        if (paths.contains(STDIN)) {
            VitrailException.require(
                    paths.size() == 1,
                    "- stands for a list of images on stdin and is to be named alone; a file of that name is ./-");
            return new ImageListing(new Names(new BufferedInputStream(System.in, 1 << 16), nul ? 0 : '\n'));
        }
        requireImages(paths);
        var listing = new ImageListing(paths.iterator());
        listing.begin();
        return listing;
    }

    /**
     * Checks files, and folders of images.
     *
     * @throws VitrailException if one is not there, or a folder holds no image
     */
    static void requireImages(List<Path> paths) {
        for (var path : paths) {
            VitrailException.require(Files.exists(path), "there is no file or folder %s", PathNames.text(path));
            VitrailException.require(
                    !Files.isDirectory(path) || ImageListing.holdsImage(path),
                    "the folder %s holds no images: expected files such as .jpg, .png, .gif, .webp, .bmp or .tif",
                    PathNames.text(path));
        }
    }

    /** Returns whether one file is named: if it is broken, there is one thing to say. */
    boolean single() {
        return paths.size() == 1 && !paths.contains(STDIN) && !Files.isDirectory(paths.get(0));
    }

    /** Nothing is written in place of what is there already if there is nothing to write. */
    static void requireSome(long read, long broken) {
        VitrailException.require(
                read + broken > 0, "stdin names no images: expected a file or folder on each line, and found none");
        VitrailException.require(
                read > 0,
                broken == 1 ? "the one image could not be read" : "none of the %d images could be read",
                broken);
    }

    /** Paths as they are read, UTF-8. */
    static final class Names implements Iterator<Path> {
        private final InputStream in;
        private final int end;
        private Optional<Path> next = Optional.empty();
        private boolean over;

        /** @param end the byte after each name */
        Names(InputStream in, int end) {
            this.in = in;
            this.end = end;
        }

        @Override
        public boolean hasNext() {
            while (next.isEmpty() && !over) {
                next = Optional.of(read()).filter(name -> !name.isEmpty()).map(PathNames::path);
            }
            return next.isPresent();
        }

        private String read() {
            var bytes = new ByteArrayOutputStream();
            try {
                int b = in.read();
                for (; b >= 0 && b != end; b = in.read()) {
                    bytes.write(b);
                    VitrailException.require(
                            bytes.size() < 1 << 16,
                            "a line on stdin has more than 65,535 bytes: expected the name of an image on each");
                }
                over = b < 0;
            } catch (IOException e) {
                throw new VitrailException("could not read the list of images on stdin: " + e.getMessage(), e);
            }
            var name = bytes.toString(StandardCharsets.UTF_8);
            return end == '\n' && name.endsWith("\r") ? name.substring(0, name.length() - 1) : name;
        }

        @Override
        public Path next() {
            if (!hasNext()) {
                throw new NoSuchElementException();
            }
            var path = next.orElseThrow();
            next = Optional.empty();
            return path;
        }
    }
}
