package dev.vitrail.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vitrail.errors.VitrailException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BatchShareTest {
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void everyImageIsOneProcesses(boolean pairs) {
        for (int processes = 1; processes <= 7; processes++) {
            int[] before = new int[processes];
            for (int size = 0; size <= 40; size++) {
                var all = new ArrayList<Integer>();
                for (int rank = 0; rank < processes; rank++) {
                    int[] places = new BatchShare(rank, processes, pairs).places(size);
                    assertThat(places).isSorted();
                    // A batch's memory holds any smaller one.
                    assertThat(places.length).isGreaterThanOrEqualTo(before[rank]);
                    before[rank] = places.length;
                    Arrays.stream(places).forEach(all::add);
                    if (pairs) {
                        int last = size - 1;
                        int[] others = IntStream.of(places)
                                .map(place -> last - place)
                                .sorted()
                                .toArray();
                        assertThat(others).isEqualTo(places);
                    }
                }
                assertThat(all).hasSize(size).doesNotHaveDuplicates();
            }
            int most = Arrays.stream(before).max().orElseThrow(),
                    least = Arrays.stream(before).min().orElseThrow();
            assertThat(most - least).isLessThanOrEqualTo(pairs ? 2 : 1);
        }
    }

    @Test
    void aRankBelongsToItsWorld() {
        assertThatThrownBy(() -> new BatchShare(2, 2, false)).isInstanceOf(VitrailException.class);
    }

    /** Augmented, with broken images, and a last batch of 3. */
    @ParameterizedTest
    @ValueSource(ints = {2, 3, 5})
    void processesTogetherLoadWhatOneWould(int processes) {
        Dataset set = new TestImages.Numbered(43, 5, 17, 30);
        for (var onBroken : List.of(Loader.OnBroken.REPLACE, Loader.OnBroken.LEAVE_OUT)) {
            var options = new LoaderOptions(8, 2, 2, false, onBroken, 9);
            var whole = load(set, options);
            var together = new TreeMap<Long, List<Float>>();
            for (int rank = 0; rank < processes; rank++) {
                together.putAll(load(set, options.withShare(new BatchShare(rank, processes, false))));
            }
            assertThat(together.values()).containsExactlyElementsOf(whole.values());
            assertThat(whole).hasSize(onBroken == Loader.OnBroken.REPLACE ? 43 : 40);
        }
    }

    /** The pixels of each image by its batch and its place. */
    private static TreeMap<Long, List<Float>> load(Dataset set, LoaderOptions options) {
        var found = new TreeMap<Long, List<Float>>();
        try (var loader = new Loader(set, new TestImages.IndexAndChance(), Sampler.shuffled(set.size(), 3), options);
                var batches = loader.epoch(1)) {
            while (batches.hasNext()) {
                var batch = batches.next();
                var pixels = batch.pixels();
                int each = pixels.remaining() / batch.size();
                for (int i = 0; i < batch.size(); i++) {
                    var values = new ArrayList<Float>();
                    for (int k = 0; k < each; k++) {
                        values.add(pixels.get(i * each + k));
                    }
                    found.put(1000L * batch.number() + batch.places()[i], values);
                    assertThat(batch.whole()).isEqualTo(batch.number() == 5 ? 3 : 8);
                }
            }
        }
        return found;
    }

    @Test
    void aBatchThatIsTooSmallToShareIsRefused() {
        Dataset set = new TestImages.Numbered(10);
        var options = LoaderOptions.training(2, 0).withShare(new BatchShare(2, 3, false));
        assertThatThrownBy(() -> load(set, options))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("a batch of 2 images cannot be shared by 3 processes");
    }
}
