package dev.vitrail.cli;

import dev.vitrail.Vitrail;
import dev.vitrail.data.ImageStreamOptions;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.files.AtomicFile;
import dev.vitrail.files.PathNames;
import dev.vitrail.loading.LoadedModel;
import dev.vitrail.parquet.ParquetTable;
import dev.vitrail.weights.NpyFile;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Writes the vectors before the classifier. */
@Command(
        name = "embed",
        description = {
            "Writes embeddings: the pooled features before the classifier.",
            ".npy: one float32 matrix, a row per image, with file names in a .txt file beside it. .jsonl: one line per"
                    + " image. .parquet: columns image and embedding."
        },
        footer = {"", "Example:", "  vitrail embed --model runs/shapes photos/ --out photos.npy"})
final class EmbedCommand implements Callable<Integer> {
    /** Images of a row group. */
    private static final int GROUP = 1 << 14;

    @Mixin
    private ModelOptions models = new ModelOptions();

    @Mixin
    private DecodingOptions decoding = new DecodingOptions();

    @Mixin
    private ImageInputs inputs = new ImageInputs();

    @Option(
            names = "--out",
            required = true,
            paramLabel = "FILE",
            description = "Output file: .npy, .jsonl or .parquet.")
    private Path out = Path.of("embeddings.npy");

    @Option(names = "--batch", defaultValue = "16", description = "Batch size (default ${DEFAULT-VALUE}).")
    private int batch;

    @Option(names = "--resume", description = "Continue an interrupted run with the same --out.")
    private boolean resume;

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    @Override
    public Integer call() {
        var name = out.toString().toLowerCase(Locale.ROOT);
        VitrailException.require(
                name.endsWith(".npy") || name.endsWith(".jsonl") || name.endsWith(".parquet"),
                "%s ends in none of .npy, .jsonl and .parquet",
                out);
        VitrailException.require(batch > 0, "--batch %d must be positive", batch);
        AtomicFile.requireWritable(out);
        try (var files = inputs.listing();
                var vitrail = new Vitrail(models.load());
                var results =
                        PartialResults.open(out, Fingerprint.of("embed", vitrail.loaded(), decoding), resume, files)) {
            var job = new ImageJob(results.read(), results.broken(), PartialResults.ADVICE);
            results.during(() -> job.run(
                    vitrail,
                    files,
                    new ImageStreamOptions(batch, decoding.options(), inputs.single()),
                    false,
                    true,
                    outcomes -> results.add(outcomes, EmbedCommand::bytes),
                    () -> {
                        if (!job.stopped()) {
                            ImageInputs.requireSome(results.read(), results.broken());
                            write(results, name);
                            results.remove();
                        }
                    }));
            if (!job.stopped()) {
                report(job, vitrail.loaded());
            }
        }
        return 0;
    }

    private void report(ImageJob job, LoadedModel loaded) {
        int width = loaded.model().width();
        if (json) {
            JsonOutput.print(new Result(job.read(), width, job.broken(), PathNames.text(out), loaded.notes()));
        } else {
            System.out.printf(
                    Locale.ROOT,
                    "%d %s of %d channels in %s%n",
                    job.read(),
                    job.read() == 1 ? "vector" : "vectors",
                    width,
                    PathNames.text(out));
        }
    }

    private void write(PartialResults results, String name) {
        if (name.endsWith(".parquet")) {
            ParquetTable.write(out, results.groups(GROUP, entries -> new ParquetTable()
                    .strings(
                            "image",
                            entries.stream().map(PartialResults.Entry::image).toList())
                    .vectors(
                            "embedding",
                            entries.stream().map(EmbedCommand::vector).toList())));
        } else if (name.endsWith(".npy")) {
            write(out, results, true, (entry, file) -> file.write(entry.result().orElseThrow()));
            write(
                    out.resolveSibling(out.getFileName() + ".txt"),
                    results,
                    false,
                    (entry, file) -> file.write((entry.image() + "\n").getBytes(StandardCharsets.UTF_8)));
        } else {
            write(
                    out,
                    results,
                    false,
                    (entry, file) -> file.write((JsonOutput.line(new Row(entry.image(), vector(entry))) + "\n")
                            .getBytes(StandardCharsets.UTF_8)));
        }
    }

    /** Record of an image in the output. */
    private interface RowWriter {
        void write(PartialResults.Entry entry, OutputStream file) throws IOException;
    }

    private static void write(Path file, PartialResults results, boolean matrix, RowWriter row) {
        AtomicFile.write(file, channel -> {
            var buffered = new BufferedOutputStream(Channels.newOutputStream(channel), 1 << 16);
            var begun = new boolean[1];
            try {
                results.forEach(entry -> {
                    if (entry.result().isPresent()) {
                        try {
                            if (matrix && !begun[0]) {
                                buffered.write(NpyFile.header(
                                        results.read(), entry.result().get().length / Float.BYTES));
                                begun[0] = true;
                            }
                            row.write(entry, buffered);
                        } catch (IOException e) {
                            throw new UncheckedIOException(e);
                        }
                    }
                });
            } catch (UncheckedIOException e) {
                throw e.getCause();
            }
            buffered.flush();
        });
    }

    /** A vector as a .npy file has it, and partial results too: little-endian floats. */
    private static byte[] bytes(float[] vector) {
        var bytes = ByteBuffer.allocate(Math.multiplyExact(Float.BYTES, vector.length))
                .order(ByteOrder.LITTLE_ENDIAN);
        bytes.asFloatBuffer().put(vector);
        return bytes.array();
    }

    private static float[] vector(PartialResults.Entry entry) {
        var bytes = entry.result().orElseThrow();
        var vector = new float[bytes.length / Float.BYTES];
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(vector);
        return vector;
    }

    /** Output of {@code --json}. */
    private record Result(long count, int width, long broken, String file, List<String> notes) {}

    /** A line of a JSON Lines file. */
    @SuppressWarnings("ArrayRecordComponent") // it is only printed
    private record Row(String image, float[] vector) {}
}
