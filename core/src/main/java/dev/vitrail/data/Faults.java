package dev.vitrail.data;

import java.util.ArrayList;
import java.util.List;

/** What could not be used of a data set's files: the first of them in words, and the number of all. */
final class Faults {
    private final List<String> sentences = new ArrayList<>();
    private int more;

    void add(String sentence) {
        if (sentences.size() < Dataset.MOST_FAULTS) {
            sentences.add(sentence);
        } else {
            more++;
        }
    }

    List<String> sentences() {
        var all = new ArrayList<>(sentences);
        if (more > 0) {
            all.add("and %s of this kind".formatted(Descriptions.count(more, "more fault")));
        }
        return List.copyOf(all);
    }
}
