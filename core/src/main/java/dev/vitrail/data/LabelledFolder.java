package dev.vitrail.data;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.files.IoReason;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.TreeSet;

/**
 * A folder of images and a CSV file that says what each shows: {@code file,label} a line, with or without a header. Of
 * more columns, a header chooses two by their titles. The label is the index of a class, or its name; a file may be
 * named without its ending. The images keep the list's order.
 */
public final class LabelledFolder {
    /** Titles of the column of files, the surest first; letter case does not matter. */
    private static final List<String> FILE_TITLES = List.of(
            "file", "filename", "file_name", "image", "image_name", "image_id", "img", "path", "id_code", "id", "name");

    /** Titles of the column of labels, the surest first. */
    private static final List<String> LABEL_TITLES = List.of(
            "label",
            "labels",
            "class",
            "diagnosis",
            "target",
            "category",
            "class_name",
            "label_name",
            "species",
            "breed");

    private LabelledFolder() {}

    /**
     * Reads the labels of {@code folder}.
     *
     * @param classes the classifier's outputs, if known; otherwise they are the names in the file, sorted, or the
     *     numbers from 0 to the largest index
     * @throws VitrailException if a row is malformed, an image is missing, or a label is none of the classes
     */
    public static ImageFiles open(Path folder, Path labels, Optional<ClassNames> classes) {
        ImageFolder.requireFolder(folder);
        List<Csv.Row> rows = rows(folder, labels);
        List<Path> files = files(folder, labels, rows);
        List<String> given =
                rows.stream().map(row -> row.cells().get(1).strip()).toList();
        ClassNames names = classes.orElseGet(() -> new ClassNames(classesOf(labels, rows, given)));
        Map<String, Integer> lookup = new HashMap<>(names.lookup());
        int[] indices = new int[given.size()];
        for (int i = 0; i < indices.length; i++) {
            indices[i] = index(given.get(i), names, lookup, labels, rows.get(i).line());
        }
        return new ImageFiles(folder, files, indices, names.names());
    }

    private static List<Csv.Row> rows(Path folder, Path labels) {
        List<Csv.Row> read = Csv.read(labels);
        List<Csv.Row> rows = chosen(labels, read);
        boolean titled = rows.size() < read.size();
        for (Csv.Row row : rows) {
            require(
                    row.cells().size() == 2
                            && !row.cells().get(0).isBlank()
                            && !row.cells().get(1).isBlank(),
                    "%s, line %d: expected FILE,LABEL, found '%s'",
                    labels,
                    row.line(),
                    String.join(",", row.cells()));
        }
        if (!titled
                && !rows.isEmpty()
                && isHeader(folder, rows.get(0).cells().get(0).strip())) {
            rows.remove(0);
        }
        require(!rows.isEmpty(), "%s labels no image; expected FILE,LABEL on each line", labels);
        return rows;
    }

    /** The two columns that a title line names, in order; the rows as they are where there is no such line. */
    private static List<Csv.Row> chosen(Path labels, List<Csv.Row> rows) {
        if (rows.isEmpty()) {
            return new ArrayList<>();
        }
        var titles = rows.get(0).cells().stream()
                .map(title -> title.strip().toLowerCase(Locale.ROOT))
                .toList();
        int file = first(titles, FILE_TITLES);
        int label = first(titles, LABEL_TITLES);
        if (file < 0 || label < 0) {
            require(
                    titles.size() <= 2 || file < 0 && label < 0,
                    "%s has the columns %s, of which %s: expected one of %s and one of %s",
                    labels,
                    titles,
                    file < 0 ? "none names files" : "none names labels",
                    FILE_TITLES,
                    LABEL_TITLES);
            return new ArrayList<>(rows);
        }
        var two = new ArrayList<Csv.Row>();
        for (var row : rows.subList(1, rows.size())) {
            boolean fits = row.cells().size() == titles.size();
            require(
                    fits || titles.size() == 2,
                    "%s, line %d: expected %d columns as in the first line, found %d",
                    labels,
                    row.line(),
                    titles.size(),
                    row.cells().size());
            two.add(
                    fits
                            ? new Csv.Row(
                                    row.line(),
                                    List.of(row.cells().get(file), row.cells().get(label)))
                            : row); // whose fault is told as that of a list without titles
        }
        return two;
    }

    private static int first(List<String> titles, List<String> known) {
        return known.stream()
                .mapToInt(titles::indexOf)
                .filter(place -> place >= 0)
                .findFirst()
                .orElse(-1);
    }

    /**
     * A first cell that neither looks like an image file nor is one, nor the name of one without its ending, is
     * a column's title.
     */
    private static boolean isHeader(Path folder, String cell) {
        try {
            var file = folder.resolve(cell);
            return !ImageFiles.isImage(Path.of(cell))
                    && !Files.exists(file)
                    && Endings.matching(file).isEmpty();
        } catch (InvalidPathException e) {
            return true;
        }
    }

    private static List<Path> files(Path folder, Path labels, List<Csv.Row> rows) {
        List<Path> files = new ArrayList<>();
        List<String> missing = new ArrayList<>();
        var endings = new Endings();
        for (Csv.Row row : rows) {
            String name = row.cells().get(0).strip();
            Path file = inside(folder, labels, row.line(), name);
            if (!Files.exists(file, LinkOption.NOFOLLOW_LINKS)) {
                var found = endings.of(file, labels, row.line());
                if (found.isEmpty()) {
                    missing.add(name);
                }
                file = found.orElse(file);
            }
            files.add(file);
        }
        require(
                missing.isEmpty(),
                "%d of the %s in %s are not in %s: %s; remove their lines or add the files",
                missing.size(),
                Descriptions.count(rows.size(), "file"),
                labels,
                folder,
                Descriptions.some(missing));
        return files;
    }

    /** Finds the image that a name without its ending stands for. */
    private static final class Endings {
        private final Map<Path, Map<String, List<Path>>> folders = new HashMap<>();

        Optional<Path> of(Path file, Path labels, int line) {
            var folder = file.getParent();
            if (folder == null || !Files.isDirectory(folder)) {
                return Optional.empty();
            }
            var name = String.valueOf(file.getFileName());
            var found = folders.computeIfAbsent(folder, Endings::list).getOrDefault(name, List.of());
            require(
                    found.size() < 2,
                    "%s, line %d: '%s' stands for several images, %s: write the name with its ending",
                    labels,
                    line,
                    name,
                    found.stream()
                            .map(path -> String.valueOf(path.getFileName()))
                            .sorted()
                            .toList());
            return found.stream().findFirst();
        }

        /** The images that have such a name and an ending. */
        static List<Path> matching(Path file) {
            var folder = file.getParent();
            return folder == null || !Files.isDirectory(folder)
                    ? List.of()
                    : list(folder).getOrDefault(String.valueOf(file.getFileName()), List.of());
        }

        /** The images of a folder by their names without ending. */
        private static Map<String, List<Path>> list(Path folder) {
            var byName = new HashMap<String, List<Path>>();
            try (var entries = Files.newDirectoryStream(folder, ImageFiles::isImage)) {
                for (var entry : entries) {
                    var name = String.valueOf(entry.getFileName());
                    byName.computeIfAbsent(name.substring(0, name.lastIndexOf('.')), key -> new ArrayList<>())
                            .add(entry);
                }
            } catch (IOException e) {
                throw new VitrailException("cannot list the folder %s: %s".formatted(folder, IoReason.of(e)), e);
            }
            return byName;
        }
    }

    /** A list of labels that came with the data is not to reach files elsewhere. */
    private static Path inside(Path folder, Path labels, int line, String name) {
        try {
            Path file = folder.resolve(name).normalize();
            require(
                    file.startsWith(folder.normalize()) && !Path.of(name).isAbsolute(),
                    "%s, line %d: '%s' lies outside %s; name files relative to that folder",
                    labels,
                    line,
                    name,
                    folder);
            return file;
        } catch (InvalidPathException e) {
            throw new VitrailException("%s, line %d: '%s' is no file name".formatted(labels, line, name), e);
        }
    }

    private static List<String> classesOf(Path labels, List<Csv.Row> rows, List<String> given) {
        int largest = -1;
        int numbers = 0;
        int word = -1;
        for (int i = 0; i < given.size(); i++) {
            OptionalInt number = Csv.integer(given.get(i));
            if (number.isPresent()) {
                numbers++;
                largest = Math.max(largest, number.getAsInt());
            } else {
                word = i;
            }
        }
        if (numbers == 0) {
            TreeSet<String> names = new TreeSet<>(ImageFiles.BY_CODE_POINT);
            names.addAll(given);
            return List.copyOf(names);
        }
        require(
                word < 0,
                "%s, line %d: expected an index as in the other lines, found '%s'; use indices or names, not both",
                labels,
                word < 0 ? 0 : rows.get(word).line(),
                word < 0 ? "" : given.get(word));
        // An index in the millions is a mistake (a file size, a date), and would make as many outputs.
        require(
                largest < 1_000_000,
                "%s: expected class indices below 1,000,000, found %d; is the label in the second column?",
                labels,
                largest);
        List<String> names = new ArrayList<>();
        for (int i = 0; i <= largest; i++) {
            names.add(Integer.toString(i));
        }
        return names;
    }

    private static int index(String label, ClassNames names, Map<String, Integer> lookup, Path labels, int line) {
        Integer known = lookup.get(label.toLowerCase(Locale.ROOT));
        // Two names that differ only in letter case are two classes.
        int exact = known == null ? names.names().indexOf(label) : known;
        if (exact >= 0) {
            return exact;
        }
        OptionalInt number = Csv.integer(label);
        require(
                number.isPresent() && number.getAsInt() < names.size(),
                "%s, line %d: label '%s' is none of the %s; expected a name or an index from 0 to %d",
                labels,
                line,
                label,
                Descriptions.count(names.size(), "class"),
                names.size() - 1);
        return number.orElseThrow();
    }
}
