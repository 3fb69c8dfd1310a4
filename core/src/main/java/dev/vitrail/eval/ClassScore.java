package dev.vitrail.eval;

/**
 * Scores of a class.
 *
 * @param index of the class
 * @param images that are of it
 * @param predicted images that the model took for it
 * @param correct images that are both
 */
public record ClassScore(int index, long images, long predicted, long correct) {
    /** Share of those taken for this class that are of it, 0 to 1; 0 if none was. */
    public double precision() {
        return predicted == 0 ? 0 : (double) correct / predicted;
    }

    /** Share of those of this class that were taken for it, 0 to 1; 0 if there are none. */
    public double recall() {
        return images == 0 ? 0 : (double) correct / images;
    }

    /** The harmonic mean of precision and recall, 0 to 1. */
    public double f1() {
        return images + predicted == 0 ? 0 : 2.0 * correct / (images + predicted);
    }
}
