package dev.vitrail.train;

import static dev.vitrail.errors.VitrailException.require;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLGenerator;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import dev.vitrail.errors.Names;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.files.AtomicFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** A {@link TrainingConfig} as YAML: a key for each of the {@link TrainingOptions}; null means none. */
public final class TrainingConfigFile {
    private static final YAMLMapper YAML = YAMLMapper.builder()
            .disable(YAMLGenerator.Feature.WRITE_DOC_START_MARKER)
            .enable(YAMLGenerator.Feature.MINIMIZE_QUOTES)
            // So that text which looks like a number is read as text again.
            .enable(YAMLGenerator.Feature.ALWAYS_QUOTE_NUMBERS_AS_STRINGS)
            .build();

    private TrainingConfigFile() {}

    /** Writes a file from which {@link #read} gives an equal configuration. */
    public static void write(Path file, TrainingConfig config) {
        AtomicFile.write(file, text(config));
    }

    /**
     * Reads a run's file.
     *
     * @throws VitrailException naming a key that is unknown, missing or of the wrong kind, or options that do not fit
     *     each other
     */
    public static TrainingConfig read(Path file) {
        String yaml;
        try {
            yaml = Files.readString(file);
        } catch (NoSuchFileException e) {
            throw new VitrailException("there is no file %s; a run folder has a config.yaml".formatted(file), e);
        } catch (IOException e) {
            throw new VitrailException("cannot read %s: %s".formatted(file, e.getMessage()), e);
        }
        var named = overrides(yaml, file.toString());
        for (var option : List.of(TrainingOptions.MODEL, TrainingOptions.DATA, TrainingOptions.EPOCHS)) {
            require(named.get(option).isPresent(), "%s does not say '%s', which a run needs", file, option.name());
        }
        return with(TrainingConfig.STANDARD, yaml, file.toString()).checked();
    }

    /** The YAML text of a configuration: all options, by sections. */
    public static String text(TrainingConfig config) {
        var text = new StringBuilder();
        for (var section : TrainingOptions.SECTIONS) {
            text.append(text.isEmpty() ? "# " : "\n# ").append(section.title()).append('\n');
            section.options().forEach(option -> text.append(line(config, option)));
        }
        return text.toString();
    }

    private static <T> String line(TrainingConfig config, TrainingOption<T> option) {
        try {
            return YAML.writeValueAsString(
                    YAML.createObjectNode().set(option.name(), option.write(config.get(option))));
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    /** An option's value as YAML has it. */
    public static <T> String value(TrainingConfig config, TrainingOption<T> option) {
        return option.shown(config.get(option));
    }

    /**
     * A configuration with the options changed that some YAML names, as they stand. Whether they fit each other is for
     * {@link TrainingConfig#checked} to say, once all are known.
     *
     * @param origin what to call the YAML in errors
     */
    public static TrainingConfig with(TrainingConfig start, String yaml, String origin) {
        var config = start;
        for (var entry : parse(yaml, origin).properties()) {
            config = apply(config, option(entry.getKey(), origin), entry.getValue(), origin);
        }
        return config;
    }

    private static <T> TrainingConfig apply(
            TrainingConfig config, TrainingOption<T> option, JsonNode value, String origin) {
        return config.with(option, option.read(value, origin));
    }

    /**
     * The options that some YAML names.
     *
     * @param origin what to call the YAML in errors
     */
    public static TrainingOverrides overrides(String yaml, String origin) {
        var named = TrainingOverrides.NONE;
        for (var entry : parse(yaml, origin).properties()) {
            named = apply(named, option(entry.getKey(), origin), entry.getValue(), origin);
        }
        return named;
    }

    private static <T> TrainingOverrides apply(
            TrainingOverrides named, TrainingOption<T> option, JsonNode value, String origin) {
        return named.with(option, option.read(value, origin));
    }

    /**
     * One option as a command line names it.
     *
     * @param assignment {@code KEY=VALUE}, the value as YAML has it
     */
    public static TrainingOverrides assignment(String assignment) {
        int equals = assignment.indexOf('=');
        require(equals > 0, "--set %s is no KEY=VALUE, such as --set grad_clip_norm=1", assignment);
        return overrides(
                assignment.substring(0, equals) + ": " + assignment.substring(equals + 1), "--set " + assignment);
    }

    /** The node that some YAML stands for; empty if it is none. */
    static Optional<JsonNode> node(String yaml) {
        try {
            return Optional.of(YAML.readTree(yaml));
        } catch (JsonProcessingException e) {
            return Optional.empty();
        }
    }

    private static ObjectNode parse(String yaml, String origin) {
        try {
            var node = YAML.readTree(yaml);
            if (node instanceof ObjectNode object) {
                return object;
            }
        } catch (JsonProcessingException e) {
            throw new VitrailException("%s is no YAML: %s".formatted(origin, e.getOriginalMessage()), e);
        }
        throw VitrailException.of("%s must hold options as 'key: value' lines", origin);
    }

    private static TrainingOption<?> option(String name, String origin) {
        return TrainingOptions.ALL.stream()
                .filter(option -> option.name().equals(name))
                .findFirst()
                .orElseThrow(() -> VitrailException.of(
                        "%s has an unknown option '%s'; the nearest are %s",
                        origin,
                        name,
                        String.join(
                                ", ",
                                Names.nearest(
                                        name,
                                        TrainingOptions.ALL.stream()
                                                .map(TrainingOption::name)
                                                .toList(),
                                        3))));
    }
}
