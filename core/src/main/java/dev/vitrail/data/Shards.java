package dev.vitrail.data;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.errors.VitrailException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The files of a data set that comes in pieces, {@code .tar} or {@code .parquet}, and which part of the set
 * each belongs to.
 *
 * <p>A path names them in one of these ways: one such file; a pattern such as {@code shard-{000000..000012}.tar}; a
 * folder of them, whose names say the part ({@code train-00000-of-00004.parquet}) or do not, and then each is of every
 * part; or a folder with folders {@code train}, {@code val} and so on, or {@code data}, as the hub has it.
 *
 * @param format of the files
 * @param parts the files of each part, sorted; one without a name for files that belong to all
 */
record Shards(ShardFormat format, Map<String, List<Path>> parts) {
    /** Stands for files that do not say which part they are of. */
    private static final String ALL = "";

    private static final Pattern BRACES = Pattern.compile("\\{(\\d+)\\.\\.(\\d+)}");
    private static final int MOST = 1_000_000;

    /**
     * The pieces at a path, if it holds any.
     *
     * @throws VitrailException if it names a tar file that is packed as a whole
     */
    static Optional<Shards> at(Path path) {
        if (!Files.isDirectory(path)) {
            Packing.of(path).ifPresent(packing -> {
                throw packing.refusal(expanded(path).get(0));
            });
        }
        for (var format : ShardFormat.values()) {
            var parts = new TreeMap<String, List<Path>>();
            if (format.fits(path) && !Files.isDirectory(path)) {
                parts.put(ALL, expanded(path));
            } else {
                collect(path, format, parts);
            }
            if (!parts.isEmpty()) {
                return Optional.of(new Shards(format, parts));
            }
        }
        return Optional.empty();
    }

    /** The files of a pattern; of a name without one, the one file. */
    private static List<Path> expanded(Path path) {
        var text = path.toString();
        var braces = BRACES.matcher(text);
        if (!braces.find()) {
            require(Files.exists(path), "there is no file %s; check the name", path);
            return List.of(path);
        }
        int width = braces.group(1).length();
        require(width < 10 && braces.group(2).length() < 10, "%s counts further than there are files", path);
        int first = Integer.parseInt(braces.group(1));
        int last = Integer.parseInt(braces.group(2));
        require(first <= last && last - first < MOST, "%s counts from %d to %d", path, first, last);
        var files = new ArrayList<Path>();
        for (int i = first; i <= last; i++) {
            var number = String.format(Locale.ROOT, "%0" + width + "d", i);
            files.add(Path.of(text.substring(0, braces.start()) + number + text.substring(braces.end())));
        }
        return files;
    }

    private static void collect(Path folder, ShardFormat format, Map<String, List<Path>> parts) {
        var here = list(folder, format);
        if (here.isEmpty()) {
            here = list(folder.resolve("data"), format);
        }
        for (var file : here) {
            parts.computeIfAbsent(partOf(file), part -> new ArrayList<>()).add(file);
        }
        // Files that say their part leave no room for those that do not: a folder "train" beside them, say.
        for (var split : Split.values()) {
            if (here.isEmpty()) {
                ImageFolder.part(folder, split)
                        .map(part -> list(part, format))
                        .filter(files -> !files.isEmpty())
                        .ifPresent(files -> parts.put(split.name(), files));
            }
        }
    }

    /**
     * Refuses a folder whose only data are tar files that are packed as a whole.
     *
     * @param path a folder without pieces, see {@link #at}
     */
    static void requireUnpacked(Path path) {
        var places = Stream.concat(
                Stream.of(path, path.resolve("data")),
                Arrays.stream(Split.values()).flatMap(split -> ImageFolder.part(path, split).stream()));
        places.flatMap(folder -> list(folder, file -> Packing.of(file).isPresent()).stream())
                .findFirst()
                .ifPresent(file -> {
                    throw Packing.of(file).orElseThrow().refusal(file);
                });
    }

    private static List<Path> list(Path folder, ShardFormat format) {
        return list(folder, format::fits);
    }

    private static List<Path> list(Path folder, Predicate<Path> wanted) {
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        try (Stream<Path> entries = Files.list(folder)) {
            return entries.filter(wanted)
                    .filter(file -> !ImageFiles.isHidden(String.valueOf(file.getFileName())))
                    .sorted((a, b) -> ImageFiles.BY_CODE_POINT.compare(a.toString(), b.toString()))
                    .toList();
        } catch (IOException e) {
            throw new VitrailException("cannot list the folder " + folder + ": " + e, e);
        }
    }

    /** A part's name as a word of the file's: {@code imagenet-train-0001.tar}. */
    private static String partOf(Path file) {
        var words = List.of(
                String.valueOf(file.getFileName()).toLowerCase(Locale.ROOT).split("[^a-z]+"));
        return Arrays.stream(Split.values())
                .filter(split -> split.folders().stream().anyMatch(words::contains))
                .findFirst()
                .map(Split::name)
                .orElse(ALL);
    }

    /**
     * The files of a part; validation falls back on test and test on validation, and what has no parts is all there is.
     */
    Optional<List<Path>> of(Split split) {
        var fallback = split == Split.VALIDATION ? Split.TEST : split == Split.TEST ? Split.VALIDATION : split;
        return Stream.of(split.name(), fallback.name(), ALL)
                .filter(parts::containsKey)
                .findFirst()
                .map(parts::get);
    }

    /** Returns whether there is a part to judge by besides the one to train on. */
    boolean hasValidation() {
        return parts.containsKey(Split.VALIDATION.name()) || parts.containsKey(Split.TEST.name());
    }
}
