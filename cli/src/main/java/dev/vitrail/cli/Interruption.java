package dev.vitrail.cli;

import dev.vitrail.train.RunFolder;
import dev.vitrail.train.Trainer;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** Makes Ctrl-C end a run in order: the step is finished, the state saved, and the way to go on is told. */
final class Interruption {
    private static final int PATIENCE_SECONDS = 120;

    private final CountDownLatch finished = new CountDownLatch(1);
    private final Thread hook;

    Interruption(Trainer trainer, RunFolder folder) {
        hook = new Thread(() -> stop(trainer, folder), "vitrail-interruption");
        Runtime.getRuntime().addShutdownHook(hook);
    }

    private void stop(Trainer trainer, RunFolder folder) {
        trainer.requestStop();
        System.err.printf("%nvitrail: stopping after this step …%n");
        try {
            boolean safe = finished.await(PATIENCE_SECONDS, TimeUnit.SECONDS);
            System.err.printf(
                    safe
                            ? "vitrail: saved; go on with: vitrail train --out %s --resume%n"
                            : "vitrail: the step did not end in time; go on from the last save with: vitrail train --out %s"
                                    + " --resume%n",
                    folder.path());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** The run has ended, by itself or because it was asked to. */
    void over() {
        finished.countDown();
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            // The hook is what ended the run.
        }
    }
}
