package dev.vitrail.data;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * Counts the files of a folder whose endings are not those of images, but for what usually lies beside images, such as
 * texts and tables.
 */
public final class LeftOut {
    private static final Set<String> COMPANIONS = Set.of(
            "txt", "md", "rst", "json", "jsonl", "csv", "tsv", "xml", "yaml", "yml", "toml", "html", "htm", "log",
            "ini", "db", "lnk", "url", "md5", "sha1", "sha256", "py", "sh", "ipynb");
    /** Names of companion files without an ending. */
    private static final Set<String> COMPANION_NAMES =
            Set.of("readme", "license", "licence", "copying", "authors", "notice", "icon\r");

    private static final String NONE = "without an ending";

    private final Map<String, Integer> counts = new TreeMap<>(ImageFiles.BY_CODE_POINT);

    /** Counts a file that is taken for no image. */
    void add(Path file) {
        String name = String.valueOf(file.getFileName()).toLowerCase(Locale.ROOT);
        int dot = name.lastIndexOf('.');
        String ending = dot < 0 ? "" : name.substring(dot + 1);
        boolean companion = dot < 0 ? COMPANION_NAMES.contains(name) : COMPANIONS.contains(ending);
        if (!companion && !ImageFiles.isHidden(name)) {
            counts.merge(ending.isEmpty() ? NONE : "." + ending, 1, Integer::sum);
        }
    }

    void addAll(LeftOut others) {
        others.counts.forEach((ending, count) -> counts.merge(ending, count, Integer::sum));
    }

    boolean isEmpty() {
        return counts.isEmpty();
    }

    /** Such as "5 files .pgm, 2 files without an ending". */
    String counted() {
        return counts.entrySet().stream().map(LeftOut::counted).collect(Collectors.joining(", "));
    }

    private static String counted(Map.Entry<String, Integer> entry) {
        return Descriptions.count(entry.getValue(), "file") + " " + entry.getKey();
    }

    /** A sentence for each ending. */
    public List<String> sentences(Path folder) {
        List<String> sentences = new ArrayList<>();
        for (Map.Entry<String, Integer> entry : counts.entrySet()) {
            sentences.add(("%s in %s %s left out, as the ending is not that of an image format that is read: convert or"
                            + " remove them")
                    .formatted(counted(entry), folder, entry.getValue() == 1 ? "was" : "were"));
        }
        return sentences;
    }

    /** A sentence for each ending, where there is no one folder. */
    public List<String> sentences() {
        return counts.entrySet().stream()
                .map(entry ->
                        ("%s %s left out, as the ending is not that of an image format that is read: convert or remove"
                                        + " them")
                                .formatted(counted(entry), entry.getValue() == 1 ? "was" : "were"))
                .toList();
    }

    /** Lists them as problems of a set. */
    DataProblems faults(Path folder) {
        var faults = new DataProblems.Collector();
        sentences(folder).forEach(faults::add);
        return faults.faults();
    }
}
