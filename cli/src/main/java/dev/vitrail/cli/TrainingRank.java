package dev.vitrail.cli;

import dev.vitrail.distributed.PeerLostException;
import dev.vitrail.distributed.ProcessGroup;
import dev.vitrail.distributed.Rendezvous;
import dev.vitrail.engine.Startup;
import dev.vitrail.errors.VitrailException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.ToIntFunction;
import picocli.CommandLine.ExitCode;

/**
 * One process of a training that several make: it joins the others, works, and ends with them. Where one of them is lost, the work hears of
 * it at its next operation with the others; a process that is too deep in its own work for that is ended here.
 */
final class TrainingRank {
    /** For the first process to come to the end of its step and save; the others have nothing to save. */
    private static final int SAVING_SECONDS = 60, LEAVING_SECONDS = 2;

    private final Rendezvous place;
    private final ProcessGroup.Settings settings;
    private volatile boolean heard;

    TrainingRank(Rendezvous place, ProcessGroup.Settings settings) {
        this.place = place;
        this.settings = settings;
    }

    /** @param work gives the exit status */
    int run(ToIntFunction<ProcessGroup> work) {
        endWithLauncher();
        try (var group = ProcessGroup.open(place, settings)) {
            group.onFailure(this::watch);
            try {
                return work.applyAsInt(group);
            } catch (PeerLostException e) {
                heard = true;
                group.fail(e.getMessage());
                throw e;
            } catch (RuntimeException | Error e) {
                group.fail(
                        e instanceof VitrailException
                                ? e.getMessage()
                                : e.toString().lines().findFirst().orElse(""));
                throw e;
            }
        }
    }

    private void watch(VitrailException lost) {
        var watchdog = new Thread(
                () -> {
                    try {
                        TimeUnit.SECONDS.sleep(place.rank() == 0 ? SAVING_SECONDS : LEAVING_SECONDS);
                    } catch (InterruptedException e) {
                        return;
                    }
                    if (!heard) {
                        System.err.printf("vitrail: %s, so the training was stopped%n", lost.getMessage());
                    }
                    Startup.leave(lost instanceof PeerLostException ? TrainingProcesses.LOST : ExitCode.USAGE);
                },
                "vitrail-watchdog");
        watchdog.setDaemon(true);
        watchdog.start();
    }

    /** Nobody would end processes whose launcher was killed. */
    private static void endWithLauncher() {
        var launcher = Long.getLong(TrainingProcesses.LAUNCHER);
        if (launcher != null) {
            Runnable end = () -> System.exit(TrainingProcesses.LOST);
            ProcessHandle.of(launcher)
                    .map(ProcessHandle::onExit)
                    .orElseGet(() -> CompletableFuture.completedFuture(ProcessHandle.current()))
                    .thenRun(end);
        }
    }
}
