package dev.vitrail.cli;

import dev.vitrail.Prediction;
import dev.vitrail.Vitrail;
import dev.vitrail.VitrailException;
import dev.vitrail.data.BrokenImage;
import dev.vitrail.parquet.ParquetTable;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Says what is in images. */
@Command(
        name = "predict",
        description = "Finds the most probable classes of images.",
        footer = {"", "Example: vitrail predict --model runs/shapes photos/ --top 3 --format csv --out found.csv"})
final class PredictCommand implements Callable<Integer> {
    /** How results are written. */
    enum Format {
        TEXT,
        CSV,
        JSON,
        JSONL,
        PARQUET
    }

    @Mixin
    private ModelOptions models = new ModelOptions();

    @Mixin
    private DecodingOptions decoding = new DecodingOptions();

    @Parameters(arity = "1..*", paramLabel = "IMAGE", description = "Image files, or folders of them.")
    private List<Path> paths = List.of();

    @Option(names = "--top", defaultValue = "5", description = "Classes an image (default ${DEFAULT-VALUE}).")
    private int top;

    @Option(names = "--batch", defaultValue = "16", description = "Images run together (default ${DEFAULT-VALUE}).")
    private int batch;

    @Option(
            names = "--format",
            description = "${COMPLETION-CANDIDATES} (default: as the ending of --out says, else text).")
    private Optional<Format> format = Optional.empty();

    @Option(names = "--out", paramLabel = "FILE", description = "Write there instead of to the terminal.")
    private Optional<Path> out = Optional.empty();

    @Option(names = "--json", description = "Print one JSON object; the same as --format json.")
    private boolean json;

    private record Found(Path image, List<Prediction> labels) {}

    @Override
    public Integer call() {
        VitrailException.require(top > 0 && batch > 0, "--top %d and --batch %d must be positive", top, batch);
        var written = json ? Format.JSON : format.orElseGet(this::byEnding);
        VitrailException.require(
                written != Format.PARQUET || out.isPresent(),
                "Parquet is no text for a terminal: name a file with --out");
        var files = ImageInputs.files(paths);
        var found = new ArrayList<Found>();
        List<BrokenImage> broken;
        List<String> notes;
        try (var vitrail = new Vitrail(models.load())) {
            notes = vitrail.loaded().notes();
            broken = Inference.run(
                    vitrail,
                    files,
                    decoding.options(),
                    batch,
                    true,
                    (image, logits) -> found.add(new Found(image, vitrail.top(logits, top))));
        }
        ImageInputs.requireSome(found.size(), files);
        if (written == Format.PARQUET) {
            table(found).write(out.orElseThrow());
        } else {
            var pieces = render(written, found, broken, notes);
            out.ifPresentOrElse(file -> TextFile.write(file, pieces), () -> pieces.forEach(System.out::print));
        }
        if (!broken.isEmpty()) {
            System.err.printf("vitrail: %d of %d images could not be read%n", broken.size(), files.size());
        }
        return 0;
    }

    private Format byEnding() {
        var name = out.map(file -> file.toString().toLowerCase(Locale.ROOT)).orElse("");
        return Arrays.stream(Format.values())
                .filter(format -> name.endsWith("." + format.name().toLowerCase(Locale.ROOT)))
                .findFirst()
                .orElse(Format.TEXT);
    }

    /** A row an image and rank, with the columns of the CSV form. */
    private static ParquetTable table(List<Found> found) {
        var images = new ArrayList<String>();
        var ranks = new ArrayList<Integer>();
        var labels = new ArrayList<Prediction>();
        for (var entry : found) {
            for (int i = 0; i < entry.labels.size(); i++) {
                images.add(entry.image.toString());
                ranks.add(i + 1);
                labels.add(entry.labels.get(i));
            }
        }
        return new ParquetTable()
                .strings("image", images)
                .integers("rank", ranks.stream().mapToInt(Integer::intValue).toArray())
                .integers("index", labels.stream().mapToInt(Prediction::index).toArray())
                .strings("label", labels.stream().map(Prediction::label).toList())
                .doubles(
                        "probability",
                        labels.stream().mapToDouble(Prediction::probability).toArray());
    }

    /** The results as pieces of text, one after the other. */
    private static Stream<String> render(
            Format format, List<Found> found, List<BrokenImage> broken, List<String> notes) {
        return switch (format) {
            case TEXT -> found.stream().map(entry -> (entry == found.get(0) ? "" : "\n") + ranking(entry));
            case CSV ->
                Stream.concat(
                        Stream.of("image,rank,index,label,probability\n"),
                        found.stream().map(PredictCommand::rows));
            case JSONL -> found.stream().map(entry -> Json.line(object(entry)) + "\n");
            case JSON ->
                Stream.of(Json.text(Json.object(
                                "predictions",
                                found.stream().map(PredictCommand::object).toList(),
                                "broken",
                                broken.stream().map(BrokenImage::name).toList(),
                                "notes",
                                notes))
                        + "\n");
            case PARQUET -> throw new IllegalArgumentException("Parquet is no text");
        };
    }

    private static String ranking(Found found) {
        int width = found.labels.stream()
                .mapToInt(label -> label.label().length())
                .max()
                .orElse(0);
        return found.image + "\n"
                + found.labels.stream()
                        .map(label -> String.format(
                                Locale.ROOT,
                                "  %5.1f %%  %-" + Math.max(1, width) + "s  %s%n",
                                100 * label.probability(),
                                label.label(),
                                "█".repeat((int) Math.round(30 * label.probability()))))
                        .collect(Collectors.joining());
    }

    private static String rows(Found found) {
        var rows = new StringBuilder();
        for (int i = 0; i < found.labels.size(); i++) {
            var label = found.labels.get(i);
            rows.append(quoted(found.image.toString()))
                    .append(String.format(Locale.ROOT, ",%d,%d,", i + 1, label.index()))
                    .append(quoted(label.label()))
                    .append(String.format(Locale.ROOT, ",%.6f%n", label.probability()));
        }
        return rows.toString();
    }

    /** A cell of a CSV file (RFC 4180). */
    private static String quoted(String text) {
        return text.matches("[^\",\r\n]*") ? text : "\"" + text.replace("\"", "\"\"") + "\"";
    }

    private static Object object(Found found) {
        return Json.object(
                "image",
                found.image.toString(),
                "labels",
                found.labels.stream()
                        .map(label -> Json.object(
                                "index", label.index(), "label", label.label(), "probability", label.probability()))
                        .toList());
    }
}
