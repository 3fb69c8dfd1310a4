package dev.vitrail.study;

import static dev.vitrail.errors.VitrailException.require;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLGenerator;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import dev.vitrail.errors.Names;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.train.TrainingData;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Predicate;

/**
 * A {@link Study} as YAML: the keys below, of which {@code models} alone must be there. Those of a scale replace the
 * others.
 */
public final class StudyFile {
    /** The studies that come with the library, each in a file of this name. */
    public static final List<String> SHIPPED = List.of("backbone", "data");

    private static final String TITLE = "title", SOURCE = "source", DATA = "data", MODELS = "models";
    private static final String RECIPES = "recipes", SHARES = "shares", SEEDS = "seeds", OPTIONS = "options";
    private static final String BUDGET = "budget_minutes", SCALES = "scales";
    private static final List<String> KEYS =
            List.of(TITLE, SOURCE, DATA, MODELS, RECIPES, SHARES, SEEDS, OPTIONS, BUDGET, SCALES);

    /** Minutes that a study may take by default: a day. */
    private static final double LONG = 1440;

    private static final YAMLMapper YAML = YAMLMapper.builder()
            .disable(YAMLGenerator.Feature.WRITE_DOC_START_MARKER)
            .enable(YAMLGenerator.Feature.MINIMIZE_QUOTES)
            .enable(YAMLGenerator.Feature.ALWAYS_QUOTE_NUMBERS_AS_STRINGS)
            .build();

    private final String origin;
    private final ObjectNode node;

    private StudyFile(String origin, ObjectNode node) {
        this.origin = origin;
        this.node = node;
    }

    /**
     * A study that comes with the library, or in a file of one's own.
     *
     * @param nameOrFile one of {@link #SHIPPED}, or a file
     * @param scale one of the file's scales; none for its first, where it has any
     * @throws VitrailException naming a key that is unknown and the nearest that are not, or what is missing or of the
     *     wrong kind
     */
    public static Study read(String nameOrFile, Optional<String> scale) {
        if (SHIPPED.contains(nameOrFile)) {
            return parse(nameOrFile, resource(nameOrFile), "the study " + nameOrFile, scale);
        }
        var file = Path.of(nameOrFile);
        require(
                Files.isRegularFile(file),
                "there is no study '%s', nor a file of that name; those that come with vitrail are %s",
                nameOrFile,
                String.join(" and ", SHIPPED));
        try {
            var name = String.valueOf(file.getFileName()).replaceFirst("\\.ya?ml$", "");
            return parse(name, Files.readString(file), nameOrFile, scale);
        } catch (IOException e) {
            throw new VitrailException("cannot read the study %s: %s".formatted(file, e.getMessage()), e);
        }
    }

    private static String resource(String name) {
        try (var in = StudyFile.class.getResourceAsStream(name + ".yaml")) {
            if (in == null) {
                throw new IllegalStateException("the study " + name + " is missing from the library");
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static Study parse(String name, String yaml, String origin, Optional<String> scale) {
        var file = new StudyFile(origin, object(yaml, origin));
        file.checkKeys(KEYS);
        var chosen = file.scale(scale);
        return file.with(chosen).study(name, chosen.orElse(""));
    }

    private static ObjectNode object(String yaml, String origin) {
        try {
            if (YAML.readTree(yaml) instanceof ObjectNode object) {
                return object;
            }
        } catch (JsonProcessingException e) {
            throw new VitrailException("%s is no YAML: %s".formatted(origin, e.getOriginalMessage()), e);
        }
        throw VitrailException.of("%s must hold a study as 'key: value' lines", origin);
    }

    private void checkKeys(List<String> known) {
        for (var entry : node.properties()) {
            require(
                    known.contains(entry.getKey()),
                    "%s has an unknown key '%s'; the nearest are %s",
                    origin,
                    entry.getKey(),
                    String.join(", ", Names.nearest(entry.getKey(), known, 3)));
        }
    }

    // ------------------------------------------------------------------------------------------------------- scales

    private Optional<String> scale(Optional<String> wanted) {
        var names = new ArrayList<String>();
        node.path(SCALES).fieldNames().forEachRemaining(names::add);
        require(
                wanted.isEmpty() || names.contains(wanted.get()),
                "%s has no scale '%s'; %s",
                origin,
                wanted.orElse(""),
                names.isEmpty() ? "leave --scale out" : "it has " + String.join(", ", names));
        return wanted.or(() -> names.stream().findFirst());
    }

    /** The study with the keys of a scale in place of its own; options replace each other one by one. */
    private StudyFile with(Optional<String> scale) {
        if (scale.isEmpty()) {
            return this;
        }
        var place = "%s, scale %s,".formatted(origin, scale.get());
        if (!(node.path(SCALES).path(scale.get()) instanceof ObjectNode part)) {
            throw VitrailException.of("%s must hold 'key: value' lines", place);
        }
        new StudyFile(place, part)
                .checkKeys(KEYS.stream().filter(key -> !key.equals(SCALES)).toList());
        var merged = node.deepCopy();
        for (var entry : part.properties()) {
            if (entry.getKey().equals(OPTIONS)
                    && merged.get(OPTIONS) instanceof ObjectNode options
                    && entry.getValue() instanceof ObjectNode others) {
                options.setAll(others);
            } else {
                merged.set(entry.getKey(), entry.getValue());
            }
        }
        merged.remove(SCALES);
        return new StudyFile(origin, merged);
    }

    // ------------------------------------------------------------------------------------------------------- values

    private Study study(String name, String scale) {
        require(node.has(MODELS), "%s does not say '%s': name what is to be trained", origin, MODELS);
        return new Study(
                name,
                scale,
                text(TITLE, name),
                text(SOURCE, ""),
                text(DATA, TrainingData.BUILT_IN),
                list(MODELS, List.of(), "text", JsonNode::isTextual, JsonNode::asText),
                list(RECIPES, List.of("quick-look"), "text", JsonNode::isTextual, JsonNode::asText),
                list(SHARES, List.of(1.0), "numbers", JsonNode::isNumber, JsonNode::asDouble),
                list(SEEDS, List.of(0L), "whole numbers", JsonNode::isIntegralNumber, JsonNode::asLong),
                options(),
                budget());
    }

    private String text(String key, String standard) {
        var value = node.path(key);
        require(value.isMissingNode() || value.isTextual(), "%s has %s: %s, expected text", origin, key, value);
        return value.asText(standard);
    }

    private double budget() {
        var value = node.path(BUDGET);
        require(value.isMissingNode() || value.isNumber(), "%s has %s: %s, expected minutes", origin, BUDGET, value);
        return value.asDouble(LONG);
    }

    private <T> List<T> list(
            String key, List<T> standard, String expected, Predicate<JsonNode> fits, Function<JsonNode, T> read) {
        var value = node.path(key);
        if (value.isMissingNode()) {
            return standard;
        }
        var values = new ArrayList<T>();
        boolean good = value.isArray();
        for (var one : value) {
            good = good && fits.test(one);
            values.add(read.apply(one));
        }
        require(good, "%s has %s: %s, expected a list of %s, such as [a, b]", origin, key, value, expected);
        return values;
    }

    private String options() {
        var value = node.path(OPTIONS);
        require(
                value.isMissingNode() || value.isObject(),
                "%s has %s: %s, expected training options as 'key: value' lines",
                origin,
                OPTIONS,
                value);
        return yaml(value.isObject() ? value : YAML.createObjectNode());
    }

    // ------------------------------------------------------------------------------------------------------ writing

    /** The YAML text of a study, as it is made: without other scales. */
    public static String text(Study study) {
        var all = YAML.createObjectNode();
        all.put(TITLE, study.title());
        if (!study.source().isEmpty()) {
            all.put(SOURCE, study.source());
        }
        all.put(DATA, study.data());
        study.models().forEach(all.putArray(MODELS)::add);
        study.recipes().forEach(all.putArray(RECIPES)::add);
        study.shares().forEach(all.putArray(SHARES)::add);
        study.seeds().forEach(all.putArray(SEEDS)::add);
        all.set(OPTIONS, object(study.options(), OPTIONS));
        all.put(BUDGET, study.budgetMinutes());
        return yaml(all);
    }

    private static String yaml(JsonNode node) {
        try {
            return YAML.writeValueAsString(node);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }
}
