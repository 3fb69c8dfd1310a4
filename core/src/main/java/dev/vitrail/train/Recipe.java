package dev.vitrail.train;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.errors.Names;
import dev.vitrail.errors.VitrailException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * Options that are known to work together: a paper's setting, or ours. A recipe is a YAML file over the
 * {@link TrainingOptions}, headed by four comments: what it is, {@code Source:}, {@code Cost:} and {@code Known for:}.
 *
 * @param name of its file, without the ending
 * @param summary what it is, in one line
 * @param source where its values come from
 * @param cost what training by it takes
 * @param knownFor the accuracy that it gave, where, and who says so
 * @param yaml its options
 */
public record Recipe(String name, String summary, String source, String cost, String knownFor, String yaml) {
    /** Those that come with the library, each in a file of this name. */
    // spotless:off
    private static final List<String> SHIPPED = List.of(
            "quick-look", "photos", "fine-tune", "classifier-only",
            "vit-augreg", "vit-transfer", "deit", "deit3", "t2t", "cait", "swin", "convnext",
            "vit-augreg-small-data", "vit-transfer-small-data", "deit-small-data", "deit3-small-data", "t2t-small-data",
            "cait-small-data", "swin-small-data", "convnext-small-data");
    // spotless:on

    /** The recipes that come with the library. */
    public static List<Recipe> shipped() {
        return SHIPPED.stream().map(Recipe::resource).toList();
    }

    /**
     * A recipe by its name, or in a file of one's own.
     *
     * @throws VitrailException if there is none, or the file is no recipe
     */
    public static Recipe get(String nameOrFile) {
        if (SHIPPED.contains(nameOrFile)) {
            return resource(nameOrFile);
        }
        var file = Path.of(nameOrFile);
        require(
                Files.isRegularFile(file),
                "there is no recipe '%s', nor a file of that name; the nearest are %s",
                nameOrFile,
                String.join(", ", Names.nearest(nameOrFile, SHIPPED, 3)));
        try {
            return own(file.toString(), Files.readString(file));
        } catch (IOException e) {
            throw new VitrailException("cannot read the recipe %s: %s".formatted(file, e.getMessage()), e);
        }
    }

    private static Recipe resource(String name) {
        try (var in = Recipe.class.getResourceAsStream("recipes/" + name + ".yaml")) {
            if (in == null) {
                throw new IllegalStateException("the recipe " + name + " is missing from the library");
            }
            return parse(name, new String(in.readAllBytes(), StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Recipe parse(String name, String text) {
        var head = text.lines().takeWhile(line -> line.startsWith("# ")).toList();
        require(
                head.size() >= 4,
                "the recipe %s must begin with four comments: what it is, Source, Cost, Known for",
                name);
        return new Recipe(
                name,
                head.get(0).substring(2),
                field(name, head, "Source"),
                field(name, head, "Cost"),
                field(name, head, "Known for"),
                text);
    }

    private static String field(String name, List<String> head, String field) {
        var start = "# " + field + ": ";
        return head.stream()
                .filter(line -> line.startsWith(start))
                .map(line -> line.substring(start.length()))
                .findFirst()
                .orElseThrow(() -> VitrailException.of("the recipe %s has no comment '%s…'", name, start));
    }

    /** Somebody's own file needs no header. */
    private static Recipe own(String name, String text) {
        return new Recipe(name, "your own", name, "", "", text);
    }

    /** The options that this recipe names. */
    public TrainingOverrides options() {
        return TrainingConfigFile.overrides(yaml, "recipe " + name);
    }

    /**
     * A configuration with this recipe's options.
     *
     * @throws VitrailException naming an option that does not exist, and the nearest that do, or a value that cannot be
     */
    public TrainingConfig apply(TrainingConfig start) {
        return TrainingConfigFile.with(start, yaml, "recipe " + name);
    }
}
