package dev.vitrail.report;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.NullNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.models.Model;
import dev.vitrail.train.EpochSummary;
import dev.vitrail.train.RunFolder;
import dev.vitrail.weights.FolderConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;

/**
 * Record of a run, as its folder has it.
 *
 * @param folder the run's
 * @param options its {@code config.yaml}: the value of each option
 * @param epochs those made, in order; at least one
 * @param parameters of its model
 */
public record RunRecord(Path folder, Map<String, JsonNode> options, List<EpochSummary> epochs, long parameters) {
    public RunRecord {
        options = Collections.unmodifiableMap(new LinkedHashMap<>(options));
        epochs = List.copyOf(epochs);
        VitrailException.require(
                !epochs.isEmpty(), "the run %s has not ended an epoch yet: wait for the first", folder);
    }

    /**
     * Reads a run folder, whether or not its run has ended.
     *
     * @throws VitrailException if it is none, or no epoch has ended yet
     */
    public static RunRecord read(Path folder) {
        var run = new RunFolder(folder);
        VitrailException.require(
                Files.isRegularFile(run.config()),
                "%s is no run: expected a folder with config.yaml and summary.csv, as 'vitrail train --out RUN' leaves"
                        + " it",
                folder);
        VitrailException.require(
                Files.isRegularFile(run.summary()),
                "the run %s has not ended an epoch yet: its summary.csv is still missing",
                folder);
        return new RunRecord(
                folder, options(run.config()), run.rows(), parameters(FolderConfig.read(description(folder))));
    }

    private static Map<String, JsonNode> options(Path file) {
        JsonNode node;
        try {
            node = new YAMLMapper().readTree(Files.readString(file));
        } catch (IOException e) {
            throw new VitrailException("cannot read %s: %s".formatted(file, e.getMessage()), e);
        }
        var options = new LinkedHashMap<String, JsonNode>();
        node.properties().forEach(entry -> options.put(entry.getKey(), entry.getValue()));
        return options;
    }

    /** Products with an addition, for one image of the size that it was trained on. */
    public long multiplyAccumulates() {
        try (var model = model(FolderConfig.read(description(folder)))) {
            return model.cost().multiplyAccumulates();
        }
    }

    private static Path description(Path folder) {
        return new RunFolder(folder).last().resolve("config.json");
    }

    private static long parameters(FolderConfig description) {
        try (var model = model(description)) {
            return model.parameterCount();
        }
    }

    /** The run's model, its parameters declared but without values. */
    private static Model model(FolderConfig description) {
        var variant = description.variant();
        return description.configured(variant.config()).create();
    }

    /** The folder's own name, which tells runs apart. */
    public String name() {
        return String.valueOf(folder.toAbsolutePath().normalize().getFileName());
    }

    public String model() {
        return text(option("model"));
    }

    /** An option of its configuration; null in the sense of YAML for none. */
    public JsonNode option(String key) {
        return options.getOrDefault(key, NullNode.getInstance());
    }

    /** The value of an option as a person reads it. */
    public static String text(JsonNode value) {
        return value.isNull() ? "–" : value.isValueNode() ? value.asText() : value.toString();
    }

    /** The epoch whose model is kept as the best: the highest top-1, of equals the lowest loss, of those the first. */
    public EpochSummary best() {
        return epochs.stream()
                .min(Comparator.comparingDouble(EpochSummary::validationTop1)
                        .reversed()
                        .thenComparingDouble(EpochSummary::validationLoss))
                .orElseThrow();
    }

    public EpochSummary last() {
        return epochs.get(epochs.size() - 1);
    }

    /** Of training and validation, all epochs together. */
    public double seconds() {
        return epochs.stream().mapToDouble(EpochSummary::seconds).sum();
    }

    /** While training, mean over the epochs. */
    public double imagesPerSecond() {
        return epochs.stream()
                .mapToDouble(EpochSummary::imagesPerSecond)
                .average()
                .orElse(0);
    }

    /** Epochs that it is to make, as its configuration says. */
    public String planned() {
        return text(option("epochs"));
    }

    /** Returns true if all epochs were made. */
    public boolean finished() {
        return planned().equals(String.valueOf(epochs.size()));
    }

    /** One figure of every epoch. */
    List<Double> values(ToDoubleFunction<EpochSummary> figure) {
        return epochs.stream().map(figure::applyAsDouble).toList();
    }
}
