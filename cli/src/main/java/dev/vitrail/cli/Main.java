package dev.vitrail.cli;

import dev.vitrail.distributed.PeerLostException;
import dev.vitrail.engine.NativeMemory;
import dev.vitrail.engine.Startup;
import dev.vitrail.errors.NotFiniteException;
import dev.vitrail.errors.VitrailException;
import java.io.PrintWriter;
import java.util.Arrays;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import picocli.AutoComplete;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.ExitCode;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Option;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

/** The {@code vitrail} command. */
@Command(
        name = "vitrail",
        description = "Vision transformers on the JVM: train, evaluate, predict, understand.",
        synopsisSubcommandLabel = "COMMAND",
        mixinStandardHelpOptions = true,
        versionProvider = Main.Version.class,
        scope = ScopeType.INHERIT,
        subcommands = {
            TrainCommand.class,
            RecipesCommand.class,
            ReplayCommand.class,
            EvaluateCommand.class,
            ProbeCommand.class,
            PredictCommand.class,
            EmbedCommand.class,
            ServeCommand.class,
            ExportCommand.class,
            ModelsCommand.class,
            CompareCommand.class,
            StudyCommand.class,
            BenchmarkCommand.class,
            SystemCommand.class,
            InspectCommand.class,
            ParityCommand.class,
            AutoComplete.GenerateCompletion.class
        },
        footer = {
            "",
            "Exit status: 0 done; 1 the work found a failure; 2 wrong use or bad input;",
            "3 another process of a training was lost.",
            "Shell completion: source <(vitrail generate-completion)"
        })
public final class Main implements Runnable {
    /** Commands that load the natives whatever their options. */
    private static final Set<String> COMPUTING = Set.of(
            "train", "evaluate", "probe", "predict", "embed", "inspect", "serve", "export", "benchmark", "parity");

    @Option(
            names = "--verbose",
            scope = ScopeType.INHERIT,
            description = "Show debug output, and stack traces of errors.")
    private boolean verbose;

    @Spec
    private CommandLine.Model.@org.jspecify.annotations.Nullable CommandSpec spec;

    public static void main(String[] arguments) {
        StandardStreams.install();
        Logging.configure(false); // before a second thread logs, which would find logging half set up
        if (computes(arguments)) {
            Startup.begin();
        }
        // Threads of the engine and of loaders are no reason to stay.
        System.exit(execute(commandLine(), arguments));
    }

    /** Returns whether a command will need the natives, as far as its name and a call for help tell. */
    private static boolean computes(String[] arguments) {
        return arguments.length > 1
                && COMPUTING.contains(arguments[0])
                && Arrays.stream(arguments)
                        .noneMatch(argument -> argument.equals("-h")
                                || argument.equals("--help")
                                || argument.startsWith("--processes")); // which are others'
    }

    /** Runs a command to its end, which is when stdout has all of it. */
    private static int execute(CommandLine commandLine, String[] arguments) {
        try {
            int status = commandLine.execute(arguments);
            System.out.flush();
            return status;
        } catch (StandardStreams.ReaderGone e) {
            return ExitCode.OK;
        } catch (VitrailException e) {
            System.err.println("vitrail: " + e.getMessage());
            return ExitCode.USAGE;
        }
    }

    /** The command line as {@link #main} runs it. */
    static CommandLine commandLine() {
        var main = new Main();
        var commandLine = new CommandLine(main)
                .setUsageHelpAutoWidth(true)
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setAbbreviatedOptionsAllowed(false);
        return Misuse.withConverters(commandLine)
                .setExecutionStrategy(parsed -> {
                    Logging.configure(main.verbose);
                    return run(parsed);
                })
                .setParameterExceptionHandler(Main::misuse)
                .setExecutionExceptionHandler((failure, command, parsed) -> main.report(failure, command.getErr()));
    }

    /** Runs the command; a heap that is too small is bad input like any other. */
    private static int run(CommandLine.ParseResult parsed) {
        try {
            return new CommandLine.RunLast().execute(parsed);
        } catch (OutOfMemoryError e) {
            throw new CommandLine.ExecutionException(parsed.commandSpec().commandLine(), "memory ran out", memory(e));
        } catch (LinkageError e) {
            Throwable cause = LinkageFailure.of(e).map(Throwable.class::cast).orElse(e);
            throw new CommandLine.ExecutionException(parsed.commandSpec().commandLine(), "failed", cause);
        } catch (VitrailException | StandardStreams.ReaderGone e) { // of the help, which is no command's work
            throw new CommandLine.ExecutionException(parsed.commandSpec().commandLine(), "failed", e);
        }
    }

    private static VitrailException memory(Throwable cause) {
        return new VitrailException(
                "memory ran out: lower --batch, or --size where the model takes smaller images, or choose a smaller"
                        + " model",
                cause);
    }

    /** One sentence, and where the options are listed. */
    private static int misuse(CommandLine.ParameterException wrong, String[] arguments) {
        var command = wrong.getCommandLine();
        command.getErr()
                .printf(
                        "vitrail: %s (see: %s --help)%n",
                        Misuse.sentence(wrong, arguments),
                        command.getCommandSpec().qualifiedName());
        command.getErr().flush();
        return ExitCode.USAGE;
    }

    private int report(Exception failure, PrintWriter err) {
        if (causes(failure).anyMatch(StandardStreams.ReaderGone.class::isInstance)) {
            return ExitCode.OK; // as of tools that end when nobody reads them
        }
        var told = causes(failure).anyMatch(Main::ranOutOfMemory) && !(failure instanceof VitrailException)
                ? memory(failure)
                : failure;
        if (told instanceof VitrailException) {
            err.println("vitrail: " + told.getMessage());
        } else {
            // libtorch's messages go on with the frames of its stack.
            var first = told.toString().lines().findFirst().orElse("");
            err.println(
                    "vitrail: unexpected failure: " + first + " (this is a fault of vitrail; --verbose shows where)");
        }
        if (verbose) {
            failure.printStackTrace(err);
        }
        err.flush();
        if (told instanceof PeerLostException) {
            return TrainingProcesses.LOST;
        }
        return told instanceof VitrailException && !(told instanceof NotFiniteException)
                ? ExitCode.USAGE
                : ExitCode.SOFTWARE;
    }

    private static boolean ranOutOfMemory(Throwable cause) {
        return cause instanceof OutOfMemoryError || NativeMemory.ranOut(cause);
    }

    private static Stream<Throwable> causes(Throwable failure) {
        return Stream.iterate(Optional.of(failure), Optional::isPresent, cause -> cause.map(Throwable::getCause))
                .map(Optional::get);
    }

    @Override
    public void run() {
        new CommandLine(this).usage(System.out);
    }

    /** The version that the jar's manifest states. */
    static final class Version implements IVersionProvider {
        @Override
        public String[] getVersion() {
            var version = Main.class.getPackage().getImplementationVersion();
            return new String[] {"vitrail " + (version == null ? "(not packaged)" : version)};
        }
    }
}
