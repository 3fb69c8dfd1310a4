package dev.vitrail.data;

import dev.vitrail.VitrailException;
import dev.vitrail.images.RgbImage;
import java.util.List;

/**
 * Pictures with labels, reached by index. A data set may be asked from many threads at once, and gives the same picture for an
 * index each time.
 */
public interface Dataset {
    /** What {@link #label} returns for a picture that has no label. */
    int NO_LABEL = -1;

    /** How many pictures there are. */
    int size();

    /**
     * The picture at {@code index}, decoded anew or from memory; not to be changed.
     *
     * @throws VitrailException if its file is broken or gone, in one sentence that names it
     */
    RgbImage image(int index);

    /** The class of a picture, an index into {@link #classes}, or {@link #NO_LABEL}. */
    int label(int index);

    /** The names of the classes; their order is the order of a classifier's outputs. Empty if nothing is labelled. */
    List<String> classes();

    /** What messages call a picture: its file, relative to the folder, or its place in the file that holds it. */
    String name(int index);

    /** What this is, in one line: where it is from, how many pictures and how many of each class. */
    String describe();

    /** The labels of all pictures. */
    default int[] labels() {
        int[] labels = new int[size()];
        for (int i = 0; i < labels.length; i++) {
            labels[i] = label(i);
        }
        return labels;
    }
}
