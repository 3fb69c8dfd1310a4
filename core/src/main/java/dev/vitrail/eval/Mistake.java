package dev.vitrail.eval;

/**
 * An image that was taken for what it is not.
 *
 * @param index its place in the data set
 * @param truth its class
 * @param prediction the class that it was taken for
 * @param probability that the model gave to the prediction, 0 to 1
 * @param truthProbability that the model gave to the truth, 0 to 1
 */
public record Mistake(int index, int truth, int prediction, double probability, double truthProbability) {}
