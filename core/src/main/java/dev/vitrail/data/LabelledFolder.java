package dev.vitrail.data;

import static dev.vitrail.VitrailException.require;

import dev.vitrail.VitrailException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
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
 * A folder of pictures and a CSV file that says what each shows: {@code file,label} a line, with or without a header. The label is
 * the index of a class, or its name; the pictures keep the file's order.
 */
public final class LabelledFolder {
    private LabelledFolder() {}

    /**
     * Reads the labels of {@code folder}.
     *
     * @param classes the classifier's outputs, if known; otherwise they are the names in the file, sorted, or the numbers from 0
     *     to the largest index
     * @throws VitrailException if a row is malformed, a picture is missing, or a label is none of the classes
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
        List<Csv.Row> rows = new ArrayList<>(Csv.read(labels));
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
        if (!rows.isEmpty() && isHeader(folder, rows.get(0).cells().get(0).strip())) {
            rows.remove(0);
        }
        require(!rows.isEmpty(), "%s labels no image; expected FILE,LABEL on each line", labels);
        return rows;
    }

    /** A first cell that neither looks like an image file nor is one can only be a column's title. */
    private static boolean isHeader(Path folder, String cell) {
        try {
            return !ImageFiles.isImage(Path.of(cell)) && !Files.exists(folder.resolve(cell));
        } catch (InvalidPathException e) {
            return true;
        }
    }

    private static List<Path> files(Path folder, Path labels, List<Csv.Row> rows) {
        List<Path> files = new ArrayList<>();
        List<String> missing = new ArrayList<>();
        for (Csv.Row row : rows) {
            String name = row.cells().get(0).strip();
            Path file = inside(folder, labels, row.line(), name);
            if (!Files.exists(file)) {
                missing.add(name);
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
