package dev.vitrail.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.vitrail.engine.DType;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Tensor;
import dev.vitrail.errors.VitrailException;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class FewShotTest {
    private static final int CLASSES = 3;

    /** Points about a middle of each class; only the first channels tell the classes apart. */
    private static Features features(int images, int width, double noise, long seed) {
        var random = new Random(seed);
        var vectors = new ArrayList<float[]>();
        var labels = new int[images];
        for (int i = 0; i < images; i++) {
            labels[i] = i % CLASSES;
            var vector = new float[width];
            for (int c = 0; c < width; c++) {
                vector[c] = (float) ((c == labels[i] ? 3 : 0) + noise * random.nextGaussian());
            }
            vectors.add(vector);
        }
        return new Features(vectors, labels);
    }

    /**
     * The normal equations, solved by another way than the classifier's: with an identity for the penalty, inverted.
     */
    private static float[] reference(Tensor x, int[] labels, Tensor test, double penalty) {
        var mean = x.mean(true, 0);
        var std = x.minus(mean).power(2).mean(true, 0).squareRoot().plus(1e-5);
        var X = x.minus(mean).dividedBy(std);
        var y = new float[labels.length * CLASSES];
        for (int i = 0; i < labels.length; i++) {
            for (int k = 0; k < CLASSES; k++) {
                y[i * CLASSES + k] = labels[i] == k ? 1 : -1;
            }
        }
        var Y = Tensor.of(y, labels.length, CLASSES).to(DType.F64);
        var Xt = X.transpose(0, 1);
        var gram = Xt.matmul(X).plus(Tensor.identity(X.size(1)).to(DType.F64).times(penalty));
        var W = gram.pseudoInverse().matmul(Xt.matmul(Y.minus(Y.mean(true, 0))));
        return test.minus(mean)
                .dividedBy(std)
                .matmul(W)
                .plus(Y.mean(true, 0))
                .to(DType.F32)
                .toFloats();
    }

    @Test
    void solvesTheNormalEquationsWithMoreImagesThanChannelsAndWithFewer() {
        for (int width : new int[] {4, 40}) {
            Frame.run(() -> {
                var known = features(12, width, 1, 1);
                var test = features(5, width, 1, 2);
                var all = new int[] {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
                var x = known.rows(all);
                var judged = test.rows(new int[] {0, 1, 2, 3, 4});
                var classifier = new RidgeClassifier(x, known.labels(), CLASSES);
                var penalties = new double[] {0.5, 64};
                var scores = classifier.scores(judged, penalties);
                for (int p = 0; p < penalties.length; p++) {
                    var found = scores[p].to(DType.F32).toFloats();
                    var expected = reference(x, known.labels(), judged, penalties[p]);
                    for (int i = 0; i < found.length; i++) {
                        assertThat(found[i]).isCloseTo(expected[i], within(1e-4f));
                    }
                }
            });
        }
    }

    @Test
    void learnsFromAFewImagesAndMoreFromMore() {
        var train = features(300, 12, 1.2, 3);
        var test = features(300, 12, 1.2, 4);
        var one = FewShot.of(train, test, CLASSES, 1, 10, 0);
        var ten = FewShot.of(train, test, CLASSES, 10, 10, 0);
        var all = FewShot.of(train, test, CLASSES, FewShot.ALL, 10, 0);
        assertThat(one.images()).isEqualTo(3);
        assertThat(one.accuracies()).hasSize(10);
        assertThat(ten.images()).isEqualTo(30);
        assertThat(ten.mean()).isGreaterThan(one.mean() + 0.1);
        assertThat(ten.halfInterval().orElseThrow())
                .isBetween(0.001, one.halfInterval().orElseThrow());
        assertThat(all.accuracies()).as("all draws are the same").hasSize(1);
        assertThat(all.halfInterval()).isEmpty();
        assertThat(all.images()).isEqualTo(300);
        assertThat(all.mean()).isGreaterThan(ten.mean());
        assertThat(FewShot.of(train, test, CLASSES, 1, 10, 0)).isEqualTo(one);
        assertThat(FewShot.of(train, test, CLASSES, 1, 10, 1).accuracies()).isNotEqualTo(one.accuracies());
    }

    @Test
    void intervalsAreStudents() {
        var result = new FewShot.Result(1, 3, 1, List.of(0.5, 0.7));
        // Standard error 0.1, one degree of freedom.
        assertThat(result.halfInterval().orElseThrow()).isCloseTo(1.2706205, within(1e-6));
        // From printed tables of the distribution.
        assertThat(StudentT.quantile975(4)).isCloseTo(2.776, within(1e-3));
        assertThat(StudentT.quantile975(5)).isCloseTo(2.571, within(4e-3));
        assertThat(StudentT.quantile975(9)).isCloseTo(2.262, within(1e-3));
        assertThat(StudentT.quantile975(30)).isCloseTo(2.042, within(1e-3));
        assertThat(StudentT.quantile975(100_000)).isCloseTo(1.960, within(1e-3));
    }

    @Test
    void saysWhatCannotBe() {
        var train = features(3, 4, 1, 1);
        assertThatThrownBy(() -> FewShot.of(train, train, CLASSES, 1, 10, 0))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("one training image only");
        assertThatThrownBy(() -> FewShot.of(train, features(3, 5, 1, 1), CLASSES, 1, 10, 0))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("4 channels, those to test 5");
        assertThatThrownBy(() -> FewShot.of(train, train, CLASSES, 0, 10, 0))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("1 or more");
    }
}
