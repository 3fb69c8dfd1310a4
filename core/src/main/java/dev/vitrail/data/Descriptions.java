package dev.vitrail.data;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Sentences about data sets. */
final class Descriptions {
    /** Classes whose counts are listed one by one; beyond that, the range is said. */
    private static final int LISTED = 12;

    private Descriptions() {}

    /** {@code hymenoptera/train: 244 images, 2 classes (ants 123, bees 121)}. */
    static String of(String origin, List<String> classes, int[] labels) {
        String images = "%s: %s".formatted(origin, count(labels.length, "image"));
        if (classes.isEmpty()) {
            return images + ", no labels";
        }
        int[] counts = counts(classes.size(), labels);
        List<String> present = new ArrayList<>();
        int least = Integer.MAX_VALUE;
        int most = 0;
        for (int c = 0; c < counts.length; c++) {
            if (counts[c] > 0) {
                present.add(classes.get(c) + " " + counts[c]);
                least = Math.min(least, counts[c]);
                most = Math.max(most, counts[c]);
            }
        }
        String kinds = present.size() == classes.size()
                ? count(classes.size(), "class")
                : "%d of %s".formatted(present.size(), count(classes.size(), "class"));
        if (present.isEmpty()) {
            return images + ", " + kinds;
        }
        String spread = present.size() <= LISTED
                ? String.join(", ", present)
                : least == most ? least + " each" : "%d to %d each".formatted(least, most);
        return "%s, %s (%s)".formatted(images, kinds, spread);
    }

    /** Number of images per class; those without a label are counted nowhere. */
    static int[] counts(int classes, int[] labels) {
        int[] counts = new int[classes];
        for (int label : labels) {
            if (label >= 0) {
                counts[label]++;
            }
        }
        return counts;
    }

    static String count(long n, String noun) {
        String plural = noun.endsWith("s") ? noun + "es" : noun + "s";
        return String.format(Locale.ROOT, "%,d %s", n, n == 1 ? noun : plural);
    }

    /** The first few of {@code names}, in quotes, with the number of the others. */
    static String some(List<String> names) {
        int shown = Math.min(3, names.size());
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < shown; i++) {
            text.append(i == 0 ? "'" : ", '").append(names.get(i)).append('\'');
        }
        return names.size() == shown
                ? text.toString()
                : text.append(" and ")
                        .append(names.size() - shown)
                        .append(" more")
                        .toString();
    }
}
