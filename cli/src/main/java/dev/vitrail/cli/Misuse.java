package dev.vitrail.cli;

import dev.vitrail.errors.Names;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.files.PathNames;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;
import picocli.CommandLine;
import picocli.CommandLine.MissingParameterException;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.TypeConversionException;
import picocli.CommandLine.UnmatchedArgumentException;

/** Error of a command line in one sentence that names the wrong word and the right one. */
final class Misuse {
    private Misuse() {}

    /** Lets values of options be refused in words. */
    static CommandLine withConverters(CommandLine commandLine) {
        return commandLine
                .registerConverter(Path.class, Misuse::path)
                .registerConverter(int.class, text -> (int) whole(text, Integer.MIN_VALUE, Integer.MAX_VALUE))
                .registerConverter(Integer.class, text -> (int) whole(text, Integer.MIN_VALUE, Integer.MAX_VALUE))
                .registerConverter(long.class, text -> whole(text, Long.MIN_VALUE, Long.MAX_VALUE))
                .registerConverter(Long.class, text -> whole(text, Long.MIN_VALUE, Long.MAX_VALUE))
                .registerConverter(double.class, Misuse::number)
                .registerConverter(Double.class, Misuse::number);
    }

    private static Path path(String text) {
        try {
            PathNames.requireFits(text);
            return Path.of(text);
        } catch (InvalidPathException e) {
            throw new VitrailException("'%s' is no name of a file: %s".formatted(text, e.getReason()), e);
        }
    }

    private static long whole(String text, long least, long most) {
        long number;
        try {
            number = Long.parseLong(text.strip());
        } catch (NumberFormatException e) {
            throw new TypeConversionException(
                    text.strip().matches("[-+]?\\d+") ? "is too large a number" : "is no whole number");
        }
        if (number < least || number > most) {
            throw new TypeConversionException("is too large a number: the most is " + most);
        }
        return number;
    }

    private static double number(String text) {
        try {
            return Double.parseDouble(text.strip());
        } catch (NumberFormatException e) {
            throw new TypeConversionException("is no number");
        }
    }

    /**
     * The sentence.
     *
     * @param arguments of the whole command line
     */
    static String sentence(ParameterException wrong, String[] arguments) {
        var command = wrong.getCommandLine();
        // What is missing is often there under a name that is mistyped.
        var unknown = unknownOption(command, arguments);
        if (unknown.isPresent()) {
            return unknown.get();
        }
        if (wrong instanceof UnmatchedArgumentException unmatched
                && !unmatched.getUnmatched().isEmpty()) {
            return unmatched(command, unmatched.getUnmatched().get(0));
        }
        if (wrong instanceof MissingParameterException missing
                && !missing.getMissing().isEmpty()) {
            return missing(missing.getMissing(), String.valueOf(wrong.getMessage()));
        }
        if (wrong instanceof CommandLine.OverwrittenOptionException overwritten) {
            return "%s is given more than once: give it once".formatted(name(overwritten.getOverwritten()));
        }
        var argument = wrong.getArgSpec();
        var value = wrong.getValue();
        return argument == null || value == null
                ? String.valueOf(wrong.getMessage())
                : unconverted(argument, value, wrong);
    }

    private static String unmatched(CommandLine command, String word) {
        var commands = command.getSubcommands().keySet();
        if (commands.isEmpty()) {
            return "'%s' is one argument too many".formatted(word);
        }
        return "there is no command %s%s".formatted(word, suggestion(word, commands));
    }

    /** An option that the command does not have, among the arguments that follow the command's name. */
    private static Optional<String> unknownOption(CommandLine command, String[] arguments) {
        var spec = command.getCommandSpec();
        int depth = 0;
        for (var parent = spec.parent(); parent != null; parent = parent.parent()) {
            depth++;
        }
        int from = 0;
        for (int found = 0; found < depth && from < arguments.length; from++) {
            found += arguments[from].startsWith("-") ? 0 : 1;
        }
        for (int i = from; i < arguments.length && !arguments[i].equals("--"); i++) {
            var argument = arguments[i];
            if (!argument.startsWith("-") || argument.equals("-")) {
                continue;
            }
            int equals = argument.indexOf('=');
            var name = equals < 0 ? argument : argument.substring(0, equals);
            var option = option(spec, name);
            if (option.isEmpty()) {
                return Optional.of(unknown(spec, name));
            }
            if (equals < 0 && option.get().arity().min() > 0) {
                i++; // its value, whatever that begins with
            }
        }
        return Optional.empty();
    }

    private static Optional<OptionSpec> option(CommandSpec spec, String name) {
        return spec.options().stream()
                .filter(option -> Arrays.asList(option.names()).contains(name)
                        || option.negatable()
                                && Arrays.asList(option.names()).contains(name.replaceFirst("^--no-", "--")))
                .findFirst();
    }

    private static String unknown(CommandSpec spec, String name) {
        var known = spec.options().stream()
                .filter(option -> !option.hidden())
                .flatMap(option -> option.negatable()
                        ? List.of(option.longestName(), option.longestName().replaceFirst("^--", "--no-")).stream()
                        : Arrays.stream(option.names()))
                .toList();
        if (name.matches("-[^-].*\\.\\w+|-[^-].*/.*")
                || name.matches("-[^-].+") && nearest(name, known).isEmpty()) {
            return "there is no option %s; for a file of that name write ./%s".formatted(name, name);
        }
        return "there is no option %s%s".formatted(name, suggestion(name, known));
    }

    private static String suggestion(String word, Collection<String> known) {
        return nearest(word, known)
                .map(name -> "; did you mean %s?".formatted(name))
                .orElse("");
    }

    /** The known word that is most like one, if it is like it at all. */
    private static Optional<String> nearest(String word, Collection<String> known) {
        return Names.like(word, known);
    }

    private static String missing(List<ArgSpec> missing, String message) {
        var first = missing.get(0);
        if (message.startsWith("Missing required parameter for option") || message.startsWith("Expected parameter")) {
            return "%s needs a value: %s".formatted(name(first), label(first));
        }
        return "%s missing: %s"
                .formatted(
                        missing.size() == 1 && first.isOption()
                                ? "the option %s is".formatted(name(first))
                                : missing.size() == 1 ? "an argument is" : "some arguments are",
                        missing.stream()
                                .map(argument ->
                                        argument.isOption() ? name(argument) + " " + label(argument) : label(argument))
                                .collect(Collectors.joining(", ")));
    }

    private static String name(ArgSpec argument) {
        return argument instanceof OptionSpec option ? option.longestName() : argument.paramLabel();
    }

    private static String label(ArgSpec argument) {
        return argument.paramLabel();
    }

    /** Message for a value that its option cannot take. */
    private static String unconverted(ArgSpec argument, String value, ParameterException wrong) {
        var said = "%s %s".formatted(name(argument), value);
        var kind = argument.typeInfo().isOptional() || argument.typeInfo().isCollection()
                ? argument.auxiliaryTypes()[0]
                : argument.type();
        if (kind.isEnum()) {
            var words = Arrays.stream(kind.getEnumConstants())
                    .map(word -> word.toString().toLowerCase(Locale.ROOT))
                    .toList();
            return "%s is none of %s%s".formatted(said, String.join(", ", words), suggestion(value, words));
        }
        for (Throwable cause = wrong; cause != null; cause = cause.getCause()) {
            if (cause instanceof VitrailException) {
                return "%s: %s".formatted(said, cause.getMessage());
            }
            if (cause instanceof TypeConversionException) {
                return "%s %s".formatted(said, cause.getMessage());
            }
        }
        return argument.isOption()
                ? "%s is no value of that option: expected %s".formatted(said, label(argument))
                : String.valueOf(wrong.getMessage());
    }
}
