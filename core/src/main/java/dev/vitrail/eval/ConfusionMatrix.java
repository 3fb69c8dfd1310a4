package dev.vitrail.eval;

import dev.vitrail.errors.VitrailException;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;

/**
 * Counts of predicted classes by true class. Only pairs that occurred are held, so that 21,843 classes need
 * no more room than there are images.
 *
 * @param classes K, how many there are
 * @param cells the pairs that occurred, by truth and then prediction, and how often each did
 */
public record ConfusionMatrix(int classes, Map<Cell, Long> cells) {
    /**
     * A place in the matrix; on its diagonal stands what is right.
     *
     * @param truth row, an index of a class
     * @param prediction column, an index of a class
     */
    public record Cell(int truth, int prediction) implements Comparable<Cell> {
        @Override
        public int compareTo(Cell other) {
            return truth != other.truth
                    ? Integer.compare(truth, other.truth)
                    : Integer.compare(prediction, other.prediction);
        }

        public boolean isRight() {
            return truth == prediction;
        }
    }

    public ConfusionMatrix {
        cells = Collections.unmodifiableMap(new TreeMap<>(cells));
        cells.forEach((cell, count) -> VitrailException.require(
                cell.truth >= 0
                        && cell.truth < classes
                        && cell.prediction >= 0
                        && cell.prediction < classes
                        && count > 0,
                "a confusion matrix of %d classes cannot have %d at row %d, column %d",
                classes,
                count,
                cell.truth,
                cell.prediction));
    }

    public long count(int truth, int prediction) {
        return cells.getOrDefault(new Cell(truth, prediction), 0L);
    }

    /** A score for each class, in their order. */
    public List<ClassScore> scores() {
        var images = new long[classes];
        var predicted = new long[classes];
        var correct = new long[classes];
        cells.forEach((cell, count) -> {
            images[cell.truth] += count;
            predicted[cell.prediction] += count;
            correct[cell.truth] += cell.isRight() ? count : 0;
        });
        return IntStream.range(0, classes)
                .mapToObj(i -> new ClassScore(i, images[i], predicted[i], correct[i]))
                .toList();
    }

    /** The pairs of classes that were confused most often, at most {@code most}; of equals the first in order. */
    public List<Map.Entry<Cell, Long>> mostConfused(int most) {
        return cells.entrySet().stream()
                .filter(entry -> !entry.getKey().isRight())
                .sorted(Map.Entry.<Cell, Long>comparingByValue(Comparator.reverseOrder()))
                .limit(most)
                .toList();
    }

    /** Counts while images pass by. */
    static final class Count {
        private final int classes;
        private final Map<Cell, Long> cells = new HashMap<>();

        Count(int classes) {
            this.classes = classes;
        }

        void add(int truth, int prediction) {
            cells.merge(new Cell(truth, prediction), 1L, Long::sum);
        }

        /** Gives the number of pairs, and of each its classes and its count. */
        void tell(DoubleStream.Builder numbers) {
            numbers.add(cells.size());
            cells.forEach((cell, count) ->
                    numbers.add(cell.truth).add(cell.prediction).add(count));
        }

        /** Adds what another has {@linkplain #tell told}. */
        void add(Iterator<Double> numbers) {
            for (int left = numbers.next().intValue(); left > 0; left--) {
                var cell = new Cell(numbers.next().intValue(), numbers.next().intValue());
                cells.merge(cell, numbers.next().longValue(), Long::sum);
            }
        }

        ConfusionMatrix matrix() {
            return new ConfusionMatrix(classes, cells);
        }
    }
}
