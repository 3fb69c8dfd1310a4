package dev.vitrail.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vitrail.errors.VitrailException;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

class SubsetTest {
    private static Set<String> names(Dataset set) {
        Set<String> names = new HashSet<>();
        for (int i = 0; i < set.size(); i++) {
            names.add(set.name(i));
        }
        return names;
    }

    @Test
    void holdsOutAShareOfEachClass() {
        Dataset whole = new TestImages.Numbered(300);
        TrainAndValidation parts = Subset.holdOut(whole, 0.1, 5);
        assertThat(Descriptions.counts(3, parts.validation().labels())).containsExactly(10, 10, 10);
        assertThat(Descriptions.counts(3, parts.train().labels())).containsExactly(90, 90, 90);
        Set<String> all = names(parts.train());
        all.addAll(names(parts.validation()));
        assertThat(all).hasSize(300);
        assertThat(names(Subset.holdOut(whole, 0.1, 5).validation())).isEqualTo(names(parts.validation()));
        assertThat(names(Subset.holdOut(whole, 0.1, 6).validation())).isNotEqualTo(names(parts.validation()));
        assertThat(parts.validation().describe()).contains("10 % held out", "30 images");
        int index = 17;
        assertThat(parts.train().image(index).pixels()[0] + ".png")
                .isEqualTo(parts.train().name(index));
    }

    @Test
    void leavesAtLeastOneOnEachSide() {
        Dataset whole = new TestImages.Numbered(6);
        assertThat(Subset.holdOut(whole, 0.01, 0).validation().size()).isEqualTo(3);
        assertThat(Subset.holdOut(whole, 0.99, 0).train().size()).isEqualTo(3);
        assertThatThrownBy(() -> Subset.holdOut(new TestImages.Numbered(5), 0.5, 0))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("one image only")
                .hasMessageContaining("'c'");
        assertThatThrownBy(() -> Subset.holdOut(whole, 1, 0)).isInstanceOf(VitrailException.class);
    }

    @Test
    void takesAShareOfEachClass() {
        Dataset whole = new TestImages.Numbered(300);
        Dataset tenth = Subset.ofShare(whole, 0.1, 5);
        assertThat(Descriptions.counts(3, tenth.labels())).containsExactly(10, 10, 10);
        assertThat(tenth.describe()).contains("10 % of each class", "30 images");
        assertThat(names(Subset.ofShare(whole, 0.1, 5))).isEqualTo(names(tenth));
        assertThat(names(Subset.ofShare(whole, 0.1, 6))).isNotEqualTo(names(tenth));
        assertThat(names(Subset.ofShare(whole, 0.2, 5))).hasSize(60).containsAll(names(tenth));
        assertThat(Subset.ofShare(whole, 1e-9, 5).size())
                .as("one of each class")
                .isEqualTo(3);
        assertThat(Subset.ofShare(whole, 1, 5)).isSameAs(whole);
        assertThatThrownBy(() -> Subset.ofShare(whole, 0, 5))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("above 0 and at most 1");
    }

    @Test
    void drawsAFewOfEachClass() {
        int[] labels = {0, 1, 1, -1, 0, 0, 1, 1};
        int[] two = Subset.drawn(labels, 2, count -> 2, 9);
        assertThat(two).hasSize(4).isSorted();
        assertThat(Arrays.stream(two).map(i -> labels[i]).sorted().toArray()).containsExactly(0, 0, 1, 1);
        assertThat(Subset.drawn(labels, 2, count -> 100, 9)).containsExactly(0, 1, 2, 4, 5, 6, 7);
    }
}
