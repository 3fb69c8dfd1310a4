package dev.vitrail.data;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.images.RgbImage;
import java.util.List;

/**
 * Images with labels, reached by index. A data set may be asked from many threads at once, and gives the same image for
 * an index each time.
 */
public interface Dataset {
    /** Value of {@link #label} for an image without a label. */
    int NO_LABEL = -1;

    /** Number of images. */
    int size();

    /**
     * The image at {@code index}, decoded anew or from memory; not to be changed.
     *
     * @throws VitrailException if its file is broken or gone, in one sentence that names it
     */
    RgbImage image(int index);

    /**
     * Returns whether {@link #image} decodes a file each time, which costs enough that an {@link ImageCache} is worth
     * its memory. Not so where pixels lie in memory, or are drawn.
     */
    default boolean decodes() {
        return false;
    }

    /** The class of an image, an index into {@link #classes}, or {@link #NO_LABEL}. */
    int label(int index);

    /** The names of the classes; their order is the order of a classifier's outputs. Empty if nothing is labelled. */
    List<String> classes();

    /** Name of an image in messages: its file, relative to the folder, or its place in the file that holds it. */
    String name(int index);

    /** Description in one line: the source, how many images and how many of each class. */
    String describe();

    /**
     * The bytes that an image is decoded from: its file's, or its pixels where it has no file. Not to be changed.
     *
     * @throws VitrailException as {@link #image} does, but not for what decoding would find
     */
    default byte[] content(int index) {
        return image(index).pixels();
    }

    /** The length of {@link #content}, found without reading it where that is possible. */
    default long contentBytes(int index) {
        return content(index).length;
    }

    /**
     * A number that most likely changes if an image's content does, and is the same for the same content on every
     * machine, as far as it can be found without reading files: for files their size, for what is in memory a checksum.
     */
    default long stamp(int index) {
        return contentBytes(index);
    }

    /** Problems of the data's files. */
    default DataProblems faults() {
        return DataProblems.NONE;
    }

    /** The labels of all images. */
    default int[] labels() {
        int[] labels = new int[size()];
        for (int i = 0; i < labels.length; i++) {
            labels[i] = label(i);
        }
        return labels;
    }
}
