package dev.vitrail.data;

import dev.vitrail.errors.VitrailException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.Stream;

/**
 * The names of a classifier's outputs, in order, and for each the other names it goes by: its WordNet synset, say,
 * which is what ImageNet's folders are called.
 *
 * @param names one readable name for each output; two outputs may share one ("crane" the bird and the machine)
 * @param aliases one for each output as well, or empty
 */
public record ClassNames(List<String> names, List<String> aliases) {
    public ClassNames {
        names = List.copyOf(names);
        aliases = List.copyOf(aliases);
        VitrailException.require(!names.isEmpty(), "a list of class names holds none");
        VitrailException.require(
                aliases.isEmpty() || aliases.size() == names.size(),
                "%d class names need as many synsets or none, found %d",
                names.size(),
                aliases.size());
    }

    /** Names without aliases. */
    public ClassNames(List<String> names) {
        this(names, List.of());
    }

    /**
     * Reads a list of classes: one name a line, or a CSV file whose header has a column {@code name} (or {@code class}
     * or {@code label}) and, optionally, {@code index} and {@code synset}.
     *
     * @throws VitrailException if the file cannot be read, or an index is missing, doubled or out of range
     */
    public static ClassNames read(Path file) {
        List<Csv.Row> rows = Csv.read(file);
        VitrailException.require(!rows.isEmpty(), "the list of classes %s is empty; write one class name a line", file);
        List<String> header = rows.get(0).cells().stream()
                .map(cell -> cell.strip().toLowerCase(Locale.ROOT))
                .toList();
        int name = column(header, "name", "class", "label");
        if (header.size() > 1 && name >= 0) {
            return fromTable(file, header, name, rows.subList(1, rows.size()));
        }
        // A name may hold a comma ("hen-of-the-woods, maitake"), so without a header a line is a name,
        // whatever is in it.
        return new ClassNames(Csv.lines(file));
    }

    /**
     * The list {@code classes.txt} or {@code classnames.txt} in the folder of a file, or above if that is a part
     * of the data.
     */
    static Optional<List<String>> beside(Path file) {
        var folder = file.toAbsolutePath().getParent();
        if (folder == null) {
            return Optional.empty();
        }
        var name = String.valueOf(folder.getFileName());
        boolean part = name.equals("data")
                || Arrays.stream(Split.values())
                        .anyMatch(split -> split.folders().contains(name));
        return Stream.of(folder, part ? folder.resolveSibling("") : folder)
                .flatMap(place -> Stream.of("classes.txt", "classnames.txt").map(place::resolve))
                .filter(Files::isRegularFile)
                .findFirst()
                .map(list -> read(list).names());
    }

    private static ClassNames fromTable(Path file, List<String> header, int name, List<Csv.Row> rows) {
        int index = column(header, "index", "id");
        int synset = column(header, "synset", "wnid");
        VitrailException.require(!rows.isEmpty(), "the list of classes %s has a header and no class", file);
        List<String> names = new ArrayList<>(Collections.nCopies(rows.size(), ""));
        List<String> synsets = new ArrayList<>(Collections.nCopies(rows.size(), ""));
        boolean[] seen = new boolean[rows.size()];
        for (int r = 0; r < rows.size(); r++) {
            Csv.Row row = rows.get(r);
            VitrailException.require(
                    row.cells().size() == header.size(),
                    "%s, line %d: expected %d columns as in the header, found %d",
                    file,
                    row.line(),
                    header.size(),
                    row.cells().size());
            int at = index < 0 ? r : Csv.integer(row.cells().get(index)).orElse(-1);
            VitrailException.require(
                    at >= 0 && at < seen.length && !seen[at],
                    "%s, line %d: expected every index from 0 to %d once, found '%s'",
                    file,
                    row.line(),
                    seen.length - 1,
                    index < 0 ? r : row.cells().get(index));
            seen[at] = true;
            names.set(at, row.cells().get(name).strip());
            if (synset >= 0) {
                synsets.set(at, row.cells().get(synset).strip());
            }
        }
        return new ClassNames(names, synset < 0 ? List.of() : synsets);
    }

    private static int column(List<String> header, String... names) {
        for (String name : names) {
            if (header.contains(name)) {
                return header.indexOf(name);
            }
        }
        return -1;
    }

    /** Number of outputs. */
    public int size() {
        return names.size();
    }

    /**
     * The output that goes by {@code name}: its alias, its name if no other output shares it, or its name in
     * other letter case.
     */
    public OptionalInt indexOf(String name) {
        Integer index = lookup().get(name.strip().toLowerCase(Locale.ROOT));
        return index == null ? OptionalInt.empty() : OptionalInt.of(index);
    }

    /** Every unambiguous name and alias, in lower case, with its output. */
    Map<String, Integer> lookup() {
        Map<String, Integer> lookup = new HashMap<>();
        Set<String> shared = new LinkedHashSet<>();
        for (int i = 0; i < names.size(); i++) {
            if (lookup.put(names.get(i).toLowerCase(Locale.ROOT), i) != null) {
                shared.add(names.get(i).toLowerCase(Locale.ROOT));
            }
        }
        shared.forEach(lookup::remove);
        for (int i = 0; i < aliases.size(); i++) {
            if (!aliases.get(i).isEmpty()) {
                lookup.put(aliases.get(i).toLowerCase(Locale.ROOT), i);
            }
        }
        return lookup;
    }
}
