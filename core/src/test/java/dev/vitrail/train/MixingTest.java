package dev.vitrail.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Tensor;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.images.Region;
import dev.vitrail.train.Mixing.Mix;
import dev.vitrail.train.Mixing.Mode;
import dev.vitrail.train.Mixing.Sides;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

/** Mixup and CutMix; their arithmetic is the golden case {@code mixup}. */
class MixingTest {
    private static final int COUNT = 8;

    private static Mixing mixing(double mixup, double cutmix, double probability, Mode mode) {
        return new Mixing(mixup, cutmix, Optional.empty(), probability, 0.5, mode, 0, OptionalInt.empty());
    }

    /** Image i is i everywhere. */
    private static Tensor images(int height, int width) {
        var values = new float[COUNT * 3 * height * width];
        for (int i = 0; i < values.length; i++) {
            values[i] = i / (3 * height * width);
        }
        return Tensor.of(values, COUNT, 3, height, width);
    }

    private static Tensor labels() {
        return Tensor.of(new long[] {0, 1, 2, 3, 4, 5, 6, 7}, COUNT);
    }

    @Test
    void targetsSayWhatIsLeftOfEachImage() {
        Frame.run(() -> {
            for (var mode : Mode.values()) {
                for (long update = 0; update < 40; update++) {
                    var images = images(16, 12);
                    var mixed = mixing(0.8, 1, 0.8, mode).apply(images, labels(), COUNT, Mixing.random(3, update));
                    assertThat(mixed.images()).isSameAs(images);
                    var means = images.mean(false, 1, 2, 3).toFloats();
                    var targets = mixed.targets().toFloats();
                    for (int i = 0; i < COUNT; i++) {
                        double expected = 0;
                        double sum = 0;
                        for (int k = 0; k < COUNT; k++) {
                            expected += k * targets[i * COUNT + k];
                            sum += targets[i * COUNT + k];
                            assertThat(k == i || k == COUNT - 1 - i || targets[i * COUNT + k] == 0)
                                    .isTrue();
                        }
                        assertThat(sum).isCloseTo(1, within(1e-5));
                        // What the mean of the image says of its share is what the label says.
                        assertThat(means[i]).isCloseTo((float) expected, within(1e-4f));
                    }
                }
            }
        });
    }

    @Test
    void theUpdateDecidesAndNothingElse() {
        Frame.run(() -> {
            var seen = new HashSet<List<Float>>();
            for (long update = 0; update < 20; update++) {
                var once = mixing(0.8, 1, 1, Mode.ELEM).apply(images(6, 6), labels(), COUNT, Mixing.random(3, update));
                Tensor.rand(5);
                var again = mixing(0.8, 1, 1, Mode.ELEM).apply(images(6, 6), labels(), COUNT, Mixing.random(3, update));
                assertThat(once.images().toFloats()).isEqualTo(again.images().toFloats());
                assertThat(once.targets().toFloats()).isEqualTo(again.targets().toFloats());
                float[] targets = once.targets().toFloats();
                seen.add(List.of(targets[0], targets[9]));
            }
            assertThat(seen).hasSize(20);
        });
    }

    @Test
    void probabilitiesAreKept() {
        int none = 0;
        int cut = 0;
        int draws = 20_000;
        double share = 0;
        var random = Mixing.random(1, 1);
        var mixing = new Mixing(0.8, 1, Optional.empty(), 0.9, 0.3, Mode.BATCH, 0, OptionalInt.empty());
        for (int i = 0; i < draws; i++) {
            var mix = mixing.draw(2, 224, 224, random).get(0);
            none += mix.share() == 1 ? 1 : 0;
            if (mix.patch().isPresent()) {
                cut++;
                share += mix.share();
            }
        }
        // A patch of less than two pixels is none, which few of the shares make.
        assertThat((double) none / draws).isCloseTo(0.1, within(0.012));
        assertThat((double) cut / draws).isCloseTo(0.27, within(0.012));
        // Half, and what the border cuts off besides: 0.6817 for uniform shares and centres.
        assertThat(share / cut).isCloseTo(0.6817, within(0.012));
    }

    @Test
    void modesShareTheirDraws() {
        var random = Mixing.random(2, 0);
        assertThat(new HashSet<>(mixing(1, 0, 1, Mode.BATCH).draw(8, 9, 9, random)))
                .hasSize(1);
        var pairs = mixing(1, 0, 1, Mode.PAIR).draw(8, 9, 9, random);
        assertThat(new HashSet<>(pairs)).hasSize(4);
        assertThat(pairs.get(2)).isEqualTo(pairs.get(5));
        assertThat(new HashSet<>(mixing(1, 0, 1, Mode.ELEM).draw(8, 9, 9, random)))
                .hasSize(8);
    }

    @Test
    void sidesOfTheRectangleCanBeGiven() {
        var sides = new Sides(0.25, 0.75);
        var mixing = new Mixing(0, 0, Optional.of(sides), 1, 0.5, Mode.ELEM, 0.1, OptionalInt.of(3));
        for (var mix : mixing.draw(2000, 40, 20, Mixing.random(1, 2))) {
            var patch = mix.patch().orElseThrow();
            assertThat(patch.height()).isBetween(10, 29);
            assertThat(patch.width()).isBetween(5, 14);
            assertThat(mix.share()).isCloseTo(1 - patch.height() * patch.width() / 800.0, within(1e-12));
        }
        assertThat(mixing.isOn(2)).isTrue();
        assertThat(mixing.isOn(3)).isFalse();
        assertThat(Mixing.of(0.8, 1, 0.1).isOn(1000)).isTrue();
        assertThatThrownBy(() -> mixing.draw(2, 2, 1, Mixing.random(1, 2)))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("1 pixels");
    }

    private static TrainingConfig config(String options) {
        return TrainingConfigFile.with(TrainingConfig.of("m", "d", 10), options, "the test");
    }

    /** The option as a run has it: timm's {@code cutmix_minmax}. */
    @Test
    void sidesOfTheOptionAreDrawnEvenlyAndTheShareIsThatOfTheRectangle() {
        var mixing = Augmentation.mixing(config("cutmix_minmax: [0.2, 0.6]\nmix_mode: elem"))
                .orElseThrow();
        int draws = 20_000;
        var heights = new int[100];
        var widths = new int[50];
        double share = 0;
        for (var mix : mixing.draw(draws, 100, 50, Mixing.random(5, 0))) {
            var patch = mix.patch().orElseThrow(); // whatever α is
            heights[patch.height()]++;
            widths[patch.width()]++;
            assertThat(patch.top() + patch.height()).isLessThanOrEqualTo(100);
            assertThat(patch.left() + patch.width()).isLessThanOrEqualTo(50);
            assertThat(mix.share()).isCloseTo(1 - patch.height() * patch.width() / 5000.0, within(1e-12));
            share += mix.share();
        }
        for (int side = 0; side < 100; side++) {
            assertThat(heights[side]).isBetween(side < 20 || side >= 60 ? 0 : 400, side < 20 || side >= 60 ? 0 : 600);
        }
        for (int side = 0; side < 50; side++) {
            assertThat(widths[side]).isBetween(side < 10 || side >= 30 ? 0 : 850, side < 10 || side >= 30 ? 0 : 1150);
        }
        // Sides are 20 to 59 and 10 to 29 pixels, independent of each other: 39.5 · 19.5 on average.
        assertThat(share / draws).isCloseTo(1 - 39.5 * 19.5 / 5000, within(0.005));
    }

    @Test
    void sidesOfTheOptionTurnCutMixOnAndKeepTheProbabilities() {
        assertThat(Augmentation.mixing(config("mixup: 0\ncutmix: 0"))).isEmpty();
        var mixing = Augmentation.mixing(
                        config("cutmix_minmax: [0.2, 0.8]\nmixup: 0.8\ncutmix: 0\nmix_probability: 0.9\n"
                                + "mix_switch_probability: 0.3"))
                .orElseThrow();
        var random = Mixing.random(1, 1);
        int draws = 20_000;
        int none = 0;
        int cut = 0;
        for (int i = 0; i < draws; i++) {
            var mix = mixing.draw(2, 32, 32, random).get(0);
            none += mix.share() == 1 ? 1 : 0;
            cut += mix.patch().isPresent() ? 1 : 0;
        }
        assertThat((double) none / draws).isCloseTo(0.1, within(0.012));
        assertThat((double) cut / draws).isCloseTo(0.27, within(0.012));
        assertThat(mixing.draw(64, 32, 32, Mixing.random(2, 7)))
                .isEqualTo(mixing.draw(64, 32, 32, Mixing.random(2, 7)))
                .isNotEqualTo(mixing.draw(64, 32, 32, Mixing.random(2, 8)));
    }

    @Test
    void sidesOfTheOptionChangeImagesAndLabelsAlike() {
        Frame.run(() -> {
            var mixing = Augmentation.mixing(config("cutmix_minmax: [0.3, 0.7]\nmix_mode: pair\nlabel_smoothing: 0"))
                    .orElseThrow();
            var mixed = mixing.apply(images(16, 12), labels(), COUNT, Mixing.random(3, 1));
            var means = mixed.images().mean(false, 1, 2, 3).toFloats();
            var targets = mixed.targets().toFloats();
            for (int i = 0; i < COUNT; i++) {
                float share = targets[i * COUNT + i];
                assertThat(share).isBetween(1 - 0.7f * 0.7f, 1 - 0.15f * 0.25f).isLessThan(1);
                assertThat(means[i]).isCloseTo(i * share + (COUNT - 1 - i) * (1 - share), within(1e-4f));
            }
        });
    }

    /** Images 1 and 6 of the batch of 8 belong together, and 2 and 5. */
    @Test
    void aShareOfABatchIsMixedAsTheWhole() {
        Frame.run(() -> {
            int[] places = {1, 2, 5, 6};
            var rows = Tensor.of(new long[] {1, 2, 5, 6}, 4);
            for (var mode : Mode.values()) {
                for (int update = 0; update < 5; update++) {
                    var mixing = mixing(0.8, 1, 0.8, mode);
                    var whole = mixing.apply(images(6, 6), labels(), COUNT, Mixing.random(3, update));
                    var own = mixing.apply(
                            images(6, 6).indexSelect(0, rows),
                            labels().indexSelect(0, rows),
                            COUNT,
                            Mixing.random(3, update),
                            COUNT,
                            places);
                    assertThat(own.images().toFloats())
                            .containsExactly(whole.images().indexSelect(0, rows).toFloats(), within(1e-6f));
                    assertThat(own.targets().toFloats())
                            .containsExactly(
                                    whole.targets().indexSelect(0, rows).toFloats(), within(1e-6f));
                }
            }
        });
    }

    @Test
    void anUnmixedBatchIsLeftAlone() {
        Frame.run(() -> {
            var mixed = mixing(1, 1, 0, Mode.PAIR).apply(images(4, 4), labels(), 10, Mixing.random(0, 0));
            assertThat(mixed.images().toFloats()).isEqualTo(images(4, 4).toFloats());
            assertThat(mixed.targets().argmax(1).toLongs()).containsExactly(0, 1, 2, 3, 4, 5, 6, 7);
        });
    }

    @Test
    void differentMixesInOneBatch() {
        Frame.run(() -> {
            var images = images(4, 4);
            var patch = Mix.patch(new Region(1, 1, 2, 3), 4, 4);
            assertThat(patch.share()).isEqualTo(1 - 6 / 16.0);
            var half = Mix.over(0.5);
            var none = Mix.over(1);
            Mixing.mix(images, List.of(patch, half, none, none, none, none, half, none));
            var values = images.toFloats();
            assertThat(values[0]).isZero();
            assertThat(values[5]).isEqualTo(7);
            assertThat(values[48]).isEqualTo(3.5f);
            assertThat(values[7 * 48 + 5]).isEqualTo(7);
        });
    }

    @Test
    void refusesWhatCannotBeMixed() {
        assertThatThrownBy(() -> mixing(0, 0, 1, Mode.BATCH))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("leave it out");
        assertThatThrownBy(() -> mixing(-1, 1, 1, Mode.BATCH)).isInstanceOf(VitrailException.class);
        assertThatThrownBy(() -> mixing(1, 1, 2, Mode.BATCH)).isInstanceOf(VitrailException.class);
        assertThatThrownBy(() -> new Sides(0.5, 0.5)).isInstanceOf(VitrailException.class);
        new Sides(0.5, 0.51).requireRoomIn(224, 224);
        assertThatThrownBy(() -> new Sides(0.5, 0.51).requireRoomIn(224, 28))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("between 0.5 and 0.51 of 28 pixels there is no side");
        Frame.run(() -> assertThatThrownBy(() -> mixing(1, 1, 1, Mode.BATCH)
                        .apply(Tensor.zeros(3, 3, 4, 4), Tensor.of(new long[3], 3), 2, Mixing.random(0, 0)))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("even number"));
    }
}
