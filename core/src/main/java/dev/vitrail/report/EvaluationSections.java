package dev.vitrail.report;

import dev.vitrail.eval.Calibration;
import dev.vitrail.eval.ClassScore;
import dev.vitrail.eval.ConfusionMatrix.Cell;
import java.util.List;
import java.util.Optional;
import java.util.function.IntFunction;
import java.util.stream.IntStream;

/**
 * Sections of a page on an evaluation: confusion matrix, calibration, scores of the classes, worst mistakes.
 *
 * @param thumbnails the image at an index of the data set, as a thumbnail; none if it cannot be read any more
 * @param reasons why the image at an index was taken for what it is not; none where that was not explained
 */
record EvaluationSections(
        SavedEvaluation saved,
        IntFunction<Optional<Thumbnail>> thumbnails,
        IntFunction<Optional<MistakeMaps.Why>> reasons) {
    /** Classes up to which a person can read a matrix. */
    private static final int MOST_IN_MATRIX = 30;
    /** Classes up to which its cells have room. */
    private static final int ROOMY = 14;

    private static final int CONFUSIONS = 12;

    record MatrixRow(String name, List<MatrixCell> cells) {
        MatrixRow {
            cells = List.copyOf(cells);
        }
    }

    /**
     * A cell of the matrix.
     *
     * @param strong whether its color is so strong that its text is white
     */
    record MatrixCell(long images, String title, String color, boolean strong) {}

    /**
     * Images of one class that were taken for another.
     *
     * @param share of the class's images
     */
    record Confusion(String truth, String prediction, long images, double share) {}

    record WrongAnswer(
            String file,
            Optional<Thumbnail> thumbnail,
            Optional<MistakeMaps.Why> why,
            String prediction,
            double probability,
            String truth,
            double truthProbability) {}

    int epoch() {
        return saved.epoch();
    }

    List<String> classes() {
        return saved.classes();
    }

    String name(int index) {
        return saved.classes().get(index);
    }

    double top1() {
        return saved.evaluation().top1();
    }

    Calibration calibration() {
        return saved.evaluation().calibration();
    }

    ReliabilityChart reliability() {
        return new ReliabilityChart(calibration());
    }

    String verdict() {
        double surplus = calibration().confidence() - top1();
        return Math.abs(surplus) < 0.01
                ? "as sure as it may be"
                : surplus > 0 ? "surer of itself than it may be" : "less sure of itself than it could be";
    }

    /** Returns true if the classes are few enough for a matrix that a person can read. */
    boolean readable() {
        return classes().size() <= MOST_IN_MATRIX;
    }

    boolean dense() {
        return classes().size() > ROOMY;
    }

    /** Room for the longest name, which is written aslant, pixels. */
    int headHeight() {
        int longest = classes().stream().mapToInt(String::length).max().orElse(0);
        return Math.min(118, 26 + 6 * longest);
    }

    List<MatrixRow> matrix() {
        return saved.evaluation().confusion().scores().stream()
                .map(score -> new MatrixRow(
                        name(score.index()),
                        IntStream.range(0, classes().size())
                                .mapToObj(prediction ->
                                        cell(new Cell(score.index(), prediction), Math.max(1, score.images())))
                                .toList()))
                .toList();
    }

    private MatrixCell cell(Cell cell, long all) {
        long images = saved.evaluation().confusion().count(cell.truth(), cell.prediction());
        double share = (double) images / all;
        // Few of many would be invisible if strength were proportional: its root shows them.
        double strength = cell.isRight() ? share : Math.sqrt(share);
        return new MatrixCell(
                images,
                "%s taken for %s: %d of %d".formatted(name(cell.truth()), name(cell.prediction()), images, all),
                Format.format("rgb(var(--%s) / %.2f)", cell.isRight() ? "right" : "wrong", 0.06 + 0.9 * strength),
                strength > 0.55);
    }

    /** The most frequent confusions. */
    List<Confusion> confusions() {
        var scores = saved.evaluation().confusion().scores();
        return saved.evaluation().confusion().mostConfused(CONFUSIONS).stream()
                .map(pair -> new Confusion(
                        name(pair.getKey().truth()),
                        name(pair.getKey().prediction()),
                        pair.getValue(),
                        (double) pair.getValue()
                                / scores.get(pair.getKey().truth()).images()))
                .toList();
    }

    /** The scores of the classes that occur, as truth or as prediction. */
    List<ClassScore> scores() {
        return saved.evaluation().confusion().scores().stream()
                .filter(score -> score.images() + score.predicted() > 0)
                .toList();
    }

    /** Sort key of a share in a column. */
    static String key(double share) {
        return Format.format("%.6f", share);
    }

    /** The width of a share's bar. */
    static String width(double share) {
        return Format.format("%.1f%%", 100 * share);
    }

    /** Returns true if any mistake is explained. */
    boolean explained() {
        return mistakes().stream().anyMatch(mistake -> mistake.why().isPresent());
    }

    List<WrongAnswer> mistakes() {
        return IntStream.range(0, saved.names().size())
                .mapToObj(i -> {
                    var mistake = saved.evaluation().mistakes().get(i);
                    return new WrongAnswer(
                            saved.names().get(i),
                            thumbnails.apply(mistake.index()),
                            reasons.apply(mistake.index()),
                            name(mistake.prediction()),
                            mistake.probability(),
                            name(mistake.truth()),
                            mistake.truthProbability());
                })
                .toList();
    }
}
