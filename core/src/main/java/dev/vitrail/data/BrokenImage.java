package dev.vitrail.data;

/**
 * A picture that could not be used.
 *
 * @param index its place in the data set
 * @param name its file
 * @param sentence what is wrong with it
 */
public record BrokenImage(int index, String name, String sentence) {}
