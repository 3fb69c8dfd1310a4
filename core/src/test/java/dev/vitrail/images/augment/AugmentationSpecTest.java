package dev.vitrail.images.augment;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.images.Canvas;
import dev.vitrail.images.Interpolation;
import dev.vitrail.images.RgbImage;
import dev.vitrail.images.decode.PillowTable;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class AugmentationSpecTest {
    private static final AffineSettings MOTION =
            new AffineSettings(List.of(Interpolation.BICUBIC), List.of(124, 116, 104), AffineSettings.DEFAULT_REACH);
    private static final RgbImage IMAGE = PillowTable.dim(PillowTable.noise(24, 24));

    /** Mean level of what comes out, its std, mean distance from the image, its std: 12,000 draws of timm 1.0.29. */
    @ParameterizedTest
    @CsvSource({
        "rand-m9-mstd0.5-inc1, 97.815, 40.396, 49.013, 37.827",
        "rand-m5-n3-p0.8, 106.759, 41.471, 64.769, 34.586",
        "rand-mstd101-tweights, 83.343, 13.026, 38.484, 26.201",
        "rand-t3aw-m7, 84.546, 26.640, 36.827, 29.148",
        "original, 119.883, 47.821, 62.589, 50.117",
        "v0r-mstd1, 111.004, 44.022, 51.881, 42.280",
        "3a, 71.213, 6.588, 28.979, 13.368",
        "augmix-m5-w4-d2, 85.080, 13.270, 18.619, 14.526",
        "augmix-b1-a0.5, 84.622, 16.979, 18.746, 19.272",
    })
    void drawsWhatTimmDraws(String spec, double level, double levelSpread, double distance, double distanceSpread) {
        var transform = new AugmentationSpec(spec).transform(MOTION);
        var random = new SplittableRandom(5);
        int draws = 4000;
        double levels = 0;
        double distances = 0;
        for (int i = 0; i < draws; i++) {
            byte[] pixels = transform.apply(IMAGE, random).pixels();
            long sum = 0;
            long difference = 0;
            for (int j = 0; j < pixels.length; j++) {
                sum += pixels[j] & 0xff;
                difference += Math.abs((pixels[j] & 0xff) - (IMAGE.pixels()[j] & 0xff));
            }
            levels += (double) sum / pixels.length;
            distances += (double) difference / pixels.length;
        }
        // Four standard errors of the difference of two means, of 12,000 draws and of these.
        double errors = 4 * Math.sqrt(1.0 / 12_000 + 1.0 / draws);
        assertThat(levels / draws).isCloseTo(level, within(errors * levelSpread));
        assertThat(distances / draws).isCloseTo(distance, within(errors * distanceSpread));
    }

    @Test
    void hasTimmsTables() {
        var found = new ArrayList<String>();
        for (var name : List.of("original", "originalr", "v0", "v0r", "3a")) {
            var policies = ((AutoAugment) new AugmentationSpec(name).transform(MOTION)).policies();
            for (int i = 0; i < policies.size(); i++) {
                for (var operation : policies.get(i)) {
                    found.add(row(name, i, operation, Double.toString(operation.probability())));
                }
            }
        }
        for (var name : List.of("rand", "rand-inc1", "rand-tweights", "rand-t3a", "rand-t3aw")) {
            var rand = (RandAugment) new AugmentationSpec(name).transform(MOTION);
            double sum = rand.weights().stream()
                    .flatMap(List::stream)
                    .mapToDouble(Double::doubleValue)
                    .sum();
            for (int i = 0; i < rand.operations().size(); i++) {
                int place = i;
                var weight = rand.weights().map(all -> "%.9f".formatted(all.get(place) / sum));
                found.add(row(name, i, rand.operations().get(i), weight.orElse("")));
            }
        }
        var mixed = ((AugMix) new AugmentationSpec("augmix").transform(MOTION)).operations();
        for (int i = 0; i < mixed.size(); i++) {
            found.add(row("augmix", i, mixed.get(i), "1.0"));
        }
        var expected = PillowTable.rows("policies.csv")
                .map(row -> {
                    boolean weighed = row[0].startsWith("rand") && !row[3].isEmpty();
                    var number = weighed ? "%.9f".formatted(Double.parseDouble(row[3])) : row[3];
                    return String.join(
                            ",", row[0], row[1], row[2], number, Double.toString(Double.parseDouble(row[4])));
                })
                .toList();
        assertThat(expected).hasSize(278);
        assertThat(found).isEqualTo(expected);
    }

    private static String row(String name, int place, RandomOperation operation, String number) {
        return String.join(
                ",",
                name,
                Integer.toString(place),
                operation.operation().key(),
                number,
                Double.toString(operation.magnitude()));
    }

    @Test
    void understandsEveryPart() {
        var rand = (RandAugment) new AugmentationSpec("rand-m15-n3-p0.7-mstd0.5-mmax20-inc1").transform(MOTION);
        assertThat(rand.layers()).isEqualTo(3);
        assertThat(rand.operations().get(4))
                .isEqualTo(new RandomOperation(AugmentOperation.POSTERIZE_INCREASING, 0.7, 15, 0.5, 20, MOTION));
        var uniform = (RandAugment) new AugmentationSpec("rand-mstd101-w0").transform(MOTION);
        assertThat(uniform.operations().get(0).std()).isInfinite();
        assertThat(uniform.weights()).contains(AugmentationTables.RAND_WEIGHTS_0);
        var mix = (AugMix) new AugmentationSpec("augmix-m5-w4-d2-a0.5-b1").transform(MOTION);
        assertThat(mix.width()).isEqualTo(4);
        assertThat(mix.depth()).hasValue(2);
        assertThat(mix.alpha()).isEqualTo(0.5);
        assertThat(mix.blended()).isTrue();
        assertThat(mix.operations().get(0).std()).isInfinite();
        assertThat(mix.operations().get(0).motion().reach()).isEqualTo(0.3);
        assertThat(new AugmentationSpec("3a").keepsColorJitter()).isTrue();
        assertThat(new AugmentationSpec("rand-m9").keepsColorJitter()).isFalse();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "randd-m9|did you mean rand?",
                "rand-m9-std0.5|did you mean mstd0.5?",
                "rand-m9-inc|did you mean inc1?",
                "rand-9|did you mean rand-m9-mstd0.5-inc1?",
                "rand-m9.5|needs a whole number after m",
                "rand-m9-m10|says m twice",
                "rand-tweight|did you mean tweights?",
                "rand-p1.5|out of range",
                "rand-inc2|switches inc on with 1",
                "rand-w1|there is w0 alone",
                "rand-t3aw-n15|write n14 at most",
                "augmix-n3|did you mean augmix-m5-w4-d2?",
                "augmix-w0|at least one chain",
                "augmix-a0|alpha is above 0",
                "original-m5|did you mean mstd5?",
                "''|No augmentation begins with",
            })
    void refusesWhatItDoesNotKnow(String spec, String sentence) {
        assertThatThrownBy(() -> new AugmentationSpec(spec))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining(sentence);
    }

    @ParameterizedTest
    @ValueSource(strings = {"rand-m9-mstd0.5-inc1", "original", "3a", "augmix"})
    void theSeedDecides(String spec) {
        var transform = new AugmentationSpec(spec).transform(MOTION);
        var first = transform.apply(IMAGE, new SplittableRandom(3)).pixels();
        byte[] before = IMAGE.pixels().clone();
        assertThat(transform.apply(IMAGE, new SplittableRandom(3)).pixels()).isEqualTo(first);
        assertThat(IMAGE.pixels()).isEqualTo(before);
    }

    @Test
    void weighedOperationsAreNotRepeated() {
        var random = new SplittableRandom(1);
        var weights = List.of(0.0, 3.0, 1.0, 1.0);
        var first = new int[4];
        for (int i = 0; i < 20_000; i++) {
            int[] drawn = RandAugment.draw(weights, 3, random);
            assertThat(drawn).containsExactlyInAnyOrder(1, 2, 3);
            first[drawn[0]]++;
        }
        assertThat(first[1] / 20_000.0).isCloseTo(0.6, within(0.015));
    }

    @Test
    void chainsAreMixedByTheirWeights() {
        var dark = Canvas.filled(1, 1, List.of(10, 20, 30));
        var light = Canvas.filled(1, 1, List.of(110, 220, 250));
        var chains = new RgbImage[] {dark, light};
        // 0.25 · 10 + 0.75 · 110 = 85, and half of that with half of 10: 47.5, cut to 47
        var mixed = AugMix.mix(dark, chains, new float[] {0.25f, 0.75f}, 0.5f).pixels();
        assertThat(mixed).containsExactly(47, 95, 112);
        // The last share is 0.375, the one before it 0.125 / 0.625 = 0.2.
        var blended =
                AugMix.blend(light, chains, new float[] {0.25f, 0.75f}, 0.5f).pixels();
        assertThat(blended[0] & 0xff).isBetween(96, 97);
    }

    @Test
    void distributionsHaveTheirMoments() {
        var random = new SplittableRandom(2);
        for (double alpha : new double[] {0.01, 0.2, 0.8, 1, 3}) {
            double sum = 0;
            double squares = 0;
            int draws = 20_000;
            for (int i = 0; i < draws; i++) {
                double x = Distributions.beta(alpha, random);
                assertThat(x).isBetween(0.0, 1.0);
                sum += x;
                squares += (x - 0.5) * (x - 0.5);
            }
            assertThat(sum / draws).as("mean at %s", alpha).isCloseTo(0.5, within(0.015));
            assertThat(squares / draws).as("variance at %s", alpha).isCloseTo(1 / (4 * (2 * alpha + 1)), within(0.006));
            assertThat(Distributions.dirichlet(alpha, 3, random))
                    .satisfies(x -> assertThat(x[0] + x[1] + x[2]).isCloseTo(1, within(1e-9)));
        }
        var noise = new float[40_001];
        Distributions.gaussian(noise, 0, noise.length, random);
        double squares = 0;
        for (float x : noise) {
            squares += x * x;
        }
        assertThat(squares / noise.length).isCloseTo(1, within(0.03));
    }
}
