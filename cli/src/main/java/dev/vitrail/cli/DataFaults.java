package dev.vitrail.cli;

import dev.vitrail.data.DataProblems;
import dev.vitrail.data.Datasets;

/** Messages of commands on damaged data files. */
final class DataFaults {
    private DataFaults() {}

    /** Says once how many images lost what is in them, if any did. */
    static void tellCut(int cut) {
        if (cut > 0) {
            System.err.printf(
                    "vitrail: %d %s of sixteen bits %s cut to white, as levels above 255 are by default: use"
                            + " --sixteen-bit scale or --sixteen-bit range, or scale them to eight bits%n",
                    cut, cut == 1 ? "image" : "images", cut == 1 ? "was" : "were");
        }
    }

    /** A sentence for each fault, or an end where there are to be none. */
    static void tell(DataProblems faults, boolean strict) {
        if (strict) {
            Datasets.requireSound(faults);
        }
        faults.sentences().forEach(fault -> System.err.println("vitrail: " + fault));
        int others = faults.count() - faults.sentences().size();
        if (others > 0) {
            System.err.printf("vitrail: and %d more%n", others);
        }
    }
}
