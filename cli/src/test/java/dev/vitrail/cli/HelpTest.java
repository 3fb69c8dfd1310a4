package dev.vitrail.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;

/**
 * Help that fits a terminal of 80 columns: examples are not broken, and every option says what it is in a few lines.
 */
class HelpTest {
    private static final int COLUMNS = 80, LONGEST_TEXT = 160;

    private static final Map<String, CommandLine> COMMANDS = new CommandLine(new Main()).getSubcommands();

    static List<String> commands() {
        return COMMANDS.keySet().stream()
                .filter(name -> !name.equals("generate-completion"))
                .toList();
    }

    private static CommandSpec spec(String command) {
        return Objects.requireNonNull(COMMANDS.get(command)).getCommandSpec();
    }

    @ParameterizedTest
    @MethodSource("commands")
    void examplesFitTheTerminal(String command) {
        var footer = spec(command).usageMessage().footer();
        assertThat(footer).anyMatch(line -> line.contains("vitrail " + command));
        assertThat(Arrays.asList(footer))
                .filteredOn(line -> line.startsWith("  "))
                .isNotEmpty()
                .allMatch(line -> line.length() <= COLUMNS);
    }

    @ParameterizedTest
    @MethodSource("commands")
    void optionsAreDescribedInAFewLines(String command) {
        for (var option : spec(command).options()) {
            assertThat(String.join(" ", option.description()))
                    .as(option.longestName())
                    .isNotEmpty()
                    .hasSizeLessThanOrEqualTo(LONGEST_TEXT);
        }
    }
}
