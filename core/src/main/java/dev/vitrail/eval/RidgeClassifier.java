package dev.vitrail.eval;

import dev.vitrail.engine.DType;
import dev.vitrail.engine.Tensor;
import java.util.Arrays;

/**
 * A linear classifier by least squares with a penalty on the weights, in closed form and for all penalties at once.
 *
 * <p>Few-shot evaluation of Kolesnikov et al. (<i>Big Transfer</i>, 2020, arXiv:1912.11370) and Dosovitskiy et al.
 * (2021, arXiv:2010.11929, section 4.1): features are regressed on targets −1 and 1. As in big_vision's
 * {@code fewshot_lsr}, each channel is standardised by the images that are learned from, and the eigenvalues of the
 * smaller Gram matrix serve every penalty. The original makes its bias nearly free of the penalty by a large constant
 * channel; ours is free of it, as the channels are centred.
 *
 * <p>Letters: {@code n} images learned from, {@code D} channels, {@code K} classes, X {@code [n, D]} standardised
 * features, Y {@code [n, K]} centred targets, λ the penalty. With {@code XᵀX = QEQᵀ} the weights are
 * {@code Q (E+λ)⁻¹ QᵀXᵀY}; where there are fewer images than channels, with {@code XXᵀ = QEQᵀ}, the same weights are
 * {@code XᵀQ (E+λ)⁻¹ QᵀY}.
 */
final class RidgeClassifier {
    /** Keeps a channel that never changes from being divided by 0; as in the original. */
    private static final double SMALLEST_DEVIATION = 1e-5;

    private final Tensor mean, std; // [1, D]
    private final Tensor bias; // [1, K]
    private final Tensor eigenvalues; // [1, r], r = min(n, D)
    private final Tensor left; // [D, r]
    private final Tensor right; // [r, K]

    /**
     * Learns; the tensors are the caller's frame's.
     *
     * @param features {@code [n, D]}, F64
     * @param labels {@code [n]}, classes from 0
     */
    RidgeClassifier(Tensor features, int[] labels, int classes) {
        mean = features.mean(true, 0);
        var centred = features.minus(mean);
        std = centred.times(centred).mean(true, 0).squareRoot().plus(SMALLEST_DEVIATION);
        var X = centred.dividedBy(std);
        var targets = targets(labels, classes);
        bias = targets.mean(true, 0);
        var Y = targets.minus(bias);
        boolean dual = X.size(0) < X.size(1);
        var Xt = X.transpose(0, 1);
        var eigen = (dual ? X.matmul(Xt) : Xt.matmul(X)).symmetricEigen();
        eigenvalues = eigen.get(0).atLeast(0).unsqueeze(0);
        var Q = eigen.get(1);
        var Qt = Q.transpose(0, 1);
        left = dual ? Xt.matmul(Q) : Q;
        right = dual ? Qt.matmul(Y) : Qt.matmul(Xt.matmul(Y));
    }

    /** 1 for an image's class and −1 for all others, {@code [n, K]}, F64. */
    private static Tensor targets(int[] labels, int classes) {
        var values = new float[Math.multiplyExact(labels.length, classes)];
        Arrays.fill(values, -1);
        for (int i = 0; i < labels.length; i++) {
            values[i * classes + labels[i]] = 1;
        }
        return Tensor.of(values, labels.length, classes).to(DType.F64);
    }

    /**
     * Class scores, {@code [m, K]} for each penalty.
     *
     * @param features {@code [m, D]}, F64
     * @param penalties λ, each positive
     */
    Tensor[] scores(Tensor features, double... penalties) {
        var projected = features.minus(mean).dividedBy(std).matmul(left);
        return Arrays.stream(penalties)
                .mapToObj(penalty -> projected
                        .dividedBy(eigenvalues.plus(penalty))
                        .matmul(right)
                        .plus(bias))
                .toArray(Tensor[]::new);
    }
}
