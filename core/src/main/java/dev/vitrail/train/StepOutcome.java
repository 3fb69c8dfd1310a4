package dev.vitrail.train;

/**
 * The result of one update, over the images of all processes.
 *
 * @param images that it was made of; none if it was left out
 * @param loss mean over them
 * @param correct those that were classified correctly
 * @param norm length of the gradient before clipping
 * @param learningRate of the update
 * @param nonFinite whether it was left out because the loss or a gradient is not finite
 * @param stops whether a process asks the run to end after it
 */
record StepOutcome(
        int images, double loss, double correct, double norm, double learningRate, boolean nonFinite, boolean stops) {
    /** An update that was made. */
    static StepOutcome of(int images, double loss, double correct, double norm, double learningRate) {
        return new StepOutcome(images, loss, correct, norm, learningRate, false, false);
    }

    /** No update: there was nothing to make it of, or the scale of the loss was too high. */
    static StepOutcome none(double learningRate) {
        return of(0, 0, 0, 0, learningRate);
    }

    StepOutcome withNonFinite() {
        return new StepOutcome(images, loss, correct, norm, learningRate, true, stops);
    }

    StepOutcome withStops(boolean asked) {
        return new StepOutcome(images, loss, correct, norm, learningRate, nonFinite, asked);
    }
}
