package dev.vitrail.models.zoo;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.StreamSupport;

/**
 * Writes the table that {@link Pretrained} reads, from timm's configurations in manifests ({@code <model>.json}),
 * timm's table of measured accuracies (lines {@code family,model.tag,pixels,…,gmacs,top1,source}) and a list of
 * licences (lines {@code model.tag TAB licence}, as timm's configurations name them). Run by hand when those change:
 *
 * <pre>
 * java -cp core/target/test-classes:core/target/classes:JACKSON dev.vitrail.models.zoo.PretrainedTable \
 *     MANIFESTS/timm ACCURACIES.csv LICENCES.tsv core/src/main/resources/dev/vitrail/models/pretrained.tsv
 * </pre>
 */
final class PretrainedTable {
    private static final Pattern MEASURED =
            Pattern.compile("timm results-imagenet.csv \\(top5 ([\\d.]+) crop ([\\d.]+) \\w+\\)");

    private static final List<String> COLUMNS = List.of(
            "variant",
            "tag",
            "hub_id",
            "url",
            "channels",
            "height",
            "width",
            "crop_pct",
            "crop_mode",
            "interpolation",
            "mean",
            "std",
            "classes",
            "first_conv",
            "classifiers",
            "licence",
            "macs",
            "top1",
            "top5",
            "top1_pixels",
            "top1_crop_pct");

    /** What timm calls a configuration that has no weights. */
    private static final String NO_WEIGHTS = "untrained";

    private PretrainedTable() {}

    /** A line of the table of accuracies. */
    private record Measured(int pixels, double gmacs, String top1, String top5, String crop) {}

    /**
     * @param arguments the folder of manifests, the accuracies, the licences, and the file to write
     */
    public static void main(String[] arguments) throws IOException {
        var measured = measured(Path.of(arguments[1]));
        var licences = new HashMap<String, String>();
        for (var line : Files.readAllLines(Path.of(arguments[2]))) {
            licences.put(line.split("\t")[0], line.split("\t")[1]);
        }
        List<Path> files;
        try (var listing = Files.list(Path.of(arguments[0]))) {
            files = listing.sorted().toList();
        }
        var lines = new ArrayList<String>();
        lines.add(String.join("\t", COLUMNS));
        var mapper = new ObjectMapper();
        for (var file : files) {
            var manifest = mapper.readTree(file.toFile());
            manifest.get("pretrained_cfgs").properties().forEach(entry -> {
                var name = manifest.get("model").asText() + "." + entry.getKey();
                if (!entry.getKey().equals(NO_WEIGHTS)) {
                    lines.add(line(
                            manifest,
                            entry.getKey(),
                            entry.getValue(),
                            Optional.ofNullable(measured.get(name)),
                            licences.getOrDefault(name, "")));
                }
            });
        }
        Files.writeString(Path.of(arguments[3]), String.join("\n", lines) + "\n");
    }

    private static Map<String, Measured> measured(Path file) throws IOException {
        var all = new HashMap<String, Measured>();
        for (var line : Files.readAllLines(file)) {
            var match = MEASURED.matcher(line);
            if (match.find()) {
                var cells = line.split(",");
                all.put(
                        cells[1],
                        new Measured(
                                Integer.parseInt(cells[2]),
                                Double.parseDouble(cells[9]),
                                cells[10],
                                match.group(1),
                                match.group(2)));
            }
        }
        return all;
    }

    private static String line(JsonNode manifest, String tag, JsonNode c, Optional<Measured> measured, String licence) {
        var model = manifest.get("model").asText();
        var size = c.get("input_size");
        var hub = c.path("hf_hub_id").asText();
        return String.join(
                "\t",
                model,
                tag,
                hub.endsWith("/") ? hub + model + "." + tag : hub,
                c.path("url").asText(),
                size.get(0).asText(),
                size.get(1).asText(),
                size.get(2).asText(),
                c.get("crop_pct").asText(),
                c.get("crop_mode").asText(),
                c.get("interpolation").asText(),
                list(c.get("mean")),
                list(c.get("std")),
                c.get("num_classes").asText(),
                c.get("first_conv").asText(),
                list(c.get("classifier")),
                licence,
                multiplyAccumulates(manifest, c, measured),
                measured.map(Measured::top1).orElse(""),
                measured.map(Measured::top5).orElse(""),
                measured.map(figures -> String.valueOf(figures.pixels)).orElse(""),
                measured.map(Measured::crop).orElse(""));
    }

    /** Exact where the manifest was made at this size, else timm's own rounded figure, if it is of this size. */
    private static String multiplyAccumulates(JsonNode manifest, JsonNode c, Optional<Measured> measured) {
        var size = c.get("input_size");
        if (size.equals(manifest.get("input_size"))) {
            return String.valueOf(manifest.get("macs").get("total").asLong() + classifierDifference(manifest, c));
        }
        return measured.filter(figures -> figures.pixels == size.get(1).asInt())
                .map(figures -> String.valueOf(Math.round(figures.gmacs * 1e9)))
                .orElse("");
    }

    /** What a classifier of as many rows as {@code c} says multiplies more often than the manifest's. */
    private static long classifierDifference(JsonNode manifest, JsonNode c) {
        var classifiers = list(c.get("classifier")).split(",");
        var shape = manifest.get("state_dict").path(classifiers[0] + ".weight").path("shape");
        long rows = shape.isMissingNode() ? 0 : shape.get(0).asLong();
        long width = rows == 0
                ? manifest.get("output_shape").get(1).asLong()
                : shape.get(1).asLong();
        return (c.get("num_classes").asLong() - rows) * width * classifiers.length;
    }

    private static String list(JsonNode values) {
        return values.isArray()
                ? String.join(
                        ",",
                        StreamSupport.stream(values.spliterator(), false)
                                .map(JsonNode::asText)
                                .toList())
                : values.asText();
    }
}
