package dev.vitrail.onnx;

import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.RandomState;
import dev.vitrail.engine.Tensor;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.loading.LoadedModel;
import dev.vitrail.models.FeatureInfo;
import dev.vitrail.models.LayerGroups;
import dev.vitrail.models.Model;
import dev.vitrail.models.ModelConfig;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;

/**
 * A model whose class scores ONNX Runtime computes. It has the parameters of the model inside, and none
 * of its features.
 */
public final class OnnxModel extends Model {
    /** Forward passes whose median is a measurement, after one that is not counted. */
    private static final int RUNS = 5;

    private final Model model;
    private final OnnxSession session;

    /**
     * Times of a batch, and the difference of the results.
     *
     * @param libtorch milliseconds of a batch
     * @param onnx milliseconds of a batch
     */
    public record Comparison(int batch, double libtorch, double onnx, OnnxCheck.Result check) {
        /** Returns whether ONNX Runtime computes the same, and faster. */
        public boolean prefersOnnx() {
            return check.passed() && onnx < libtorch;
        }
    }

    private OnnxModel(Model model, OnnxSession session) {
        super(model.config());
        this.model = child("", model);
        this.session = session;
        onClose(session::close);
    }

    /**
     * Exports a model for the images of its size, and lets ONNX Runtime run it.
     *
     * @param threads of one forward pass
     * @return a model that holds the other one, and closes it when it is itself closed
     * @throws VitrailException if it cannot be exported, or ONNX Runtime computes something else
     */
    public static LoadedModel of(LoadedModel loaded, int threads) {
        return withGraph(loaded, OnnxExportOptions.DEFAULT, file -> {
            var check = check(loaded, file, threads, 2);
            VitrailException.require(
                    check.passed(),
                    "ONNX Runtime's class scores differ by %.2g from libtorch's, which range over %.2g: use --backend"
                            + " libtorch",
                    check.difference(),
                    check.range());
            return loaded.withModel(new OnnxModel(loaded.model(), OnnxSession.open(file, threads)));
        });
    }

    /**
     * Exports a model whose linear layers compute in eight bits, and lets ONNX Runtime run it. Its class scores differ:
     * measure its accuracy.
     *
     * @param threads of one forward pass
     * @return a model that holds the other one, and closes it when it is itself closed
     */
    public static LoadedModel int8(LoadedModel loaded, int threads) {
        return withGraph(
                loaded,
                OnnxExportOptions.DEFAULT.withInt8(true),
                file -> loaded.withModel(new OnnxModel(loaded.model(), OnnxSession.open(file, threads))));
    }

    /**
     * Measures both on this machine.
     *
     * @param batch images of a batch
     */
    public static Comparison compare(LoadedModel loaded, int threads, int batch) {
        return withGraph(loaded, OnnxExportOptions.DEFAULT, file -> {
            var check = check(loaded, file, threads, batch);
            var input = loaded.preprocessing();
            try (var session = OnnxSession.open(file, threads);
                    var frame = Frame.open();
                    var off = Gradients.off()) {
                RandomState.seed(0);
                var images = Tensor.randn(batch, input.channels(), input.height(), input.width());
                var floats = FloatBuffer.wrap(images.toFloats());
                double libtorch = median(
                        () -> Frame.run(() -> loaded.model().apply(images).toFloats()));
                double onnx = median(() -> session.run(floats, images.shape()));
                return new Comparison(batch, libtorch, onnx, check);
            }
        });
    }

    private static OnnxCheck.Result check(LoadedModel loaded, Path file, int threads, int batch) {
        var input = loaded.preprocessing();
        return OnnxCheck.run(loaded, file, threads, List.of(batch), List.of(List.of(input.height(), input.width())));
    }

    private static double median(Runnable run) {
        run.run();
        var times = IntStream.range(0, RUNS)
                .mapToLong(i -> {
                    long start = System.nanoTime();
                    run.run();
                    return System.nanoTime() - start;
                })
                .sorted()
                .toArray();
        return times[RUNS / 2] / 1e6;
    }

    private interface Use<T> {
        T of(Path file);
    }

    /** Exports to a folder that is gone afterwards; an open session needs it no more. */
    private static <T> T withGraph(LoadedModel loaded, OnnxExportOptions options, Use<T> use) {
        try {
            var folder = Files.createTempDirectory("vitrail-onnx");
            var file = folder.resolve("model.onnx");
            try {
                OnnxExport.write(loaded, file, options);
                return use.of(file);
            } finally {
                for (var written : List.of(file, OnnxExport.dataOf(file), folder)) {
                    Files.deleteIfExists(written);
                }
            }
        } catch (IOException e) {
            throw new VitrailException("cannot keep the graph in the folder for temporary files: " + e.getMessage(), e);
        }
    }

    @Override
    protected Tensor forward(Tensor images) {
        var rows = session.run(FloatBuffer.wrap(images.toFloats()), images.shape());
        int width = rows.get(0).length;
        var values = new float[rows.size() * width];
        for (int i = 0; i < rows.size(); i++) {
            System.arraycopy(rows.get(i), 0, values, i * width, width);
        }
        return Tensor.of(values, rows.size(), width);
    }

    private static VitrailException scoresAlone() {
        return VitrailException.of("ONNX Runtime gives class scores alone: use --backend libtorch for features");
    }

    @Override
    public ModelConfig config() {
        return model.config();
    }

    @Override
    public boolean computesByThread() {
        return false;
    }

    @Override
    protected Tensor features(Tensor images) {
        throw scoresAlone();
    }

    @Override
    protected Tensor pooled(Tensor features) {
        throw scoresAlone();
    }

    @Override
    protected Tensor logits(Tensor pooled) {
        throw scoresAlone();
    }

    @Override
    public List<FeatureInfo> featureInfo() {
        return model.featureInfo();
    }

    @Override
    public int width() {
        return model.width();
    }

    @Override
    public void resetClassifier(int classes) {
        throw scoresAlone();
    }

    @Override
    public List<String> classifiers() {
        return model.classifiers();
    }

    @Override
    public String firstConv() {
        return model.firstConv();
    }

    @Override
    protected LayerGroups layerGroups() {
        throw VitrailException.of("ONNX Runtime trains no models: use --backend libtorch");
    }
}
