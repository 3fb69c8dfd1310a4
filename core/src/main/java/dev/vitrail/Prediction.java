package dev.vitrail;

/**
 * One of the classes that a model finds in an image.
 *
 * @param index the row of the classifier
 * @param label the class's name; {@code class N} where the model brings no names
 * @param probability by the softmax over all classes, 0 to 1
 */
public record Prediction(int index, String label, double probability) {}
