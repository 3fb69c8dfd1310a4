package dev.vitrail.data;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.images.decode.DecodeOptions;
import dev.vitrail.parquet.ParquetColumn;
import dev.vitrail.parquet.ParquetFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/**
 * Images in Parquet files, in the layout of Hugging Face's data sets: a struct {@code image} with the file's
 * {@code bytes}, and a number {@code label}; the names of the classes stand in the file's metadata, under
 * {@code huggingface}. Where that is missing, columns are known by their names.
 *
 * <p>Any image is reached by itself: its page, about a megabyte, is read and decompressed. The pages that were read
 * last are kept, so that neighbours cost nothing more.
 */
final class ParquetImages extends ShardedImages {
    private static final List<String> IMAGE_NAMES = List.of("image", "img", "jpg", "png", "photo", "picture");
    private static final List<String> LABEL_NAMES = List.of("label", "labels", "cls", "class", "target");
    /** Bytes of pages that are kept. */
    private static final long KEPT_BYTES = 64L << 20;

    private static final JsonMapper JSON = new JsonMapper();

    /**
     * A page of images.
     *
     * @param first the place of its first image among those of all files
     */
    private record Located(int first, Path file, ParquetColumn column, ParquetColumn.Page page) {
        String name(int place) {
            return file.getFileName() + "#" + (page.firstRow() + place - first);
        }
    }

    /** The images of a page, and how many bytes they take. */
    private record Images(List<Optional<byte[]>> each, long bytes) {
        static Images of(Located page) {
            var each = page.column.binaries(page.page);
            return new Images(
                    each,
                    each.stream()
                            .flatMap(Optional::stream)
                            .mapToLong(image -> image.length)
                            .sum());
        }
    }

    private final List<Located> pages;
    private final Map<Located, Images> kept = new LinkedHashMap<>(16, 0.75f, true);
    private long keptBytes;

    private ParquetImages(
            List<Path> files, List<Located> pages, ShardLabels labels, DataProblems faults, DecodeOptions decoding) {
        super(origin(files), labels, faults, decoding);
        this.pages = pages;
    }

    /**
     * Indexes Parquet files.
     *
     * @param classes what the labels are, if it is known; otherwise the files, a list beside them, or the labels
     *     themselves say it
     * @throws VitrailException if nothing at all can be used
     */
    static ParquetImages open(List<Path> files, Optional<List<String>> classes, DecodeOptions decoding) {
        var index = new Index();
        files.forEach(index::read);
        index.classes.ifPresent(own -> VitrailException.require(
                own.equals(classes.orElse(own)),
                "%s has the classes %s, and the part to train on has others (%s); both need the same",
                origin(files),
                Descriptions.some(own),
                Descriptions.some(classes.orElse(own))));
        var known = classes.or(() -> index.classes).or(() -> ClassNames.beside(files.get(0)));
        var labels = ShardLabels.of(
                index.labels, place -> at(index.pages, place).name(place), known, origin(files), index.faults);
        return new ParquetImages(files, index.pages, labels, index.faults.faults(), decoding);
    }

    /** Finds pages and reads labels. */
    private static final class Index {
        final List<Located> pages = new ArrayList<>();
        final List<Optional<String>> labels = new ArrayList<>();
        final DataProblems.Collector faults = new DataProblems.Collector();
        Optional<List<String>> classes = Optional.empty();

        void read(Path path) {
            try {
                var file = ParquetFile.open(path);
                var layout = Layout.of(file);
                var found = labels(file, layout);
                classes = classes.or(layout::classes);
                for (var page : layout.image.pages(faults::add)) {
                    pages.add(new Located(labels.size(), path, layout.image, page));
                    int first = Math.toIntExact(page.firstRow());
                    labels.addAll(found.subList(first, first + page.rows()));
                }
            } catch (VitrailException e) {
                faults.add(e.getMessage());
            }
        }

        private List<Optional<String>> labels(ParquetFile file, Layout layout) {
            var found = new ArrayList<Optional<String>>(
                    Collections.nCopies(Math.toIntExact(file.rows()), Optional.empty()));
            layout.label.ifPresent(column -> {
                for (var page : column.pages(faults::add)) {
                    int row = Math.toIntExact(page.firstRow());
                    if (column.isInteger()) {
                        for (long number : column.integers(page, NO_LABEL)) {
                            found.set(row++, number < 0 ? Optional.empty() : Optional.of(Long.toString(number)));
                        }
                    } else {
                        for (var text : column.binaries(page)) {
                            found.set(row++, text.map(bytes -> new String(bytes, StandardCharsets.UTF_8)));
                        }
                    }
                }
            });
            return found;
        }
    }

    /** Layout of a file: its columns of images and labels, and the names of the classes. */
    private record Layout(ParquetColumn image, Optional<ParquetColumn> label, Optional<List<String>> classes) {
        static Layout of(ParquetFile file) {
            var features = features(file);
            var image = Stream.concat(ofKind(features, "Image"), IMAGE_NAMES.stream())
                    .flatMap(name -> Stream.of(name + ".bytes", name))
                    .flatMap(name -> file.column(name).stream())
                    .filter(ParquetColumn::isBinary)
                    .findFirst()
                    .orElseThrow(() -> VitrailException.of(
                            "%s has no column of images: expected a struct 'image' with 'bytes', found %s",
                            file.path(), file.columnNames()));
            var label = Stream.concat(ofKind(features, "ClassLabel"), LABEL_NAMES.stream())
                    .flatMap(name -> file.column(name).stream())
                    .filter(column -> column.isInteger() || column.isBinary())
                    .findFirst();
            var classes = label.map(column -> features.path(column.name()).path("names"))
                    .filter(names -> names.isArray() && !names.isEmpty())
                    .map(names -> StreamSupport.stream(names.spliterator(), false)
                            .map(JsonNode::asText)
                            .toList());
            return new Layout(image, label, classes);
        }

        /** Names of the features of a kind, in order. */
        private static Stream<String> ofKind(JsonNode features, String kind) {
            return features.propertyStream()
                    .filter(feature -> feature.getValue().path("_type").asText().equals(kind))
                    .map(Map.Entry::getKey);
        }

        private static JsonNode features(ParquetFile file) {
            try {
                return JSON.readTree(file.metadata("huggingface").orElse("{}"))
                        .path("info")
                        .path("features");
            } catch (JsonProcessingException e) {
                throw new VitrailException(
                        "%s describes its columns in JSON that is none (%s)"
                                .formatted(file.path(), e.getOriginalMessage()),
                        e);
            }
        }
    }

    // -------------------------------------------------------------------------------------------------------- images

    /** The page that holds a place. */
    private static Located at(List<Located> pages, int place) {
        int low = 0;
        for (int high = pages.size() - 1; low < high; ) {
            int middle = (low + high + 1) >>> 1;
            if (pages.get(middle).first <= place) {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        return pages.get(low);
    }

    private Located page(int index) {
        return at(pages, place(index));
    }

    @Override
    public byte[] content(int index) {
        var page = page(index);
        return images(page)
                .get(place(index) - page.first)
                .orElseThrow(
                        () -> VitrailException.of("%s has no bytes, only perhaps the name of a file", name(index)));
    }

    private List<Optional<byte[]>> images(Located page) {
        synchronized (kept) {
            var known = kept.get(page);
            if (known != null) {
                return known.each;
            }
        }
        var read = Images.of(page); // two threads may do it at once, which is rarer and cheaper than waiting
        synchronized (kept) {
            if (kept.putIfAbsent(page, read) == null) {
                keptBytes += read.bytes;
            }
            for (var oldest = kept.values().iterator(); keptBytes > KEPT_BYTES && kept.size() > 1; ) {
                keptBytes -= oldest.next().bytes;
                oldest.remove();
            }
        }
        return read.each;
    }

    /** The page's size and the place in it: the least that can be told without reading the page. */
    @Override
    public long stamp(int index) {
        var page = page(index);
        return (long) page.page.bytes() << 32 | (place(index) - page.first);
    }

    @Override
    public String name(int index) {
        return page(index).name(place(index));
    }
}
