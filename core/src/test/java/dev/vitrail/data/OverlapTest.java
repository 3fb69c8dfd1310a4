package dev.vitrail.data;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vitrail.data.Overlap.Pair;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class OverlapTest {
    @Test
    void findsCopiesUnderOtherNamesAndLabels(@TempDir Path folder) throws IOException {
        for (int i = 0; i < 6; i++) {
            TestImages.write(
                    folder.resolve("train/%s/%d.png".formatted(i % 2 == 0 ? "a" : "b", i)), i << 16 | 0x1000 * i);
            TestImages.write(folder.resolve("val/%s/%d.png".formatted(i % 2 == 0 ? "a" : "b", i)), 0xFF - i);
        }
        Files.copy(folder.resolve("train/a/4.png"), folder.resolve("val/b/copy.png"));
        Files.copy(folder.resolve("train/a/4.png"), folder.resolve("train/b/again.png"));
        Files.delete(folder.resolve("val/a/2.png"));
        Files.createSymbolicLink(folder.resolve("val/a/2.png"), folder.resolve("gone.png"));
        var train = ImageFolder.open(folder.resolve("train"));
        var validation = ImageFolder.open(folder.resolve("val"));
        var overlap = Overlap.between(train, validation, 100);
        assertThat(overlap.looked()).isEqualTo(validation.size());
        assertThat(overlap.pairs()).singleElement().satisfies(pair -> {
            assertThat(train.name(pair.first())).isEqualTo("a/4.png");
            assertThat(validation.name(pair.second())).isEqualTo("b/copy.png");
        });
    }

    @Test
    void looksForNoMoreThanIsAskedFor() {
        var set = new TestImages.Numbered(100);
        var overlap = Overlap.between(set, new Subset(set, new int[] {9, 8, 7, 6, 5, 4}, "six"), 3);
        assertThat(overlap.looked()).isEqualTo(3);
        assertThat(overlap.pairs()).containsExactly(new Pair(9, 0), new Pair(7, 2), new Pair(5, 4));
    }
}
