package dev.vitrail.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.vitrail.errors.VitrailException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ImageFolderTest {
    private final Path folder;

    ImageFolderTest(@TempDir Path folder) {
        this.folder = folder;
    }

    private Dataset open(Split split) {
        return Datasets.open(folder, split, Optional.empty());
    }

    private void fails(String... parts) {
        assertThatThrownBy(() -> Datasets.trainAndValidation(folder, Optional.empty(), 0.2, 0))
                .isInstanceOf(VitrailException.class)
                .hasMessageContainingAll(parts);
    }

    @Test
    void aClassMayBeCalledTrainOrVal(@TempDir Path other) {
        for (String name : List.of("train/1.png", "train/2.png", "plane/1.png", "val/1.png", "test/deep/1.png")) {
            TestImages.write(other.resolve(name), 0);
        }
        Dataset set = Datasets.open(other, Split.TRAIN, Optional.empty());
        assertThat(set.classes()).containsExactly("plane", "test", "train", "val");
        assertThat(set.size()).isEqualTo(5);
    }

    @Test
    void whatHoldsNoImagesBesideThePartsIsNoClass(@TempDir Path other) {
        for (String name : List.of("train/a/1.png", "train/b/2.png", "val/a/1.png", "test/b/1.png")) {
            TestImages.write(other.resolve(name), 0);
        }
        TestImages.text(other.resolve("annotations/list.txt"), "train/a/1.png");
        assertThat(Datasets.open(other, Split.TRAIN, Optional.empty()).classes())
                .containsExactly("a", "b");
        assertThat(Datasets.open(other, Split.VALIDATION, Optional.empty()).size())
                .isEqualTo(1);
    }

    @Test
    void aLinkThatLeadsNowhereIsABrokenImage(@TempDir Path other) throws IOException {
        TestImages.write(other.resolve("a/1.png"), 0);
        TestImages.write(other.resolve("b/1.png"), 0);
        Files.createSymbolicLink(other.resolve("a/gone.png"), Path.of("nowhere.png"));
        Dataset set = Datasets.open(other, Split.TRAIN, Optional.empty());
        assertThat(set.size()).isEqualTo(3);
        assertThat(Inventory.of(set).entries().get(1).stamp()).isEqualTo(-1);
        assertThatThrownBy(() -> set.image(1))
                .isInstanceOf(VitrailException.class)
                .hasMessageNotContaining("Exception");
    }

    @Test
    void classesAndFilesAreSortedAsPythonSortsAndHiddenOnesSkipped() throws IOException {
        for (String name :
                List.of("b/2.PNG", "b/10.png", "b/deep/1.jpeg", "B/1.gif", "\uFF21/x.bmp", "\uD83D\uDE00/x.png")) {
            TestImages.write(folder.resolve(name), 0x808080);
        }
        TestImages.write(folder.resolve("b/.hidden.png"), 0);
        TestImages.write(folder.resolve(".cache/c.png"), 0);
        TestImages.write(folder.resolve("__MACOSX/c.png"), 0);
        TestImages.write(folder.resolve("b/.git/c.png"), 0);
        TestImages.text(folder.resolve("b/notes.txt"), "no image");
        Files.createFile(folder.resolve("b/png"));

        Dataset set = open(Split.TRAIN);
        // By code points an emoji comes after full-width A; by Java's chars before it.
        assertThat(set.classes()).containsExactly("B", "b", "\uFF21", "\uD83D\uDE00");
        assertThat(List.of(set.name(0), set.name(1), set.name(2), set.name(3)))
                .containsExactly(
                        Path.of("B", "1.gif").toString(),
                        Path.of("b", "10.png").toString(),
                        Path.of("b", "2.PNG").toString(),
                        Path.of("b", "deep", "1.jpeg").toString());
        assertThat(set.labels()).containsExactly(0, 1, 1, 1, 2, 3);
        assertThat(set.image(5).pixels()).startsWith((byte) 0x80, (byte) 0x80, (byte) 0x80);
        assertThat(set.describe()).endsWith(": 6 images, 4 classes (B 1, b 3, \uFF21 1, \uD83D\uDE00 1)");
    }

    @Test
    void followsLinksButNotRoundInACircle(@TempDir Path elsewhere) throws IOException {
        TestImages.write(elsewhere.resolve("1.png"), 0);
        TestImages.write(folder.resolve("b/1.png"), 0);
        Files.createSymbolicLink(folder.resolve("a"), elsewhere);
        Files.createSymbolicLink(folder.resolve("b/round"), folder.resolve("b"));
        Files.createSymbolicLink(folder.resolve("up"), folder);

        Dataset set = open(Split.TRAIN);
        assertThat(set.classes()).containsExactly("a", "b");
        assertThat(set.size()).isEqualTo(2);
    }

    @Test
    void validationHasTheLabelsOfTrainingEvenIfAClassIsMissing() {
        for (String name : List.of("train/a/1.png", "train/b/1.png", "train/c/1.png", "validation/c/2.png")) {
            TestImages.write(folder.resolve(name), 0);
        }
        Dataset validation = open(Split.VALIDATION);
        assertThat(validation.classes()).containsExactly("a", "b", "c");
        assertThat(validation.labels()).containsExactly(2);
        assertThat(open(Split.TEST).labels()).containsExactly(2); // for want of a test part
        TrainAndValidation both = Datasets.trainAndValidation(folder, Optional.empty(), 0.5, 0);
        assertThat(both.train().size()).isEqualTo(3);
        assertThat(both.validation().size()).isEqualTo(1);

        TestImages.write(folder.resolve("validation/d/3.png"), 0);
        fails("1 class that training does not know: 'd'");
    }

    @Test
    void aClassMayBeCalledTest() {
        TestImages.write(folder.resolve("real/1.png"), 0);
        TestImages.write(folder.resolve("test/1.png"), 0);
        assertThat(open(Split.TRAIN).classes()).containsExactly("real", "test");
    }

    @Test
    void partsWithoutTrainingCanBeEvaluatedOnly() {
        TestImages.write(folder.resolve("val/a/1.png"), 0);
        TestImages.write(folder.resolve("val/b/1.png"), 0);
        assertThat(open(Split.VALIDATION).classes()).containsExactly("a", "b");
        fails("has no folder 'train'");
    }

    @Test
    void saysWhatIsMissing() throws IOException {
        fails("holds no images; expected", "CLASS/IMAGE", "IDX", "--labels");
        TestImages.write(folder.resolve("1.png"), 0);
        fails("holds 1 image but no labels");
        Files.createDirectory(folder.resolve("a"));
        fails("holds no images in its 1 class folder");
        TestImages.write(folder.resolve("a/1.png"), 0);
        fails("has images of 1 class", "two or more");
        Files.createDirectory(folder.resolve("b"));
        fails("1 class folder of", "holds no images: 'b'");
        TestImages.write(folder.resolve("b/1.png"), 0);
        fails("2 classes have one image only", "'a', 'b'");

        assertThatThrownBy(() -> Datasets.open(folder.resolve("gone"), Split.TRAIN, Optional.empty()))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("there is no folder");
        assertThatThrownBy(() -> Datasets.open(folder.resolve("1.png"), Split.TRAIN, Optional.empty()))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("is a file; expected a folder");
    }

    @Test
    void aBrokenFileIsNamed() {
        TestImages.text(folder.resolve("a/1.jpg"), "this is no JPEG");
        TestImages.write(folder.resolve("b/1.jpg"), 0);
        Dataset set = open(Split.TRAIN);
        assertThatThrownBy(() -> set.image(0))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("1.jpg");
    }

    @Test
    void readsTheRealAntsAndBees() {
        Optional<Path> real = TestImages.real("hymenoptera");
        assumeTrue(real.isPresent(), "shared/data/hymenoptera is not here");
        TrainAndValidation both = Datasets.trainAndValidation(real.orElseThrow(), Optional.empty(), 0.1, 0);
        assertThat(both.train().describe()).endsWith(": 245 images, 2 classes (ants 124, bees 121)");
        assertThat(both.validation().describe()).endsWith(": 153 images, 2 classes (ants 70, bees 83)");
        for (int i = 0; i < both.train().size(); i++) {
            String name = both.train().name(i);
            if (name.endsWith(".gif") || name.contains(" ") || name.endsWith(".jpeg")) {
                assertThat(both.train().image(i).width()).isPositive();
            }
        }
    }

    /** What browsers, Windows and older programs call images is told by its content. */
    @Test
    void otherEndingsOfImagesAreImagesToo() throws IOException {
        var jpeg = Files.readAllBytes(TestImages.write(folder.resolve("a/0.jpg"), 0xff0000));
        for (String name : List.of("1.jfif", "2.JPE", "3.jpg_large", "4.jif", "5.pgm")) {
            Files.write(folder.resolve("a").resolve(name), jpeg);
        }
        TestImages.text(folder.resolve("a/6.pbm"), "P1 2 1", "01");
        var set = open(Split.TRAIN);
        assertThat(set.size()).isEqualTo(7);
        assertThat(set.faults().isEmpty()).isTrue();
        for (int i = 0; i < set.size(); i++) {
            assertThat(set.image(i).pixels()).isNotEmpty();
        }
    }

    @Test
    void filesThatAreLeftOutAreCountedByTheirEnding() throws IOException {
        for (String name : List.of("a/0.png", "a/1.png", "b/0.png", "b/deep/1.png")) {
            TestImages.write(folder.resolve(name), 0x808080);
        }
        for (String name : List.of(
                "a/1.xyz",
                "a/2.XYZ",
                "b/deep/3.xyz",
                "b/4.heic",
                "b/5",
                "b/readme",
                "a/Thumbs.db",
                "a/desktop.ini",
                "a/.DS_Store",
                "a/._0.png",
                "a/0.txt",
                "a/0.json",
                "b/list.csv",
                "b/notes.md")) {
            TestImages.text(folder.resolve(name), "no image");
        }
        var faults = open(Split.TRAIN).faults();
        assertThat(faults.count()).isEqualTo(3);
        assertThat(faults.sentences())
                .anyMatch(sentence -> sentence.startsWith("3 files .xyz in ") && sentence.contains("were left out"))
                .anyMatch(sentence -> sentence.startsWith("1 file .heic in ") && sentence.contains("was left out"))
                .anyMatch(sentence -> sentence.startsWith("1 file without an ending in "));
        var sets = Datasets.trainAndValidation(folder, Optional.empty(), 0.4, 0);
        assertThat(sets.faults().count()).as("of one folder, once").isEqualTo(3);
    }

    @Test
    void anEmptyClassFolderNamesTheEndingsInIt() {
        TestImages.write(folder.resolve("a/0.png"), 0x808080);
        TestImages.text(folder.resolve("b/0.heic"), "no image");
        TestImages.text(folder.resolve("b/1.heic"), "no image");
        fails("1 class folder of", "holds no images: 'b' (but 2 files .heic");
    }
}
