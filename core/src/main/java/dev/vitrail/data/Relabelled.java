package dev.vitrail.data;

import dev.vitrail.errors.VitrailException;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.stream.IntStream;

/**
 * A set whose labels are turned into a classifier's outputs, by the classes' names: a folder {@code ants} or
 * {@code n02219486} is output 310 of an ImageNet model if its list of classes says so.
 */
public final class Relabelled extends DatasetView {
    private final List<String> classes;
    private final int[] outputs; // for each class of the set, its index among the classifier's

    private Relabelled(Dataset set, List<String> classes, int[] outputs) {
        super(set);
        this.classes = classes;
        this.outputs = outputs;
    }

    /**
     * The set with the labels of {@code classes}; the set itself if its classes are those already. Classes that have
     * numbers for names, as where only indices are known, are outputs by their numbers.
     *
     * @throws VitrailException if a class of the set goes by no name in {@code classes}
     */
    public static Dataset of(Dataset set, ClassNames classes) {
        if (set.classes().equals(classes.names())) {
            return set;
        }
        if (areNumbers(set.classes())
                && set.classes().stream()
                        .noneMatch(name -> classes.indexOf(name).isPresent())) {
            return byIndex(set, classes);
        }
        List<String> unknown = new ArrayList<>();
        int[] outputs = new int[set.classes().size()];
        for (int i = 0; i < outputs.length; i++) {
            OptionalInt output = classes.indexOf(set.classes().get(i));
            outputs[i] = output.orElse(NO_LABEL);
            if (output.isEmpty()) {
                unknown.add(set.classes().get(i));
            }
        }
        VitrailException.require(
                unknown.isEmpty(),
                "%s of the data are no output of the model: %s; rename the folders to the model's classes (%s), or"
                        + " fine-tune",
                Descriptions.count(unknown.size(), "class"),
                Descriptions.some(unknown),
                Descriptions.some(classes.names()));
        return new Relabelled(set, classes.names(), outputs);
    }

    private static boolean areNumbers(List<String> names) {
        return !names.isEmpty()
                && IntStream.range(0, names.size()).allMatch(i -> names.get(i).equals(Integer.toString(i)));
    }

    /**
     * The set with other names for its classes, in the same order: for labels that are the outputs' indices already.
     *
     * @throws VitrailException if an image has a label beyond {@code classes}
     */
    public static Dataset byIndex(Dataset set, ClassNames classes) {
        int largest = NO_LABEL;
        for (int label : set.labels()) {
            largest = Math.max(largest, label);
        }
        VitrailException.require(
                largest < classes.size(),
                "the data has labels up to %d, but the model's %d outputs end at %d; use the list of classes it was"
                        + " labelled with",
                largest,
                classes.size(),
                classes.size() - 1);
        int[] same = new int[set.classes().size()];
        for (int i = 0; i < same.length; i++) {
            same[i] = i;
        }
        return new Relabelled(set, classes.names(), same);
    }

    /**
     * The set with the labels of a model that has no names for its outputs: classes that have numbers for names are
     * outputs by their numbers, and as many classes as there are outputs are these in their order.
     *
     * @param outputs how many the model has
     * @throws VitrailException if nothing says which of the outputs a class is
     */
    public static Dataset unnamed(Dataset set, int outputs) {
        List<OptionalInt> numbers = set.classes().stream().map(Csv::integer).toList();
        if (!numbers.stream().allMatch(OptionalInt::isPresent)) {
            VitrailException.require(
                    set.classes().size() == outputs,
                    "the data has %s (%s), the model %d outputs without names: add --classes FILE, the outputs' names"
                            + " in order",
                    Descriptions.count(set.classes().size(), "class"),
                    Descriptions.some(set.classes()),
                    outputs);
            return set;
        }
        int[] same = numbers.stream().mapToInt(OptionalInt::getAsInt).toArray();
        int largest = IntStream.of(same).max().orElse(NO_LABEL);
        VitrailException.require(
                largest < outputs,
                "the data has labels up to %d, but the model's %d outputs end at %d: choose the model that it was"
                        + " labelled for",
                largest,
                outputs,
                outputs - 1);
        return areNumbers(set.classes())
                ? set
                : new Relabelled(
                        set,
                        IntStream.range(0, outputs).mapToObj(Integer::toString).toList(),
                        same);
    }

    @Override
    public int label(int index) {
        int label = set.label(index);
        return label == NO_LABEL ? NO_LABEL : outputs[label];
    }

    @Override
    public List<String> classes() {
        return classes;
    }
}
