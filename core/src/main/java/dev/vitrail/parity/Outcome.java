package dev.vitrail.parity;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * Result of one golden case.
 *
 * @param id the case's name
 * @param kind model, misc, preprocess, checkpoint or inspect
 * @param passed whether every figure is within its tolerance
 * @param figures named differences from the original, such as {@code logits_error}
 * @param complaint what went wrong first; empty if nothing did
 */
public record Outcome(String id, String kind, boolean passed, Map<String, Double> figures, Optional<String> complaint) {
    /** Gathers the figures of a case. */
    static final class Collector {
        private final Map<String, Double> figures = new LinkedHashMap<>();
        private Optional<String> complaint = Optional.empty();

        /**
         * Notes the largest difference under a name, and the first one that is too large.
         *
         * @param figure name of the figure, such as {@code logits_error}
         * @param what what is compared, for the complaint
         */
        void check(String figure, String what, Difference difference, double absolute, double relative) {
            figures.merge(figure, difference.largest(), Math::max);
            if (!difference.within(absolute, relative)) {
                fail(String.format(
                        Locale.ROOT, "%s differs by %.3g (%s)", what, difference.largest(), difference.where()));
            }
        }

        void figure(String name, double value) {
            figures.merge(name, value, Math::max);
        }

        void fail(String sentence) {
            if (complaint.isEmpty()) {
                complaint = Optional.of(sentence);
            }
        }

        boolean failed() {
            return complaint.isPresent();
        }

        Outcome outcome(String id, String kind) {
            return new Outcome(
                    id,
                    kind,
                    complaint.isEmpty(),
                    Collections.unmodifiableMap(new LinkedHashMap<>(figures)),
                    complaint);
        }
    }
}
