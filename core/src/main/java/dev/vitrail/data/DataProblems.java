package dev.vitrail.data;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * Unusable parts of a data set's files: samples that were left out, files that are cut short.
 *
 * @param sentences a sentence for each of the first {@link #MOST_SENTENCES}
 * @param count how many there are
 */
public record DataProblems(List<String> sentences, int count) {
    /** The most that are told in words. */
    public static final int MOST_SENTENCES = 100;

    /** No problems. */
    public static final DataProblems NONE = new DataProblems(List.of(), 0);

    public DataProblems {
        sentences = List.copyOf(sentences);
    }

    /** Returns whether all could be used. */
    public boolean isEmpty() {
        return count == 0;
    }

    /** These and those of other files. */
    DataProblems and(DataProblems others) {
        var both = Stream.concat(sentences.stream(), others.sentences.stream());
        return new DataProblems(both.limit(MOST_SENTENCES).toList(), count + others.count);
    }

    /** Counts faults as they are found. */
    static final class Collector {
        private final List<String> sentences = new ArrayList<>();
        private int count;

        void add(String sentence) {
            count++;
            if (sentences.size() < MOST_SENTENCES) {
                sentences.add(sentence);
            }
        }

        DataProblems faults() {
            return new DataProblems(sentences, count);
        }
    }
}
