package dev.vitrail.study;

import dev.vitrail.report.StudyRow;
import dev.vitrail.train.TrainingListener;

/** Is told how a study goes, and how each of its runs does, on the thread that trains. */
public interface StudyListener extends TrainingListener {
    /**
     * A run begins, or goes on.
     *
     * @param number of the run in the study, counted from 1
     * @param count of all runs
     */
    default void runBegins(StudyRun run, int number, int count, boolean resumed) {}

    /** A run has ended, or stopped on its way. */
    default void runEnded(StudyRow row) {}
}
