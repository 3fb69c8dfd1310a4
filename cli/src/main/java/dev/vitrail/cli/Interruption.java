package dev.vitrail.cli;

import dev.vitrail.files.ProcessEnd;
import dev.vitrail.train.RunFolder;
import dev.vitrail.train.Trainer;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;

/** Makes Ctrl-C end a run in order: the step is finished, the state saved, and the way to go on is told. */
final class Interruption {
    private static final int PATIENCE_SECONDS = 120;

    private final Runnable request;
    private final String command;
    private final CompletableFuture<String> outcome = new CompletableFuture<>();

    Interruption(Trainer trainer, RunFolder folder) {
        this(trainer::requestStop, "vitrail train --out %s --resume".formatted(folder.path()));
    }

    /**
     * @param request asks what is under way to stop
     * @param command that goes on with it
     */
    Interruption(Runnable request, String command) {
        this.request = request;
        this.command = command;
    }

    /**
     * Does what Ctrl-C is to wait for.
     *
     * @param work saves what it has done before it returns
     */
    <T> T during(Supplier<T> work) {
        Runnable ending = this::stop;
        ProcessEnd.await(ending);
        try {
            var result = work.get();
            outcome.complete("saved; go on");
            return result;
        } catch (RuntimeException | Error e) {
            outcome.complete("it could not be saved (%s); go on from the last save".formatted(e.getMessage()));
            throw e;
        } finally {
            ProcessEnd.over(ending);
        }
    }

    private void stop() {
        request.run();
        System.err.printf("%nvitrail: stopping after this step …%n");
        System.err.printf("vitrail: %s with: %s%n", awaited(), command);
    }

    private String awaited() {
        try {
            return outcome.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
        } catch (TimeoutException e) {
            return "the step did not end in time; go on from the last save";
        } catch (InterruptedException | ExecutionException e) {
            throw new IllegalStateException(e); // nobody interrupts this thread, and the outcome is always a sentence
        }
    }
}
