package dev.vitrail.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.images.decode.DecodeOptions;
import dev.vitrail.parquet.ReferenceParquet;
import dev.vitrail.parquet.ReferenceParquet.Row;
import dev.vitrail.parquet.ReferenceParquet.Style;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;
import java.util.zip.GZIPOutputStream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Images in tar and Parquet files: what a folder of the same images gives, these give. */
final class ShardsTest {
    private static final int COUNT = 40;

    private final Path folder;
    private final ImageFiles files; // ants and bees, in the order ant, ant, …, bee, bee, …

    ShardsTest(@TempDir Path folder) {
        this.folder = folder;
        for (int i = 0; i < COUNT; i++) {
            var name = String.format(Locale.ROOT, "files/%s/%02d.png", i < COUNT / 2 ? "ants" : "bees", i);
            TestImages.write(folder.resolve(name), 0x030201 * i);
        }
        files = ImageFolder.open(folder.resolve("files"));
    }

    // ----------------------------------------------------------------------------------------------------- to write

    /** An archive's file: its name and bytes. */
    private record Item(String name, byte[] content) {
        static Item text(String name, String text) {
            return new Item(name, text.getBytes(StandardCharsets.UTF_8));
        }
    }

    private Path tar(String name, List<Item> items) {
        var file = folder.resolve(name);
        try {
            Files.createDirectories(file.getParent());
            try (var tar = new TarArchiveOutputStream(Files.newOutputStream(file), "UTF-8")) {
                tar.setLongFileMode(TarArchiveOutputStream.LONGFILE_POSIX);
                for (var item : items) {
                    var entry = new TarArchiveEntry(item.name);
                    entry.setSize(item.content.length);
                    tar.putArchiveEntry(entry);
                    tar.write(item.content);
                    tar.closeArchiveEntry();
                }
            }
            return file;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * Samples {@code from} to {@code to} with their classes' numbers, one of them with a name too long for
     * a tar header.
     */
    private List<Item> samples(int from, int to) {
        var items = new ArrayList<Item>();
        for (int i = from; i < to; i++) {
            var key = (i == 3 ? "a/very/long/name/".repeat(12) : "") + String.format(Locale.ROOT, "s%04d", i);
            items.add(Item.text(key + ".cls", files.label(i) + "\n"));
            items.add(Item.text(key + ".txt", "a caption"));
            items.add(new Item(key + ".png", files.content(i)));
        }
        return items;
    }

    private Row row(int i) {
        return new Row(
                Optional.of(files.content(i)),
                Optional.of((long) files.label(i)),
                Optional.of(files.classes().get(files.label(i))));
    }

    private List<Row> rows(int from, int to) {
        var rows = new ArrayList<Row>();
        for (int i = from; i < to; i++) {
            rows.add(row(i));
        }
        return rows;
    }

    private Dataset open(String path, Split split) {
        return Datasets.open(folder.resolve(path), split, Optional.empty());
    }

    /** The same images and labels in the same order, also by way of a loader that shuffles. */
    private void sameAsFiles(Dataset set) {
        assertThat(set.size()).isEqualTo(COUNT);
        assertThat(set.labels()).isEqualTo(files.labels());
        for (int i : new int[] {COUNT - 1, 0, 17, 3, 18}) {
            assertThat(set.content(i)).isEqualTo(files.content(i));
            assertThat(set.contentBytes(i)).isEqualTo(files.contentBytes(i));
            assertThat(set.image(i).pixels()).isEqualTo(files.image(i).pixels());
        }
        assertThat(loaded(set, 1)).isEqualTo(loaded(files, 1));
        assertThat(loaded(set, 4)).isEqualTo(loaded(files, 1));
        assertThat(set.faults()).isEqualTo(DataProblems.NONE);
    }

    private static List<String> loaded(Dataset set, int workers) {
        var options = LoaderOptions.training(8, 5).withWorkers(workers);
        try (var loader = new Loader(set, new TestImages.IndexAndChance(), Sampler.shuffled(set.size(), 5), options);
                var batches = loader.epoch(1)) {
            return TestImages.print(batches);
        }
    }

    @Test
    void everyLayoutIsDecodedByTheOptionsThatAreGiven() throws IOException {
        tar("web/train-0.tar", samples(0, COUNT));
        Files.createDirectories(folder.resolve("hub"));
        ReferenceParquet.write(folder.resolve("hub/0.parquet"), Style.USUAL, List.of("ants", "bees"), rows(0, COUNT));
        TestImages.text(folder.resolve("labels.csv"), "00.png,ants", "01.png,bees");
        var strict = DecodeOptions.DEFAULT.withMaxPixels(1);
        var flat = Datasets.open(
                folder.resolve("files/ants"), Split.TRAIN, Optional.of(folder.resolve("labels.csv")), strict);
        var sets = Stream.concat(
                Stream.of(flat),
                Stream.of("files", "web", "hub")
                        .map(path ->
                                Datasets.trainAndValidation(folder.resolve(path), Optional.empty(), 0.1, 0, strict))
                        .flatMap(both -> Stream.of(both.train(), both.validation())));
        assertThat(sets).hasSize(7).allSatisfy(set -> assertThatThrownBy(() -> set.image(0))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("more than the limit of 1;"));
    }

    // ---------------------------------------------------------------------------------------------------------- tars

    @Test
    void tarsInPartsGiveWhatAFolderGives() {
        tar("web/set-train-0.tar", samples(0, 15));
        tar("web/set-train-1.tar", samples(15, COUNT));
        tar("web/set-val-0.tar", samples(10, 30));
        var set = open("web", Split.TRAIN);
        sameAsFiles(set);
        assertThat(set.name(0)).isEqualTo("set-train-0.tar/s0000.png");
        assertThat(set.describe()).contains("40 images, 2 classes (0 20, 1 20)");
        var both = Datasets.trainAndValidation(folder.resolve("web"), Optional.empty(), 0.1, 0);
        assertThat(both.train().size()).isEqualTo(COUNT);
        assertThat(both.validation().size()).isEqualTo(20);
        assertThat(both.validation().label(0)).isZero();
    }

    @Test
    void aPatternAFileAndFoldersOfPartsAreTarsToo() {
        tar("plain/shard-000000.tar", samples(0, 15));
        tar("plain/shard-000001.tar", samples(15, COUNT));
        sameAsFiles(open("plain/shard-{000000..000001}.tar", Split.TRAIN));
        sameAsFiles(open("plain", Split.VALIDATION));
        assertThat(open("plain/shard-000000.tar", Split.TRAIN).size()).isEqualTo(15);
        tar("parts/train/0.tar", samples(0, COUNT));
        tar("parts/val/0.tar", samples(0, 10));
        TestImages.text(folder.resolve("parts/classes.txt"), "ants", "bees");
        sameAsFiles(open("parts", Split.TRAIN));
        assertThat(open("parts", Split.TEST).classes()).containsExactly("ants", "bees");
        assertThat(Datasets.trainAndValidation(folder.resolve("parts"), Optional.empty(), 0.1, 0)
                        .validation()
                        .size())
                .isEqualTo(10);
    }

    @Test
    void labelsMayBeNamesOrStandInJson() {
        tar(
                "names/0.tar",
                List.of(
                        Item.text("a.x.cls", "bees"),
                        new Item("a.jpg", files.content(0)),
                        new Item("b.image.png", files.content(1)),
                        Item.text("b.meta.json", "{\"label\": \"ants\", \"width\": 6}")));
        var set = open("names", Split.TRAIN);
        assertThat(set.classes()).containsExactly("ants", "bees");
        assertThat(set.labels()).containsExactly(1, 0);
    }

    @Test
    void whatIsMissingOrDamagedIsToldAndTheRestIsUsed() throws IOException {
        TestImages.text(folder.resolve("bad/classes.txt"), "ants", "bees");
        tar(
                "bad/0.tar",
                List.of(
                        new Item("one.png", files.content(1)),
                        Item.text("one.cls", "1"),
                        Item.text("two.cls", "1"),
                        new Item("three.png", files.content(3)),
                        new Item("four.png", files.content(4)),
                        Item.text("four.cls", "7"),
                        new Item("five.png", files.content(5)),
                        Item.text("five.json", "{no json"),
                        new Item(".hidden.png", files.content(6)),
                        new Item("six.png", new byte[20]),
                        Item.text("six.cls", "0")));
        var cut = tar("bad/1.tar", samples(0, 5));
        Files.write(cut, Arrays.copyOf(Files.readAllBytes(cut), 512 * 9 + 100)); // in the middle of the second image
        Files.writeString(folder.resolve("bad/2.tar"), "no archive, but longer than that ".repeat(40));
        var set = open("bad/{0..3}.tar", Split.TRAIN);
        assertThat(set.size()).isEqualTo(3);
        assertThat(set.labels()).containsExactly(1, 0, 0);
        assertThat(set.image(0)).isNotNull();
        assertThatThrownBy(() -> set.image(1)).hasMessageContaining("0.tar/six.png is not an image");
        assertThat(set.name(2)).isEqualTo("1.tar/s0000.png");
        assertThat(set.faults().sentences())
                .satisfiesExactlyInAnyOrder(
                        fault -> assertThat(fault).isEqualTo("0.tar/two has no image, so it is left out"),
                        fault -> assertThat(fault).isEqualTo("0.tar/three.png has no label, so it is left out"),
                        fault -> assertThat(fault).contains("four.png: the label '7' is none of the 2 classes"),
                        fault -> assertThat(fault).isEqualTo("0.tar/five.json is no JSON"),
                        fault -> assertThat(fault).isEqualTo("0.tar/five.png has no label, so it is left out"),
                        fault -> assertThat(fault)
                                .contains("1.tar is cut short or damaged")
                                .contains("1 image before"),
                        fault -> assertThat(fault).contains("1.tar/s0001 has no image"),
                        fault -> assertThat(fault)
                                .contains("2.tar is cut short or damaged")
                                .contains("0 images before"),
                        fault ->
                                assertThat(fault).contains("3.tar is cut short").contains("no such file"));
    }

    @Test
    void whereNothingCanBeUsedThereIsASentence() throws IOException {
        Files.writeString(Files.createDirectories(folder.resolve("none")).resolve("0.tar"), "x".repeat(3000));
        assertThatThrownBy(() -> open("none", Split.TRAIN))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("holds no images that can be used: ");
        tar("only/train-0.tar", samples(0, 4));
        assertThatThrownBy(() -> open("only", Split.TEST)).hasMessageContaining("no files of the part 'test'");
        assertThatThrownBy(() -> open("only/gone.tar", Split.TEST)).hasMessageContaining("there is no file");
    }

    /** The order in an archive is not that of meaning: {@code depth.png} comes before {@code jpg}. */
    @Test
    void ofSeveralFilesOfASampleTheImageIsTheOneWithASingleExtension() {
        TestImages.text(folder.resolve("rich/classes.txt"), "ants", "bees");
        tar(
                "rich/0.tar",
                List.of(
                        Item.text("one.cls", "1"),
                        new Item("one.depth.png", files.content(7)),
                        Item.text("one.json", "{\"label\": 0, \"width\": 3}"),
                        new Item("one.png", files.content(1)),
                        new Item("one.seg.png", files.content(8)),
                        Item.text("one.txt", "a caption"),
                        new Item("two.INPUT.PNG", files.content(2)),
                        Item.text("two.json", "{\"cls\": 0}"),
                        new Item("two.npy", new byte[80])));
        var set = open("rich", Split.TRAIN);
        assertThat(set.labels()).containsExactly(1, 0);
        assertThat(set.name(0)).isEqualTo("0.tar/one.png");
        assertThat(set.content(0)).isEqualTo(files.content(1));
        assertThat(set.name(1)).isEqualTo("0.tar/two.INPUT.PNG");
        assertThat(set.faults().isEmpty()).isTrue();
    }

    @Test
    void severalImagesOfASampleAreTold() {
        tar(
                "several/0.tar",
                List.of(
                        Item.text("one.cls", "0"),
                        new Item("one.bmp", files.content(1)),
                        new Item("one.png", files.content(2)),
                        new Item("two.left.png", files.content(3)),
                        new Item("two.right.png", files.content(4)),
                        Item.text("two.cls", "1")));
        var set = open("several", Split.TRAIN);
        assertThat(set.size()).isEqualTo(2);
        assertThat(set.name(1)).isEqualTo("0.tar/two.left.png");
        assertThat(set.faults().sentences())
                .satisfiesExactly(
                        fault -> assertThat(fault)
                                .startsWith("0.tar/one has 2 images, of which the first is taken, one.bmp:"),
                        fault -> assertThat(fault)
                                .startsWith("0.tar/two has 2 images, of which the first is taken, two.left.png:"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"set.tar.gz", "set.TGZ", "set.tar.bz2", "set.tar.xz", "set.tar.zst"})
    void aTarFileThatIsPackedAsAWholeIsRefusedByName(String name) throws IOException {
        for (var place : List.of("packed/", "packed/data/", "packed/train/")) {
            var file = folder.resolve("in-" + name).resolve(place).resolve(name);
            Files.createDirectories(file.getParent());
            Files.write(file, new byte[10]);
            for (var path : List.of(file, folder.resolve("in-" + name).resolve("packed"))) {
                assertThatThrownBy(() -> Datasets.open(path, Split.TRAIN, Optional.empty()))
                        .isExactlyInstanceOf(VitrailException.class)
                        .hasMessageStartingWith(file + " is packed by ")
                        .hasMessageEndingWith(file + ") and name the .tar file");
            }
            Files.delete(file);
        }
        assertThatThrownBy(() -> open("gone-" + name, Split.TRAIN)).hasMessageContaining("there is no file");
    }

    @Test
    void aTarFileThatIsPackedUnderItsNameIsToldSo() throws IOException {
        tar("hidden/0.tar", samples(0, 4));
        try (var gzip = new GZIPOutputStream(Files.newOutputStream(folder.resolve("hidden/1.tar")))) {
            Files.copy(folder.resolve("hidden/0.tar"), gzip);
        }
        var set = open("hidden", Split.TRAIN);
        assertThat(set.size()).isEqualTo(4);
        assertThat(set.faults().sentences())
                .singleElement()
                .asString()
                .contains("hidden/1.tar is no tar file as it stands: it is packed by gzip as a whole", "gunzip");
    }

    @Test
    void anArchiveBesideClassFoldersIsNotTheData() throws IOException {
        TestImages.write(folder.resolve("kept/ants/1.png"), 1);
        Files.write(folder.resolve("kept/original.tar.gz"), new byte[10]);
        assertThat(open("kept", Split.TRAIN)).isInstanceOf(ImageFiles.class);
    }

    @Test
    void tarsBesideClassFoldersAreNotTheData() {
        TestImages.write(folder.resolve("mixed/ants/1.png"), 1);
        tar("mixed/backup.tar", samples(0, 4));
        assertThat(open("mixed", Split.TRAIN)).isInstanceOf(ImageFiles.class);
    }

    @Test
    void aFileThatIsGoneLaterIsABrokenImage() throws IOException {
        var set = open(folder.relativize(tar("gone.tar", samples(0, 4))).toString(), Split.TRAIN);
        Files.delete(folder.resolve("gone.tar"));
        assertThatThrownBy(() -> set.image(0))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("gone.tar/s0000.png could not be read (the file is gone)");
    }

    // ------------------------------------------------------------------------------------------------------- Parquet

    @Test
    void parquetAsTheHubHasItGivesWhatAFolderGives() {
        var names = List.of("ants", "bees");
        var small = new Style("SNAPPY", false, true, 512, 4096);
        ReferenceParquet.write(folder.resolve("hub/data/train-00000-of-00002.parquet"), small, names, rows(0, 30));
        ReferenceParquet.write(folder.resolve("hub/data/train-00001-of-00002.parquet"), small, names, rows(30, COUNT));
        ReferenceParquet.write(folder.resolve("hub/data/test-00000-of-00001.parquet"), small, names, rows(15, 25));
        var set = open("hub", Split.TRAIN);
        assertThat(set.classes()).isEqualTo(names);
        sameAsFiles(set);
        assertThat(set.name(31)).isEqualTo("train-00001-of-00002.parquet#1");
        var both = Datasets.trainAndValidation(folder.resolve("hub"), Optional.empty(), 0.1, 0);
        assertThat(both.validation().labels()).containsExactly(0, 0, 0, 0, 0, 1, 1, 1, 1, 1);
        assertThat(Inventory.of(set)).isEqualTo(Inventory.of(open("hub", Split.TRAIN)));
    }

    @Test
    void withoutMetadataColumnsAreKnownByTheirNames() {
        ReferenceParquet.write(folder.resolve("p/0.parquet"), Style.USUAL, List.of(), rows(0, COUNT));
        assertThat(open("p", Split.TRAIN).classes()).containsExactly("0", "1");
        sameAsFiles(open("p/0.parquet", Split.TRAIN));
        TestImages.text(folder.resolve("p/classes.txt"), "ants", "bees");
        assertThat(open("p", Split.TRAIN).classes()).containsExactly("ants", "bees");
    }

    @Test
    void rowsWithoutImageOrLabelAreTold() {
        var rows = rows(0, 6);
        rows.set(1, new Row(Optional.empty(), Optional.of(1L), Optional.empty()));
        rows.set(2, new Row(rows.get(2).image(), Optional.empty(), Optional.empty()));
        rows.set(3, new Row(rows.get(3).image(), Optional.of(-1L), Optional.empty()));
        ReferenceParquet.write(folder.resolve("p/0.parquet"), Style.USUAL, List.of("ants", "bees"), rows);
        var set = open("p", Split.TRAIN);
        assertThat(set.size()).isEqualTo(4);
        assertThat(set.faults().sentences())
                .containsExactly(
                        "0.parquet#2 has no label, so it is left out", "0.parquet#3 has no label, so it is left out");
        assertThatThrownBy(() -> set.image(1)).hasMessage("0.parquet#1 has no bytes, only perhaps the name of a file");
    }

    @Test
    void aDamagedFileIsToldAndTheOthersAreUsed() throws IOException {
        ReferenceParquet.write(folder.resolve("p/0.parquet"), Style.USUAL, List.of(), rows(0, COUNT));
        Files.writeString(folder.resolve("p/1.parquet"), "no parquet");
        new dev.vitrail.parquet.ParquetTable().strings("text", List.of("a")).write(folder.resolve("p/2.parquet"));
        var set = open("p", Split.TRAIN);
        assertThat(set.size()).isEqualTo(COUNT);
        assertThat(set.faults().sentences())
                .satisfiesExactly(
                        fault -> assertThat(fault).contains("1.parquet").contains("10 bytes"),
                        fault -> assertThat(fault)
                                .contains("2.parquet has no column of images")
                                .contains("[text]"));
    }

    @Test
    void bothPartsNeedTheSameClasses() {
        ReferenceParquet.write(
                folder.resolve("p/train-0.parquet"), Style.USUAL, List.of("ants", "bees"), rows(0, COUNT));
        ReferenceParquet.write(
                folder.resolve("p/test-0.parquet"), Style.USUAL, List.of("bees", "ants"), rows(0, COUNT));
        assertThatThrownBy(() -> Datasets.trainAndValidation(folder.resolve("p"), Optional.empty(), 0.1, 0))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("both need the same");
    }

    @Test
    void numbersAreAModelsOutputs() {
        ReferenceParquet.write(folder.resolve("p/0.parquet"), Style.USUAL, List.of(), rows(0, COUNT));
        var set = Relabelled.of(open("p", Split.TRAIN), new ClassNames(List.of("ants", "bees", "wasps")));
        assertThat(set.labels()).isEqualTo(files.labels());
        assertThat(set.classes()).containsExactly("ants", "bees", "wasps");
    }
}
