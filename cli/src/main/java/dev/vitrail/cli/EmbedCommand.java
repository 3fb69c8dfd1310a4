package dev.vitrail.cli;

import dev.vitrail.Vitrail;
import dev.vitrail.VitrailException;
import dev.vitrail.files.AtomicFile;
import dev.vitrail.parquet.ParquetTable;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Writes the vectors before the classifier. */
@Command(
        name = "embed",
        description = {
            "Writes the vectors that a model makes of images, before its classifier.",
            "A .npy file holds them as one float32 matrix, a row an image, with the files' names in a .txt beside it; a"
                    + " .jsonl file holds a line an image, a .parquet file a row with columns image and embedding."
        },
        footer = {"", "Example: vitrail embed --model runs/shapes photos/ --out photos.npy"})
final class EmbedCommand implements Callable<Integer> {
    @Mixin
    private ModelOptions models = new ModelOptions();

    @Mixin
    private DecodingOptions decoding = new DecodingOptions();

    @Parameters(arity = "1..*", paramLabel = "IMAGE", description = "Image files, or folders of them.")
    private List<Path> paths = List.of();

    @Option(
            names = "--out",
            required = true,
            paramLabel = "FILE",
            description = "A file ending in .npy, .jsonl or .parquet.")
    private Path out = Path.of("embeddings.npy");

    @Option(names = "--batch", defaultValue = "16", description = "Images run together (default ${DEFAULT-VALUE}).")
    private int batch;

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    @Override
    public Integer call() {
        var name = out.toString().toLowerCase(Locale.ROOT);
        VitrailException.require(
                name.endsWith(".npy") || name.endsWith(".jsonl") || name.endsWith(".parquet"),
                "%s ends in none of .npy, .jsonl and .parquet",
                out);
        var files = ImageInputs.files(paths);
        var images = new ArrayList<Path>();
        var vectors = new ArrayList<float[]>();
        int broken;
        try (var vitrail = new Vitrail(models.load())) {
            broken = Inference.run(vitrail, files, decoding.options(), batch, false, (image, vector) -> {
                        images.add(image);
                        vectors.add(vector);
                    })
                    .size();
        }
        ImageInputs.requireSome(images.size(), files);
        int width = vectors.get(0).length;
        if (name.endsWith(".parquet")) {
            new ParquetTable()
                    .strings("image", images.stream().map(Path::toString).toList())
                    .vectors("embedding", vectors)
                    .write(out);
        } else if (name.endsWith(".npy")) {
            AtomicFile.write(out, channel -> npy(vectors, width, Channels.newOutputStream(channel)));
            TextFile.write(
                    Optional.ofNullable(out.getParent()).orElse(Path.of("")).resolve(out.getFileName() + ".txt"),
                    images.stream().map(image -> image + "\n"));
        } else {
            TextFile.write(out, IntStream.range(0, images.size()).mapToObj(i -> line(images.get(i), vectors.get(i))));
        }
        if (json) {
            System.out.println(Json.text(
                    Json.object("count", images.size(), "width", width, "broken", broken, "file", out.toString())));
        } else {
            System.out.printf(Locale.ROOT, "%d vectors of %d channels in %s%n", images.size(), width, out);
        }
        return 0;
    }

    /** NumPy's format, version 1.0. */
    private static void npy(List<float[]> vectors, int width, OutputStream out) throws IOException {
        var header = new StringBuilder(
                "{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }".formatted(vectors.size(), width));
        // Magic, version and length take ten bytes; all before the numbers is a multiple of 64, and ends in a new line.
        while ((10 + header.length() + 1) % 64 != 0) {
            header.append(' ');
        }
        header.append('\n');
        var bytes = ByteBuffer.allocate(10 + header.length()).order(ByteOrder.LITTLE_ENDIAN);
        bytes.put((byte) 0x93)
                .put("NUMPY".getBytes(StandardCharsets.US_ASCII))
                .put((byte) 1)
                .put((byte) 0);
        bytes.putShort((short) header.length());
        bytes.put(header.toString().getBytes(StandardCharsets.US_ASCII));
        out.write(bytes.array());
        var row = ByteBuffer.allocate(Math.multiplyExact(Float.BYTES, width)).order(ByteOrder.LITTLE_ENDIAN);
        for (var vector : vectors) {
            row.asFloatBuffer().put(vector);
            out.write(row.array());
        }
    }

    private static String line(Path image, float[] vector) {
        return Json.line(Json.object("image", image.toString(), "vector", vector)) + "\n";
    }
}
