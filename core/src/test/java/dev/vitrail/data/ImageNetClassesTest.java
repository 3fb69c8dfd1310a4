package dev.vitrail.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** ImageNet's classes by the numbers of the outputs. */
class ImageNetClassesTest {
    @ParameterizedTest
    @ValueSource(ints = {1000, 11_221, 11_821, 21_841, 21_843})
    void asManyAsOutputsInTheOrderOfSynsets(int classes) {
        var list = ImageNetClasses.of(classes).orElseThrow();
        assertThat(list.size()).isEqualTo(classes);
        assertThat(list.aliases()).isSorted().hasSize(classes);
        assertThat(new HashSet<>(list.names())).hasSize(classes);
    }

    @Test
    void namesAreWordNets() {
        var list = ImageNetClasses.of(1000).orElseThrow();
        assertThat(list.names())
                .startsWith("tench", "goldfish", "great white shark")
                .endsWith("toilet tissue");
        assertThat(list.names().get(134)).isEqualTo("crane (wading bird)");
        assertThat(list.names().get(517)).isEqualTo("crane (lifting device)");
        assertThat(list.indexOf("n02219486")).hasValue(310);
        assertThat(list.names().get(310)).isEqualTo("ant");
        assertThat(ImageNetClasses.of(999)).isEmpty();
        assertThat(ImageNetClasses.of(21_843).orElseThrow().indexOf("n03931044"))
                .isPresent();
        assertThat(ImageNetClasses.of(21_841).orElseThrow().indexOf("n03931044"))
                .isEmpty();
    }

    @Test
    void otherNamesHaveNoSynsets() {
        assertThat(ImageNetClasses.withSynsets(List.of("ant", "bee")).aliases()).isEmpty();
        var names = ImageNetClasses.of(1000).orElseThrow().names();
        assertThat(ImageNetClasses.withSynsets(names).aliases()).startsWith("n01440764");
    }

    @Test
    void theOrderIsThatOfAnotherList() {
        var data = System.getenv("VITRAIL_TEST_DATA");
        assumeTrue(
                data != null && Files.exists(Path.of(data, "imagenet_classes.csv")), "skipped: no VITRAIL_TEST_DATA");
        assertThat(ClassNames.read(Path.of(data, "imagenet_classes.csv")).aliases())
                .isEqualTo(ImageNetClasses.of(1000).orElseThrow().aliases());
    }
}
