package dev.vitrail.cli;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.distributed.Rendezvous;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.files.ProcessEnd;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;

/**
 * Starts the processes of a training on this machine, shows the first one's output, and waits for all of them. Each
 * gets its part of the machine's cores and memory. They notice by themselves when one of them is gone; this one ends
 * those that do not end then.
 */
final class TrainingProcesses {
    /** Names the process whose end ends the processes that it started. */
    static final String LAUNCHER = "vitrail.launcher";

    /** Options that are this process's own; each has a value. */
    static final List<String> OPTIONS = List.of("--processes", "--nodes", "--node-rank", "--master");

    /** Percent of the machine's memory that a JVM takes for its heap if nothing else is said. */
    private static final double HEAP_PERCENT = 25;

    /** Exit status of a process that lost another one. */
    static final int LOST = 3;

    /** A process ended by a signal says so by its status, less this. */
    private static final int SIGNALLED = 128;

    /** Seconds for the others to notice that one has failed, and then to end in order as they are told to. */
    private static final int NOTICING_SECONDS = 8, PATIENCE_SECONDS = 12;

    /** Seconds for all to save and end, when they are told to. */
    private static final int ENDING_SECONDS = 130;

    private static final int TAIL = 40;

    private final int processes;
    private final int nodes;
    private final int node;
    private final Optional<String> master;
    private final List<Child> children = new CopyOnWriteArrayList<>();
    /** True if this process was told to end, and so has told the others. */
    private volatile boolean ending;

    private final LinkedBlockingQueue<Child> ended = new LinkedBlockingQueue<>();

    /**
     * @param processes on this machine
     * @param nodes machines, each with as many processes
     * @param node this machine's number, from 0
     * @param master host and port of the first machine, {@code HOST:PORT}; empty on a single machine
     */
    TrainingProcesses(int processes, int nodes, int node, Optional<String> master) {
        require(
                processes >= 1,
                "--processes is the number of processes on this machine, 1 or more, found %d",
                processes);
        require(nodes >= 1, "--nodes is the number of machines, 1 or more, found %d", nodes);
        require(
                node >= 0 && node < nodes,
                "--node-rank %d is outside of %d machines: it goes from 0 to --nodes − 1",
                node,
                nodes);
        require(
                nodes == 1 || master.isPresent(),
                "training on %d machines needs --master HOST:PORT, the first machine and a free port of it",
                nodes);
        this.processes = processes;
        this.nodes = nodes;
        this.node = node;
        this.master = master;
    }

    private static final class Child {
        final int rank;
        final Process process;
        /** True if this process has ended it, as it did not end with the others. */
        boolean hung;
        /** The last lines of its error stream; nothing of the process that is shown. */
        final Deque<String> tail = new ArrayDeque<>();

        Child(int rank, Process process) {
            this.rank = rank;
            this.process = process;
        }

        int status() {
            return process.exitValue();
        }
    }

    /**
     * Starts the processes and waits for their end.
     *
     * @param arguments of the command, this process's own among them
     * @return exit status: the first of 0, 2, 1 and 3 that holds, with 2 before 1 before 3
     */
    int run(List<String> arguments) {
        var place = place();
        Runnable ending = this::end;
        ProcessEnd.await(ending);
        try {
            for (int i = 0; i < processes; i++) {
                start(place, i, own(arguments));
            }
            return supervise();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new VitrailException("interrupted while the training processes work", e);
        } finally {
            children.forEach(child -> child.process.destroyForcibly());
            ProcessEnd.over(ending);
        }
    }

    /** The arguments without those of {@link #OPTIONS}. */
    static List<String> own(List<String> arguments) {
        var kept = new ArrayList<String>();
        for (int i = 0; i < arguments.size(); i++) {
            var argument = arguments.get(i);
            if (OPTIONS.contains(argument)) {
                i++;
            } else if (OPTIONS.stream().noneMatch(name -> argument.startsWith(name + "="))) {
                kept.add(argument);
            }
        }
        return kept;
    }

    /** Address at which the first process waits for the others. */
    private Rendezvous place() {
        int size = processes * nodes;
        if (master.isEmpty()) {
            return new Rendezvous("127.0.0.1", freePort(), 0, size, 0);
        }
        var address = master.get();
        int colon = address.lastIndexOf(':');
        require(
                colon > 0 && address.substring(colon + 1).matches("\\d{1,5}"),
                "--master is '%s': expected HOST:PORT, such as 10.0.0.1:29500",
                address);
        return new Rendezvous(address.substring(0, colon), Integer.parseInt(address.substring(colon + 1)), 0, size, 0);
    }

    private static int freePort() {
        try (var socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        } catch (IOException e) {
            throw new VitrailException(
                    "no port of this machine is free (%s): close some connections".formatted(e.getMessage()), e);
        }
    }

    private void start(Rendezvous first, int local, List<String> arguments) {
        int rank = node * processes + local;
        var command = new ArrayList<>(java());
        command.addAll(arguments);
        var builder = new ProcessBuilder(command);
        builder.environment()
                .putAll(new Rendezvous(first.address(), first.port(), rank, first.worldSize(), local).toEnvironment());
        builder.environment().remove("TORCHELASTIC_USE_AGENT_STORE");
        boolean shown = local == 0;
        builder.redirectInput(ProcessBuilder.Redirect.from(new File(nowhere())))
                .redirectOutput(shown ? ProcessBuilder.Redirect.INHERIT : ProcessBuilder.Redirect.DISCARD)
                .redirectError(shown ? ProcessBuilder.Redirect.INHERIT : ProcessBuilder.Redirect.PIPE);
        try {
            var child = new Child(rank, builder.start());
            children.add(child);
            var reading = shown ? Optional.<Thread>empty() : Optional.of(read(child));
            child.process.onExit().thenRun(() -> {
                reading.ifPresent(TrainingProcesses::join);
                ended.add(child);
            });
        } catch (IOException e) {
            throw new VitrailException("rank %d could not be started: %s".formatted(rank, e.getMessage()), e);
        }
    }

    private static String nowhere() {
        return File.separatorChar == '/' ? "/dev/null" : "NUL";
    }

    /** This process's Java, with a part of its cores, threads and memory. */
    private List<String> java() {
        var options = ManagementFactory.getRuntimeMXBean().getInputArguments();
        var command = new ArrayList<String>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(options);
        if (options.stream().noneMatch(option -> option.startsWith("-XX:ActiveProcessorCount"))) {
            command.add("-XX:ActiveProcessorCount=" + part(Runtime.getRuntime().availableProcessors()));
        }
        if (options.stream().noneMatch(option -> option.startsWith("-Xmx") || option.contains("MaxRAMPercentage"))) {
            command.add("-XX:MaxRAMPercentage=" + HEAP_PERCENT / processes);
        }
        var threads = System.getProperty("vitrail.threads");
        if (threads != null && threads.matches("\\d{1,4}")) {
            command.add("-Dvitrail.threads=" + part(Integer.parseInt(threads)));
        }
        command.add("-D" + LAUNCHER + "=" + ProcessHandle.current().pid());
        var path = System.getProperty("java.class.path");
        if (path.endsWith(".jar") && !path.contains(File.pathSeparator)) {
            command.addAll(List.of("-jar", path));
        } else {
            command.addAll(List.of("-cp", path, Main.class.getName()));
        }
        return command;
    }

    private int part(int whole) {
        return Math.max(1, whole / processes);
    }

    private static Thread read(Child child) {
        var reader = new Thread(
                () -> {
                    try (var lines = new BufferedReader(
                            new InputStreamReader(child.process.getErrorStream(), StandardCharsets.UTF_8))) {
                        for (var line = lines.readLine(); line != null; line = lines.readLine()) {
                            child.tail.add(line);
                            if (child.tail.size() > TAIL) {
                                child.tail.remove();
                            }
                        }
                    } catch (IOException ignored) {
                        // The process is gone.
                    }
                },
                "vitrail-output-" + child.rank);
        reader.setDaemon(true);
        reader.start();
        return reader;
    }

    private static void join(Thread thread) {
        try {
            thread.join(1000);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Waits for all; where one has failed, no longer than it takes the others to notice. */
    private int supervise() throws InterruptedException {
        var over = new ArrayList<Child>();
        boolean failed = false, told = false;
        while (over.size() < children.size()) {
            var child =
                    failed ? ended.poll(told ? PATIENCE_SECONDS : NOTICING_SECONDS, TimeUnit.SECONDS) : ended.take();
            if (child != null) {
                over.add(child);
                failed |= child.status() != 0;
            } else if (told) {
                children.stream().filter(other -> other.process.isAlive()).forEach(other -> {
                    other.hung = true;
                    other.process.destroyForcibly();
                });
            } else {
                // What waits for the others to come, before there is a group, does not notice.
                children.forEach(other -> other.process.destroy());
                told = true;
            }
        }
        tell(over);
        var statuses = over.stream().map(Child::status).toList();
        return statuses.stream().allMatch(status -> status == 0)
                ? 0
                : IntStream.of(2, 1).filter(statuses::contains).findFirst().orElse(LOST);
    }

    /** Says what the process that is shown could not say any more, and shows what one that crashed has left. */
    private void tell(List<Child> over) {
        if (ending) {
            return;
        }
        var first = children.get(0);
        boolean silent = first.status() > SIGNALLED;
        for (var child : over) {
            boolean killed = child.status() > SIGNALLED;
            if (killed && (silent || child.status() != SIGNALLED + 9)) {
                System.err.printf(
                        "vitrail: rank %d (process %d) %s; go on from the last save with --resume%n",
                        child.rank,
                        child.process.pid(),
                        child.hung ? "hung, and was ended" : "was ended by signal " + (child.status() - SIGNALLED));
            }
            if (child.status() == SIGNALLED + 6 || child.status() == SIGNALLED + 11) {
                child.tail.forEach(System.err::println);
            }
        }
        if (silent) {
            return;
        }
        // A process that failed before it knew of the others, where the first has nothing to say of it.
        over.stream()
                .filter(child -> child != first && child.status() == 1 && first.status() != 1)
                .flatMap(child -> child.tail.stream())
                .forEach(System.err::println);
    }

    /** This process is told to end: so are all, each of which saves what it has to. */
    private void end() {
        ending = true;
        children.forEach(child -> child.process.destroy());
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(ENDING_SECONDS);
        for (var child : children) {
            try {
                child.process.waitFor(deadline - System.nanoTime(), TimeUnit.NANOSECONDS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return;
            }
        }
    }
}
