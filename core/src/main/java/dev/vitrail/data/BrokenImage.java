package dev.vitrail.data;

/**
 * An image that could not be used.
 *
 * @param index its place in the data set
 * @param name its file
 * @param sentence what is wrong with it
 */
public record BrokenImage(int index, String name, String sentence) {}
