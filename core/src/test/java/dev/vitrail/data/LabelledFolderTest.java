package dev.vitrail.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.vitrail.errors.VitrailException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LabelledFolderTest {
    private final Path folder;

    LabelledFolderTest(@TempDir Path folder) {
        this.folder = folder;
        for (String name : List.of("one.png", "two, or so.png", "sub/three.png")) {
            TestImages.write(folder.resolve(name), 0);
        }
    }

    private Dataset open(String... lines) {
        return Datasets.open(folder, Split.TRAIN, Optional.of(TestImages.text(folder.resolve("labels.csv"), lines)));
    }

    private void fails(String part, String... lines) {
        assertThatThrownBy(() -> open(lines))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining(part);
    }

    @Test
    void readsIndicesWithAHeader() {
        Dataset set = open("\uFEFFfile,label", "sub/three.png,2", "", "\"two, or so.png\",0\r");
        assertThat(set.classes()).containsExactly("0", "1", "2");
        assertThat(set.labels()).containsExactly(2, 0);
        assertThat(set.name(1)).isEqualTo("two, or so.png");
        assertThat(set.image(0).width()).isEqualTo(6);
    }

    @Test
    void titlesChooseTheColumns() {
        Dataset set = open("fold,Label,Image", "0,ant,one.png", "1,bee,sub/three.png");
        assertThat(set.classes()).containsExactly("ant", "bee");
        assertThat(set.name(1)).isEqualTo("sub/three.png");
        fails("none names labels", "image,kind,fold", "one.png,ant,0");
        fails("line 3: expected 3 columns as in the first line, found 2", "id,class,x", "one.png,a,0", "one.png,a");
    }

    @Test
    void aNameWithoutItsEndingStandsForTheOneImageOfThatName() {
        Dataset set = open("id_code,diagnosis", "one,0", "sub/three,1");
        assertThat(set.name(0)).isEqualTo("one.png");
        assertThat(set.name(1)).isEqualTo("sub/three.png");
        TestImages.write(folder.resolve("one.jpg"), 0);
        fails("'one' stands for several images, [one.jpg, one.png]", "id_code,diagnosis", "one,0", "sub/three,1");
    }

    @Test
    void readsNamesWithoutAHeader() {
        Dataset set = open("one.png,\"say \"\"ant\"\"\"", "sub/three.png, bee ");
        assertThat(set.classes()).containsExactly("bee", "say \"ant\"");
        assertThat(set.labels()).containsExactly(1, 0);
    }

    @Test
    void givenClassesDecideOverNamesSynsetsAndIndices() {
        Path list =
                TestImages.text(folder.resolve("classes.csv"), "index,synset,name", "1,n2,Bee", "0,n1,\"ant, red\"");
        ClassNames classes = ClassNames.read(list);
        assertThat(classes.names()).containsExactly("ant, red", "Bee");
        Path labels = TestImages.text(folder.resolve("l.csv"), "one.png,n1", "sub/three.png,bee", "sub/three.png,0");
        assertThat(LabelledFolder.open(folder, labels, Optional.of(classes)).labels())
                .containsExactly(0, 1, 0);
    }

    @Test
    void refusesWhatItCannotMean() {
        fails("2 of the 3 files", "gone.png,0", "one.png,1", "lost.png,1");
        fails("'gone.png', 'lost.png'", "gone.png,0", "one.png,1", "lost.png,1");
        fails("line 2: expected FILE,LABEL, found 'one.png'", "file,label", "one.png");
        fails("line 2: expected FILE,LABEL", "one.png,1", "one.png,1,2");
        fails("line 2: expected an index as in the other lines, found 'x'", "one.png,1", "sub/three.png,x");
        fails("lies outside", "one.png,1", "../labels.csv.png,2");
        fails("never closed", "one.png,\"ant", "sub/three.png,bee");
        fails("labels no image", "file,label");
        fails("below 1,000,000", "one.png,123456789");
        Path labels = TestImages.text(folder.resolve("l.csv"), "one.png,7");
        assertThatThrownBy(() -> LabelledFolder.open(folder, labels, Optional.of(new ClassNames(List.of("a", "b")))))
                .hasMessageContaining("label '7' is none of the 2 classes");
        assertThatThrownBy(() -> Datasets.open(folder, Split.TRAIN, Optional.of(folder.resolve("no.csv"))))
                .hasMessageContaining("there is no file");
    }

    @Test
    void listsOfClassesAreCheckedToo() {
        assertThat(ClassNames.read(TestImages.text(folder.resolve("a.txt"), "hen, red", " cock "))
                        .names())
                .containsExactly("hen, red", "cock");
        Path doubled = TestImages.text(folder.resolve("b.csv"), "index,name", "0,a", "0,b");
        assertThatThrownBy(() -> ClassNames.read(doubled)).hasMessageContaining("every index from 0 to 1 once");
        ClassNames cranes = new ClassNames(List.of("crane", "dog", "crane"), List.of("n1", "n2", "n3"));
        assertThat(cranes.indexOf("crane")).isEmpty();
        assertThat(cranes.indexOf("N3")).hasValue(2);
    }

    @Test
    void aFolderOfSynsetsIsRelabelledToTheModelsOutputs() {
        TestImages.write(folder.resolve("n/n2/1.png"), 0);
        TestImages.write(folder.resolve("n/bee/1.png"), 0);
        Dataset set = ImageFolder.open(folder.resolve("n"));
        ClassNames model = new ClassNames(List.of("Bee", "ant", "fly"), List.of("n1", "n2", "n3"));
        Dataset relabelled = Relabelled.of(set, model);
        assertThat(relabelled.labels()).containsExactly(0, 1);
        assertThat(relabelled.classes()).hasSize(3);
        assertThatThrownBy(() -> Relabelled.of(set, new ClassNames(List.of("bee", "fly"))))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("1 class of the data are no output of the model: 'n2'");
    }

    @Test
    void readsTheRealSample() {
        Optional<Path> real = TestImages.real("imagenet_sample");
        assumeTrue(real.isPresent(), "shared/data/imagenet_sample is not here");
        Path images = real.orElseThrow();
        ClassNames classes = ClassNames.read(images.resolveSibling("imagenet_classes.csv"));
        assertThat(classes.size()).isEqualTo(1000);
        assertThat(classes.names().get(310)).contains("ant");
        ImageFiles set =
                LabelledFolder.open(images, images.resolveSibling("imagenet_sample_labels.csv"), Optional.of(classes));
        assertThat(set.size()).isEqualTo(500);
        for (int i = 0; i < set.size(); i++) {
            assertThat(classes.aliases().get(set.label(i)))
                    .isEqualTo(set.name(i).substring(0, 9));
        }
    }
}
