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
        this(trainer::requestStop, "vitrail train --out %s --resume".formatted(folder.path()));
    }

    /**
     * @param request asks what is under way to stop
     * @param command that goes on with it
     */
    Interruption(Runnable request, String command) {
        hook = new Thread(() -> stop(request, command), "vitrail-interruption");
        Runtime.getRuntime().addShutdownHook(hook);
    }

    private void stop(Runnable request, String command) {
        request.run();
        System.err.printf("%nvitrail: stopping after this step …%n");
        try {
            boolean safe = finished.await(PATIENCE_SECONDS, TimeUnit.SECONDS);
            System.err.printf(
                    safe
                            ? "vitrail: saved; go on with: %s%n"
                            : "vitrail: the step did not end in time; go on from the last save with: %s%n",
                    command);
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
