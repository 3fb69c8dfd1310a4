package dev.vitrail.parquet;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.parquet.ReferenceParquet.Row;
import dev.vitrail.parquet.ReferenceParquet.Style;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class ParquetFileTest {
    private final Path folder;

    ParquetFileTest(@TempDir Path folder) {
        this.folder = folder;
    }

    /** Images of 0 to 400 bytes, some missing and some more than once; labels of which some are missing. */
    private static List<Row> rows(int count) {
        var random = new Random(1);
        var rows = new ArrayList<Row>();
        for (int i = 0; i < count; i++) {
            var image = new byte[random.nextInt(400)];
            random.nextBytes(image);
            var bytes = i % 17 == 3 ? Optional.<byte[]>empty() : Optional.of(i % 5 == 4 ? new byte[] {1, 2, 3} : image);
            var label = i % 11 == 7 ? Optional.<Long>empty() : Optional.of((long) random.nextInt(10));
            rows.add(new Row(bytes, label, label.map(number -> "class " + number)));
        }
        return rows;
    }

    /** Row groups and pages that claim more rows than the file. */
    @ParameterizedTest
    @ValueSource(strings = {"image-page-more-than-file.parquet", "group-rows-long-max.parquet"})
    void rowGroupsAddUpToTheFile(String name) throws IOException {
        var file = folder.resolve(name);
        try (var in = ParquetFileTest.class.getResourceAsStream("/parquet-claims/" + name)) {
            Files.copy(java.util.Objects.requireNonNull(in), file);
        }
        assertThatThrownBy(() -> ParquetFile.open(file))
                .isInstanceOf(VitrailException.class)
                .hasMessageContainingAll(name, "claims a row group of", "rows where 3 are left");
    }

    @ParameterizedTest
    @CsvSource({
        "UNCOMPRESSED, false, true",
        "SNAPPY, false, true",
        "SNAPPY, true, false",
        "ZSTD, true, true",
        "ZSTD, false, false",
        "LZ4_RAW, true, true"
    })
    void readsWhatTheFirstImplementationWrites(String codec, boolean second, boolean dictionary) {
        var rows = rows(2000);
        var style = new Style(codec, second, dictionary, 4096, 64 << 10);
        var file = ParquetFile.open(ReferenceParquet.write(folder.resolve("a.parquet"), style, List.of("a"), rows));
        assertThat(file.rows()).isEqualTo(2000);
        assertThat(file.columnNames()).containsExactly("image.bytes", "image.path", "label", "name");
        assertThat(file.metadata("huggingface").orElse("")).contains("ClassLabel");
        var faults = new ArrayList<String>();
        var images = file.column("image.bytes").orElseThrow();
        var pages = images.pages(faults::add);
        assertThat(pages).hasSizeGreaterThan(15);
        var shuffled = new ArrayList<>(pages);
        Collections.shuffle(shuffled, new Random(2)); // any page can be read by itself
        int seen = 0;
        for (var page : shuffled) {
            int row = (int) page.firstRow();
            for (var image : images.binaries(page)) {
                assertThat(image.map(Arrays::toString))
                        .isEqualTo(rows.get(row).image().map(Arrays::toString));
                row++;
                seen++;
            }
        }
        assertThat(seen).isEqualTo(2000);
        var labels = file.column("label").orElseThrow();
        for (var page : labels.pages(faults::add)) {
            int row = (int) page.firstRow();
            for (long label : labels.integers(page, -1)) {
                assertThat(label).isEqualTo(rows.get(row++).label().orElse(-1L));
            }
        }
        assertThat(faults).isEmpty();
    }

    @Test
    void writesWhatTheFirstImplementationReads() {
        var names = new ArrayList<String>();
        var vectors = new ArrayList<float[]>();
        int count = 60_000; // several pages of each column
        for (int i = 0; i < count; i++) {
            names.add("photos/äöü " + i + ".jpg");
            vectors.add(new float[] {i, -i / 3f, 1e-30f * i});
        }
        var file = folder.resolve("table.parquet");
        new ParquetTable()
                .strings("image", names)
                .integers("index", java.util.stream.IntStream.range(0, count).toArray())
                .doubles(
                        "probability",
                        java.util.stream.IntStream.range(0, count)
                                .mapToDouble(i -> i / 7.0)
                                .toArray())
                .vectors("embedding", vectors)
                .write(file);
        var read = ReferenceParquet.read(file);
        assertThat(read).hasSize(count);
        for (int i : new int[] {0, 1, 77, 25_000, count - 1}) {
            assertThat(read.get(i).lines().map(String::strip))
                    .containsExactly(
                            "image: " + names.get(i),
                            "index: " + i,
                            "probability: " + i / 7.0,
                            "embedding",
                            "list",
                            "element: " + vectors.get(i)[0],
                            "list",
                            "element: " + vectors.get(i)[1],
                            "list",
                            "element: " + vectors.get(i)[2]);
        }
        var own = ParquetFile.open(file);
        var column = own.column("image").orElseThrow();
        var pages = column.pages(fault -> {});
        assertThat(pages).hasSizeGreaterThan(1).last().satisfies(page -> assertThat(page.firstRow() + page.rows())
                .isEqualTo(count));
        assertThat(column.binaries(pages.get(1)).get(0))
                .hasValueSatisfying(bytes -> assertThat(new String(bytes, java.nio.charset.StandardCharsets.UTF_8))
                        .isEqualTo(names.get((int) pages.get(1).firstRow())));
        assertThatThrownBy(
                        () -> own.column("embedding.list.element").orElseThrow().pages(fault -> {}))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("holds lists");
    }

    @Test
    void anEmptyTableIsAFileToo() {
        var file = folder.resolve("empty.parquet");
        new ParquetTable()
                .strings("image", List.of())
                .vectors("embedding", List.of())
                .write(file);
        assertThat(ReferenceParquet.read(file)).isEmpty();
        assertThat(ParquetFile.open(file).rows()).isZero();
    }

    @Test
    void whatIsNoParquetFileIsRefused() throws IOException {
        var file = ReferenceParquet.write(folder.resolve("a.parquet"), Style.USUAL, List.of(), rows(100));
        byte[] whole = Files.readAllBytes(file);
        Files.write(file, Arrays.copyOf(whole, whole.length / 2));
        assertThatThrownBy(() -> ParquetFile.open(file))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("cut short");
        Files.write(file, new byte[3]);
        assertThatThrownBy(() -> ParquetFile.open(file))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("3 bytes");
        assertThatThrownBy(() -> ParquetFile.open(folder.resolve("none.parquet")))
                .isInstanceOf(VitrailException.class);
    }

    /** Whatever byte is changed: values, a sentence about a chunk, or the library's exception. */
    @Test
    void damageIsNeverMoreThanAnException() throws IOException {
        var style = new Style("SNAPPY", false, true, 2048, 16 << 10);
        var file = ReferenceParquet.write(folder.resolve("a.parquet"), style, List.of("a", "b"), rows(120));
        byte[] whole = Files.readAllBytes(file);
        var random = new Random(3);
        int refused = 0;
        for (int i = 0; i < 600; i++) {
            var damaged = whole.clone();
            // Half of them in the footer, where the sizes are.
            int at = i % 2 == 0 ? random.nextInt(whole.length) : whole.length - 1 - random.nextInt(1500);
            damaged[at] = (byte) random.nextInt(256);
            Files.write(file, damaged);
            var faults = new ArrayList<String>();
            try {
                var opened = ParquetFile.open(file);
                for (var name : opened.columnNames()) {
                    var column = opened.column(name).orElseThrow();
                    for (var page : column.pages(faults::add)) {
                        if (column.isBinary()) {
                            column.binaries(page);
                        } else {
                            column.integers(page, 0);
                        }
                    }
                }
                refused += faults.isEmpty() ? 0 : 1;
            } catch (VitrailException e) {
                assertThat(e.getMessage()).contains("a.parquet");
                refused++;
            }
        }
        assertThat(refused).isGreaterThan(100);
    }
}
