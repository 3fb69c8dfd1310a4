package dev.vitrail.data;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.zip.GZIPInputStream;

/**
 * The classes of ImageNet and of its larger versions, in the order of the outputs of models that were trained on them:
 * that of the synsets' numbers in WordNet 3.0, which is how folders of ImageNet are called.
 *
 * <p>A class is called by the first word of its synset in WordNet (its licence lies beside the table); where another
 * class of the list is called so, by that and what it is a kind of: "crane (wading bird)".
 */
public final class ImageNetClasses {
    /** Bits of the table's second column, by the number of classes of the list that they stand for. */
    private static final Map<Integer, Integer> LISTS = Map.of(1000, 1, 11_821, 2, 21_841, 4, 11_221, 8, 21_843, 16);

    private static final Map<Integer, String> NAMES = Map.of(
            1000,
            "ImageNet-1k",
            11_821,
            "ImageNet-12k",
            21_841,
            "ImageNet-22k",
            11_221,
            "ImageNet-21k-P",
            21_843,
            "ImageNet-21k");

    private ImageNetClasses() {}

    /**
     * The list with so many classes: 1,000 of ImageNet-1k, 11,821 of timm's ImageNet-12k, 11,221 of ImageNet-21k-P,
     * 21,841 of the release of fall 2011, and 21,843 of Google's; with the synsets as other names.
     *
     * @return empty for any other number
     */
    public static Optional<ClassNames> of(int classes) {
        return Optional.ofNullable(LISTS.get(classes)).map(ImageNetClasses::list);
    }

    /** Name of the list of so many classes, such as {@code ImageNet-1k}; empty where {@link #of} is. */
    public static Optional<String> name(int classes) {
        return Optional.ofNullable(NAMES.get(classes));
    }

    /** Class names with the synsets as other names, if they are those of one of the lists; else without. */
    public static ClassNames withSynsets(List<String> names) {
        return of(names.size()).filter(list -> list.names().equals(names)).orElseGet(() -> new ClassNames(names));
    }

    private static ClassNames list(int bit) {
        var rows = Table.ROWS.stream().filter(row -> (row.lists & bit) != 0).toList();
        return new ClassNames(
                rows.stream().map(Row::name).toList(),
                rows.stream().map(Row::synset).toList());
    }

    private record Row(String synset, int lists, String name) {}

    /** Read when first asked for. */
    private static final class Table {
        static final List<Row> ROWS = read();

        private static List<Row> read() {
            var resource = Objects.requireNonNull(ImageNetClasses.class.getResourceAsStream("imagenet.tsv.gz"));
            try (var lines =
                    new BufferedReader(new InputStreamReader(new GZIPInputStream(resource), StandardCharsets.UTF_8))) {
                return lines.lines()
                        .map(line -> line.split("\t", -1))
                        .map(cells -> new Row(cells[0], Integer.parseInt(cells[1]), cells[2]))
                        .collect(Collectors.toCollection(ArrayList::new));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }
}
