package dev.vitrail.report;

import static dev.vitrail.report.Format.format;

import dev.vitrail.inspect.Inspection;
import java.util.Arrays;

/**
 * The answers of two models to one photo.
 *
 * @param photo what the page shows of it
 * @param first the first model's map
 * @param second the other's
 * @param other the other's answer
 */
record InspectPair(InspectPhoto photo, Overlay first, Overlay second, Inspection.OtherAnswer other) {
    /** Returns true if both give the photo the same class, by name. */
    boolean agrees() {
        return photo.label().equals(other.label());
    }

    String otherProbability() {
        return Format.unbroken(format("%.0f %%", 100 * other.probability()));
    }

    /** The image as the other model saw it; empty where it is the same. */
    String seen() {
        boolean same = Arrays.equals(photo.photo().seen().pixels(), other.seen().pixels());
        return same ? "" : InspectPictures.photo(other.seen());
    }

    String verdict() {
        return format(
                        "%s The maps' correlation is %.2f.",
                        agrees() ? "Both give the same answer." : "The answers differ.", other.correlation())
                .replace('-', '−');
    }
}
