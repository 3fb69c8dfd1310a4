package dev.vitrail.data;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.files.IoReason;
import dev.vitrail.files.PathNames;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileSystemLoopException;
import java.nio.file.FileVisitOption;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;

/**
 * The layout in which a folder's name is the class of the images below it: {@code D/class/…/image}, or the same in
 * {@code D/train} and {@code D/val}.
 *
 * <p>Classes, and the images of a class, are in the order of their names' code points, which is how Python sorts: a
 * classifier trained elsewhere on the same folder has its outputs in the same order. Links are followed, but never
 * round in a circle; hidden files and folders hold no data.
 */
public final class ImageFolder {
    private ImageFolder() {}

    /**
     * The images of {@code folder}, one class for each folder in it.
     *
     * @throws VitrailException if there is no such folder, no class folder, or a class folder without an image
     */
    public static ImageFiles open(Path folder) {
        List<String> classes = classFolders(folder);
        require(
                !classes.isEmpty(),
                "%s has no class folders; expected %s/CLASS/IMAGE, one folder for each class",
                folder,
                folder);
        return read(folder, classes, classes);
    }

    /**
     * Opens a folder with given classes, so that labels agree with another part of the set: a class may be missing
     * here, but there may be none that {@code classes} does not have.
     */
    public static ImageFiles open(Path folder, List<String> classes) {
        List<String> present = classFolders(folder);
        List<String> strange =
                present.stream().filter(name -> !classes.contains(name)).toList();
        require(
                strange.isEmpty(),
                "%s has %s that training does not know: %s; both parts need the same class folders",
                folder,
                Descriptions.count(strange.size(), "class"),
                Descriptions.some(strange));
        require(
                !present.isEmpty(),
                "%s has no class folders; expected %s/CLASS/IMAGE, one folder for each class",
                folder,
                folder);
        return read(folder, present, classes);
    }

    private static ImageFiles read(Path folder, List<String> present, List<String> classes) {
        List<Path> files = new ArrayList<>();
        List<Integer> labels = new ArrayList<>();
        List<String> empty = new ArrayList<>();
        LeftOut leftOut = new LeftOut();
        LeftOut instead = new LeftOut();
        for (String name : present) {
            LeftOut others = new LeftOut();
            List<Path> found = images(folder.resolve(name), others);
            if (found.isEmpty()) {
                empty.add(name);
                instead.addAll(others);
            }
            leftOut.addAll(others);
            files.addAll(found);
            for (int i = 0; i < found.size(); i++) {
                labels.add(classes.indexOf(name));
            }
        }
        require(
                !files.isEmpty(),
                "%s holds no images in its %s%s; expected files such as .jpg, .png or .webp",
                folder,
                Descriptions.count(present.size(), "class folder"),
                instead(instead));
        require(
                empty.isEmpty(),
                "%s of %s %s no images: %s%s; add some or remove the folder",
                Descriptions.count(empty.size(), "class folder"),
                folder,
                empty.size() == 1 ? "holds" : "hold",
                Descriptions.some(empty),
                instead(instead));
        return new ImageFiles(
                folder, files, labels.stream().mapToInt(Integer::intValue).toArray(), classes, leftOut.faults(folder));
    }

    private static String instead(LeftOut found) {
        return found.isEmpty()
                ? ""
                : " (but %s, whose endings are not those of image formats that are read)".formatted(found.counted());
    }

    /** The folder of a part of {@code root}, such as {@code root/val}, if it has one. */
    public static Optional<Path> part(Path root, Split split) {
        return split.folders().stream()
                .map(root::resolve)
                .filter(Files::isDirectory)
                .findFirst();
    }

    /**
     * The names of the folders in {@code folder} that are not hidden, sorted. A link back to where it lies is no class.
     */
    static List<String> classFolders(Path folder) {
        List<String> names = new ArrayList<>();
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(requireFolder(folder))) {
            Path here = folder.toRealPath();
            for (Path entry : entries) {
                String name = String.valueOf(entry.getFileName());
                if (Files.isDirectory(entry) && !ImageFiles.isHidden(name) && !here.startsWith(entry.toRealPath())) {
                    PathNames.requireFits(name);
                    names.add(name);
                }
            }
        } catch (IOException e) {
            throw unreadable(folder, e);
        }
        names.sort(ImageFiles.BY_CODE_POINT);
        return names;
    }

    /**
     * Every image below {@code folder}, by the folder it lies in and then by its name.
     *
     * @throws VitrailException if a folder cannot be listed
     */
    public static List<Path> images(Path folder) {
        return images(folder, new LeftOut());
    }

    /**
     * Every image below {@code folder}, as {@link #images(Path)} lists them; counts the files that are left out.
     *
     * @param leftOut counts the other files
     */
    public static List<Path> images(Path folder, LeftOut leftOut) {
        List<Path> found = new ArrayList<>();
        try {
            Files.walkFileTree(
                    folder,
                    EnumSet.of(FileVisitOption.FOLLOW_LINKS),
                    Integer.MAX_VALUE,
                    collector(folder, found, leftOut));
        } catch (IOException e) {
            throw unreadable(folder, e);
        }
        found.sort(Comparator.comparing((Path file) -> String.valueOf(file.getParent()), ImageFiles.BY_CODE_POINT)
                .thenComparing(file -> String.valueOf(file.getFileName()), ImageFiles.BY_CODE_POINT));
        return found;
    }

    private static SimpleFileVisitor<Path> collector(Path folder, List<Path> found, LeftOut leftOut) {
        return new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult preVisitDirectory(Path directory, BasicFileAttributes attributes) {
                boolean hidden =
                        !directory.equals(folder) && ImageFiles.isHidden(String.valueOf(directory.getFileName()));
                return hidden ? FileVisitResult.SKIP_SUBTREE : FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
                if (ImageFiles.isImage(file)) {
                    found.add(file);
                } else {
                    leftOut.add(file);
                }
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFileFailed(Path file, IOException failure) throws IOException {
                if (failure instanceof FileSystemLoopException) {
                    return FileVisitResult.CONTINUE;
                }
                throw failure;
            }
        };
    }

    static Path requireFolder(Path folder) {
        require(Files.exists(folder), "there is no folder %s; check the name", folder);
        require(Files.isDirectory(folder), "%s is a file; expected a folder of images", folder);
        return folder;
    }

    private static VitrailException unreadable(Path folder, IOException cause) {
        return new VitrailException("cannot list the folder %s: %s".formatted(folder, IoReason.of(cause)), cause);
    }
}
