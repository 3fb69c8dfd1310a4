package dev.vitrail.cli;

import dev.vitrail.Prediction;
import dev.vitrail.Vitrail;
import dev.vitrail.data.ImageListing;
import dev.vitrail.data.ImageStreamOptions;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.files.AtomicFile;
import dev.vitrail.files.PathNames;
import dev.vitrail.images.decode.ImageDecoder;
import dev.vitrail.inspect.ExplanationOptions;
import dev.vitrail.inspect.Figure;
import dev.vitrail.inspect.InspectionBuilder;
import dev.vitrail.inspect.Inspector;
import dev.vitrail.parquet.ParquetTable;
import dev.vitrail.report.InspectPage;
import java.io.BufferedOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Says what is in images. */
@Command(
        name = "predict",
        description = {"Classifies images and prints the most probable classes."},
        footer = {
            "",
            "Examples:",
            "  vitrail predict --model vit_tiny_patch16_224.augreg_in21k_ft_in1k cat.jpg",
            "  vitrail predict --model runs/shapes photos/ --top 3 --out found.csv",
            "  vitrail predict --model runs/shapes cat.jpg --explain why.html"
        })
final class PredictCommand implements Callable<Integer> {
    /** Output format. */
    enum Format {
        TEXT,
        CSV,
        JSON,
        JSONL,
        PARQUET
    }

    /** Images of a row group. */
    private static final int GROUP = 1 << 14;

    /** Images that --explain shows. */
    private static final int EXPLAINED = 10;

    @Mixin
    private ModelOptions models = new ModelOptions();

    @Mixin
    private DecodingOptions decoding = new DecodingOptions();

    @Mixin
    private ImageInputs inputs = new ImageInputs();

    @Option(
            names = "--top",
            defaultValue = "5",
            description = "Number of classes per image (default ${DEFAULT-VALUE}).")
    private int top;

    @Option(names = "--batch", defaultValue = "16", description = "Batch size (default ${DEFAULT-VALUE}).")
    private int batch;

    @Option(
            names = "--format",
            description = "Output format: ${COMPLETION-CANDIDATES} (default: by the ending of --out, or text).")
    private Optional<Format> format = Optional.empty();

    @Option(names = "--out", paramLabel = "FILE", description = "Output file (default: stdout).")
    private Optional<Path> out = Optional.empty();

    @Option(
            names = "--explain",
            paramLabel = "FILE",
            description =
                    "HTML page on why, for up to 10 images: maps of the cells that decided, with their faithfulness.")
    private Optional<Path> explain = Optional.empty();

    @Mixin
    private BackendOption backend = new BackendOption();

    @Option(names = "--resume", description = "Continue an interrupted run with the same --out.")
    private boolean resume;

    @Option(names = "--json", description = "Print one JSON object; the same as --format json.")
    private boolean json;

    /** The first images that could be read. */
    private final List<Path> first = new ArrayList<>();

    @Override
    public Integer call() {
        VitrailException.require(top > 0 && batch > 0, "--top %d and --batch %d must be positive", top, batch);
        var written = json ? Format.JSON : format.orElseGet(this::byEnding);
        VitrailException.require(
                written != Format.PARQUET || out.isPresent(),
                "Parquet is no text for a terminal: name a file with --out");
        VitrailException.require(
                !resume || out.isPresent(), "--resume needs --out FILE, the file whose work is to go on");
        out.ifPresent(AtomicFile::requireWritable);
        explain.ifPresent(AtomicFile::requireWritable);
        VitrailException.require(
                explain.isEmpty() || backend.isTorch(),
                "--explain needs gradients, which libtorch alone computes: leave out --backend, or --explain");
        VitrailException.require(
                explain.isEmpty() || !resume,
                "--explain shows images as they are classified, and --resume leaves out those that were: leave out one"
                        + " of them");
        try (var files = inputs.listing();
                var vitrail = new Vitrail(backend.applyTo(models.loadClassifier(), batch))) {
            if (out.isPresent()) {
                toFile(vitrail, files, written, out.get());
            } else {
                toStdout(vitrail, files, written);
            }
            if (explain.isPresent() && !first.isEmpty()) {
                explain(vitrail, explain.get());
            }
        }
        return 0;
    }

    /** Explains the first images on a page, without the scores that take longest. */
    private void explain(Vitrail vitrail, Path page) {
        var figures = EnumSet.of(Figure.RELEVANCE, Figure.ROLLOUT, Figure.FAITHFULNESS);
        var inspector = Inspector.of(vitrail.loaded());
        if (inspector.reason(Figure.ROLLOUT).isPresent()) {
            figures.add(Figure.GRAD_CAM);
        }
        var builder = new InspectionBuilder(
                inspector,
                Optional.empty(),
                InspectionBuilder.Request.DEFAULT
                        .withClasses(1)
                        .withExplanations(
                                ExplanationOptions.DEFAULT.withFigures(figures).withOcclusion(false)));
        try (var bar = new ProgressBar()) {
            for (var file : first) {
                builder.explain(PathNames.text(file), ImageDecoder.decode(file, decoding.options()));
                bar.show("explained", builder.explained(), first.size(), "");
            }
        }
        AtomicFile.write(page, InspectPage.shortHtml(builder.build("vitrail predict --explain")));
        System.err.printf("vitrail: %s explains %d images%n", PathNames.text(page), builder.explained());
    }

    /** Keeps the first images that could be read, for --explain. */
    private void keep(List<Outcome> outcomes) {
        outcomes.stream()
                .filter(outcome -> explain.isPresent() && outcome.fault().isEmpty())
                .limit(EXPLAINED - first.size())
                .forEach(outcome -> first.add(outcome.file()));
    }

    private ImageStreamOptions options() {
        return new ImageStreamOptions(batch, decoding.options(), inputs.single());
    }

    private Format byEnding() {
        var name = out.map(file -> file.toString().toLowerCase(Locale.ROOT)).orElse("");
        return Arrays.stream(Format.values())
                .filter(format -> name.endsWith("." + format.name().toLowerCase(Locale.ROOT)))
                .findFirst()
                .orElse(Format.TEXT);
    }

    /** Batch by batch, whole lines at once. */
    private void toStdout(Vitrail vitrail, ImageListing files, Format written) {
        var bytes = new ByteArrayOutputStream();
        var text = PredictionText.of(written, bytes);
        var broken = new ArrayList<String>();
        var job = new ImageJob(0, 0, "");
        job.run(
                vitrail,
                files,
                options(),
                true,
                false,
                outcomes -> {
                    keep(outcomes);
                    for (var outcome : outcomes) {
                        var image = PathNames.text(outcome.file());
                        if (outcome.fault().isEmpty()) {
                            text.add(image, vitrail.top(outcome.result(), top));
                        } else if (written == Format.JSON) {
                            broken.add(image);
                        }
                    }
                    flush(bytes);
                },
                () -> {
                    if (job.read() > 0) {
                        text.end(broken, vitrail.loaded().notes(), !job.stopped());
                        flush(bytes);
                    }
                });
        if (!job.stopped()) {
            ImageInputs.requireSome(job.read(), job.broken());
        }
        job.tellBroken();
    }

    private static void flush(ByteArrayOutputStream bytes) {
        StandardStreams.write(bytes.toByteArray(), bytes.size());
        bytes.reset();
    }

    /** The file comes as a whole or not at all; until then, results are kept beside it. */
    private void toFile(Vitrail vitrail, ImageListing files, Format written, Path file) {
        var made = Fingerprint.of("predict", vitrail.loaded(), decoding);
        made.put("top", top);
        try (var results = PartialResults.open(file, made, resume, files)) {
            var job = new ImageJob(results.read(), results.broken(), PartialResults.ADVICE);
            results.during(() -> job.run(
                    vitrail,
                    files,
                    options(),
                    true,
                    true,
                    outcomes -> {
                        keep(outcomes);
                        results.add(outcomes, logits -> bytes(vitrail.top(logits, top)));
                    },
                    () -> {
                        if (!job.stopped()) {
                            ImageInputs.requireSome(results.read(), results.broken());
                            write(results, vitrail.loaded().notes(), written, file);
                            results.remove();
                        }
                    }));
            job.tellBroken();
        }
    }

    private static void write(PartialResults results, List<String> notes, Format written, Path file) {
        if (written == Format.PARQUET) {
            ParquetTable.write(file, results.groups(GROUP, PredictCommand::table));
            return;
        }
        var broken = new ArrayList<String>();
        AtomicFile.write(file, channel -> {
            var buffered = new BufferedOutputStream(Channels.newOutputStream(channel), 1 << 16);
            var text = PredictionText.of(written, buffered);
            try {
                results.forEach(entry -> {
                    if (entry.result().isPresent()) {
                        text.add(entry.image(), predictions(entry.result().get()));
                    } else if (written == Format.JSON) {
                        broken.add(entry.image());
                    }
                });
                text.end(broken, notes, true);
            } catch (UncheckedIOException e) {
                throw e.getCause();
            }
            buffered.flush();
        });
    }

    /** A row an image and rank, with the columns of the CSV form. */
    private static ParquetTable table(List<PartialResults.Entry> entries) {
        var images = new ArrayList<String>();
        var ranks = new ArrayList<Integer>();
        var labels = new ArrayList<Prediction>();
        for (var entry : entries) {
            var found = predictions(entry.result().orElseThrow());
            for (int i = 0; i < found.size(); i++) {
                images.add(entry.image());
                ranks.add(i + 1);
                labels.add(found.get(i));
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

    // ----------------------------------------------------------------------- as partial results keep them

    private static byte[] bytes(List<Prediction> predictions) {
        var names = predictions.stream()
                .map(prediction -> prediction.label().getBytes(StandardCharsets.UTF_8))
                .toList();
        int each = 2 * Integer.BYTES + Double.BYTES;
        var bytes = ByteBuffer.allocate(each * names.size()
                + names.stream().mapToInt(name -> name.length).sum());
        for (int i = 0; i < names.size(); i++) {
            var prediction = predictions.get(i);
            bytes.putInt(prediction.index()).putDouble(prediction.probability());
            bytes.putInt(names.get(i).length).put(names.get(i));
        }
        return bytes.array();
    }

    private static List<Prediction> predictions(byte[] bytes) {
        var predictions = new ArrayList<Prediction>();
        for (var data = ByteBuffer.wrap(bytes); data.hasRemaining(); ) {
            int index = data.getInt();
            double probability = data.getDouble();
            var name = new byte[data.getInt()];
            data.get(name);
            predictions.add(new Prediction(index, new String(name, StandardCharsets.UTF_8), probability));
        }
        return predictions;
    }
}
