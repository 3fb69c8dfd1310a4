package dev.vitrail.cli;

import dev.vitrail.data.Datasets;
import dev.vitrail.data.Faults;

/** What a command says of data whose files are damaged. */
final class DataFaults {
    private DataFaults() {}

    /** A sentence for each fault, or an end where there are to be none. */
    static void tell(Faults faults, boolean strict) {
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
