package dev.vitrail.spark;

import dev.vitrail.RunOptions;
import dev.vitrail.engine.Threads;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.study.StudyRunner;
import dev.vitrail.train.RunFolder;
import dev.vitrail.train.TrainingConfig;
import dev.vitrail.train.TrainingConfigFile;
import dev.vitrail.train.TrainingListener;
import java.io.Serializable;
import java.nio.file.Path;
import org.apache.spark.TaskContext;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A run of a study, as a task; goes to an executor.
 *
 * @param folder of the run
 * @param options all of them, as YAML
 * @param end when the study's time is over, in milliseconds since 1970
 */
record StudyTask(String folder, String options, long end) implements Serializable {
    private static final Logger LOG = LoggerFactory.getLogger(StudyTask.class);

    /** Seconds to wait for a process that Spark has given up, and that has not heard of it yet. */
    private static final int LOCK_SECONDS = 60;

    void run() {
        if (System.currentTimeMillis() >= end) {
            return;
        }
        var context = TaskContext.get();
        Threads.set(context.cpus());
        var place = new RunFolder(Path.of(folder));
        awaitFree(place);
        var device = RankTask.device(context);
        var settings = RunOptions.DEFAULT
                .withDevice(device)
                .withWorkers(context.cpus())
                .withBroken(broken -> LOG.warn("{}", broken.sentence()))
                .withFound(found -> LOG.warn("{}", found));
        var config = TrainingConfigFile.with(TrainingConfig.STANDARD, options, "the options of " + folder);
        StudyRunner.make(new StudyRunner.Placed(config, place), settings, training -> training.trainer()
                .listener(new TrainingListener() {
                    @Override
                    public void stepped(Step step) {
                        if (context.isInterrupted() || System.currentTimeMillis() > end) {
                            training.trainer().requestStop();
                        }
                    }
                }));
    }

    /**
     * Waits until no other process has the run: that would be noted as the run's failure, and is this attempt's.
     *
     * @throws VitrailException if one still has it after a minute; Spark tries again
     */
    private static void awaitFree(RunFolder place) {
        for (int second = 0; ; second++) {
            try {
                place.lock().close();
                return;
            } catch (VitrailException e) {
                if (second == LOCK_SECONDS) {
                    throw e;
                }
            }
            try {
                Thread.sleep(1000);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new VitrailException("interrupted while waiting for " + place.path(), e);
            }
        }
    }
}
