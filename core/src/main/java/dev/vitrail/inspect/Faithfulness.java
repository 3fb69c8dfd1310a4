package dev.vitrail.inspect;

/**
 * Faithfulness of an explanation: the class's probability as the cells that it names are removed or added.
 *
 * <p>Cells go in descending order of the map; removed cells are 0 in the normalized image, the preprocessing's mean
 * color. Deletion removes {@code ⌊i·n/S⌋} cells for i = 0 … S with S = min(n, 28); its area
 * {@code (Σp − p_0/2 − p_S/2)/S} is better when low. Insertion starts from all removed and adds in the same order; its
 * area is better when high. SaCo, from −1 to 1, removes each of ten groups of cells by rank alone, and asks whether
 * groups with more salience take more probability away.
 *
 * <p>Petsiuk et al., <i>RISE</i>, BMVC 2018, arXiv:1806.07421, by cells instead of pixels; Wu et al., <i>On the
 * Faithfulness of Vision Transformer Explanations</i>, CVPR 2024, arXiv:2404.01415.
 *
 * @param deletion probability after each step, {@code [S+1]}
 * @param insertion probability after each step, {@code [S+1]}
 * @param saco −1 to 1
 */
@SuppressWarnings("ArrayRecordComponent") // the figures are plain arrays by design
public record Faithfulness(float[] deletion, float[] insertion, double saco) {
    /** Area under {@link #deletion}; lower is better. */
    public double deletionArea() {
        return area(deletion);
    }

    /** Area under {@link #insertion}; higher is better. */
    public double insertionArea() {
        return area(insertion);
    }

    /** Insertion less deletion, by which explanations are ranked. */
    public double score() {
        return insertionArea() - deletionArea();
    }

    /** Area of a curve over [0, 1] by trapezoids. */
    public static double area(float[] curve) {
        double sum = 0;
        for (float p : curve) {
            sum += p;
        }
        int steps = curve.length - 1;
        return (sum - curve[0] / 2.0 - curve[steps] / 2.0) / steps;
    }

    /**
     * The salience-guided faithfulness coefficient.
     *
     * @param salience of each group, summed
     * @param drop of the probability when that group alone is removed
     * @return 0 where all groups are equally salient
     */
    public static double saco(double[] salience, double[] drop) {
        double sum = 0, total = 0;
        for (int i = 0; i < salience.length; i++) {
            for (int j = i + 1; j < salience.length; j++) {
                double weight = Math.abs(salience[i] - salience[j]);
                sum += drop[i] >= drop[j] ? weight : -weight;
                total += weight;
            }
        }
        return total == 0 ? 0 : sum / total;
    }
}
