package dev.vitrail.cli;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.data.Dataset;
import dev.vitrail.data.LoaderOptions;
import dev.vitrail.engine.Threads;
import dev.vitrail.eval.Evaluation;
import dev.vitrail.files.AtomicFile;
import dev.vitrail.files.PathNames;
import dev.vitrail.loading.LoadedModel;
import dev.vitrail.models.ExportNames.CodeBase;
import dev.vitrail.onnx.OnnxCheck;
import dev.vitrail.onnx.OnnxExport;
import dev.vitrail.onnx.OnnxExportOptions;
import dev.vitrail.onnx.OnnxModel;
import dev.vitrail.weights.Safetensors;
import dev.vitrail.weights.StoredTensor;
import dev.vitrail.weights.TransformersExport;
import dev.vitrail.weights.WeightsExport;
import dev.vitrail.weights.torch.TorchWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Writes a model for other runtimes and other code bases. */
@Command(
        name = "export",
        description = {
            "Exports a model to ONNX, its weights to a file, or both to a folder of transformers.",
            "",
            "An ONNX graph takes batches of any size. Its metadata name the classes and tell how images are prepared."
                    + " Weights have timm's names, or those of another code base. A folder is one that"
                    + " from_pretrained() of the transformers library loads."
        },
        footer = {
            "",
            "Examples:",
            "  vitrail export --model runs/shapes --to shapes.onnx --check",
            "  vitrail export --model runs/flowers --to flowers.pth --names torchvision",
            "  vitrail export --model runs/flowers --to flowers --names transformers"
        })
final class ExportCommand implements Callable<Integer> {
    /** Parameter names that weights are written with, by their code base. */
    enum Names {
        TIMM,
        ORIGINAL,
        TRANSFORMERS,
        TORCHVISION;

        Optional<CodeBase> codeBase() {
            return this == TIMM ? Optional.empty() : Optional.of(CodeBase.valueOf(name()));
        }

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    private enum Format {
        ONNX,
        SAFETENSORS,
        PTH,
        /** A folder of the transformers library. */
        FOLDER
    }

    /** Images of a batch where accuracy is measured. */
    private static final int BATCH = 32;

    private static final List<Integer> CHECKED_BATCHES = List.of(1, 3, 8);

    @Mixin
    private ModelOptions models = new ModelOptions();

    @Option(
            names = "--to",
            required = true,
            paramLabel = "PATH",
            description = "Output: .onnx, .safetensors, .pth (or .pt), or a folder (transformers).")
    private Path to = Path.of("model.onnx");

    @Option(names = "--dynamic-size", description = "ONNX: accept images of any height and width the model accepts.")
    private boolean dynamicSize;

    @Option(
            names = "--uint8-input",
            description = "ONNX: take uint8 images [B, H, W, C], and normalize them (mean, std) inside the graph.")
    private boolean levels;

    @Option(
            names = "--int8",
            description = "ONNX: compute linear layers in eight bits; accuracy is measured on --data before and after.")
    private boolean int8;

    @Mixin
    private EvaluationData data = new EvaluationData();

    @Option(
            names = "--check",
            description = "ONNX: run the graph in ONNX Runtime and print the largest difference of its outputs.")
    private boolean check;

    @Option(
            names = "--names",
            defaultValue = "timm",
            paramLabel = "NAMES",
            description = "Weights: parameter names of timm, original, transformers or torchvision (default timm).")
    private Names names = Names.TIMM;

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    @Override
    public Integer call() {
        var format = format();
        require(
                format == Format.ONNX || !(dynamicSize || levels || check),
                "--dynamic-size, --uint8-input and --check are for ONNX, and %s holds weights: leave them out",
                to);
        require(
                format != Format.ONNX || names == Names.TIMM,
                "--names %s is for files of weights, and %s holds a graph: leave it out",
                names,
                to);
        require(
                format == Format.ONNX || !int8,
                "--int8 is for ONNX, and %s holds weights: leave it out, or export to a file .onnx",
                to);
        require(
                int8 == data.given(),
                int8
                        ? "--int8 changes what the model answers: give labelled images, --data D, on which its accuracy"
                                + " is measured"
                        : "--data is for --int8, whose accuracy is measured on it: leave it out");
        require(
                !(int8 && check),
                "--check compares numbers, and those of --int8 are less exact: leave it out, accuracy is measured on"
                        + " --data");
        AtomicFile.requireWritable(format == Format.FOLDER ? to.resolve("config.json") : to);
        try (var loaded = models.load()) {
            if (format == Format.ONNX) {
                return graph(loaded);
            }
            weights(loaded, format);
            return 0;
        }
    }

    private Format format() {
        var name = to.toString().toLowerCase(Locale.ROOT);
        if (name.endsWith(".onnx")) {
            return Format.ONNX;
        }
        if (name.endsWith(".safetensors")) {
            return Format.SAFETENSORS;
        }
        if (name.endsWith(".pth") || name.endsWith(".pt")) {
            return Format.PTH;
        }
        require(
                names == Names.TRANSFORMERS,
                "%s ends in none of .onnx, .safetensors, .pth and .pt; for a folder of the transformers library add"
                        + " --names transformers",
                to);
        return Format.FOLDER;
    }

    private void weights(LoadedModel loaded, Format format) {
        if (format == Format.FOLDER) {
            folder(loaded);
            return;
        }
        var tensors = WeightsExport.of(loaded.variant().family(), loaded.model(), names.codeBase());
        if (format == Format.SAFETENSORS) {
            Safetensors.write(to, tensors, Map.of("format", "pt")); // as transformers asks for
        } else {
            TorchWriter.write(to, tensors);
        }
        long bytes = tensors.stream()
                .map(StoredTensor::bytes)
                .mapToLong(content -> content.remaining())
                .sum();
        if (json) {
            JsonOutput.print(new WeightsResult(
                    PathNames.text(to),
                    format.name().toLowerCase(Locale.ROOT),
                    names.toString(),
                    tensors.size(),
                    bytes,
                    loaded.notes()));
        } else {
            System.out.printf(
                    Locale.ROOT,
                    "%s: %d tensors with the names of %s, %.1f MB%n",
                    PathNames.text(to),
                    tensors.size(),
                    names,
                    bytes / 1e6);
        }
    }

    private void folder(LoadedModel loaded) {
        int tensors = TransformersExport.write(
                to, loaded.variant().family(), loaded.model(), loaded.preprocessing(), loaded.labels());
        if (json) {
            JsonOutput.print(new FolderResult(PathNames.text(to), "transformers", tensors, loaded.notes()));
        } else {
            System.out.printf(
                    "%s: a folder of transformers with %d tensors and the names of %d classes%n",
                    PathNames.text(to), tensors, loaded.labels().size());
        }
    }

    private int graph(LoadedModel loaded) {
        var options = OnnxExportOptions.DEFAULT
                .withDynamicSize(dynamicSize)
                .withUint8Input(levels)
                .withInt8(int8);
        var set = int8 ? Optional.of(labelled(loaded)) : Optional.<Dataset>empty();
        var written = OnnxExport.write(loaded, to, options);
        var checked = check ? Optional.of(check(loaded, written)) : Optional.<OnnxCheck.Result>empty();
        report(loaded, written, checked, set.map(images -> measured(loaded, images)));
        return checked.map(OnnxCheck.Result::passed).orElse(true) ? 0 : 1;
    }

    /** Top-1 before and after quantization, of the same images. */
    private record Accuracy(long images, double exact, double int8) {
        String sentence() {
            return "accuracy in eight bits: top-1 %.2f %% of %d images, %.2f %% in single precision"
                    .formatted(100 * int8, images, 100 * exact);
        }
    }

    private Dataset labelled(LoadedModel loaded) {
        loaded.requireClassifier();
        return EvaluationData.matched(data.open(), loaded, models.classNames());
    }

    /** Measures both, and closes the model. */
    private static Accuracy measured(LoadedModel loaded, Dataset set) {
        var exact = evaluated(loaded, set);
        try (var quantized = OnnxModel.int8(loaded, Threads.count())) {
            return new Accuracy(
                    exact.images(), exact.top1(), evaluated(quantized, set).top1());
        }
    }

    private static Evaluation evaluated(LoadedModel model, Dataset set) {
        try (var run = new EvaluationRun(model, set, LoaderOptions.evaluation(Math.min(BATCH, set.size())))) {
            return run.evaluate();
        }
    }

    private OnnxCheck.Result check(LoadedModel loaded, OnnxExport.Written written) {
        var sizes = new ArrayList<List<Integer>>();
        sizes.add(
                List.of(loaded.preprocessing().height(), loaded.preprocessing().width()));
        written.otherSize().ifPresent(sizes::add);
        return OnnxCheck.run(loaded, written.file(), Threads.count(), CHECKED_BATCHES, sizes);
    }

    private void report(
            LoadedModel loaded,
            OnnxExport.Written written,
            Optional<OnnxCheck.Result> checked,
            Optional<Accuracy> accuracy) {
        var file = PathNames.text(written.file());
        if (json) {
            JsonOutput.print(new GraphResult(
                    file,
                    "onnx",
                    OnnxExport.OPSET,
                    written.nodes(),
                    written.parameters(),
                    written.external(),
                    loaded.notes(),
                    checked.map(OnnxCheck.Result::difference),
                    checked.map(OnnxCheck.Result::range),
                    checked.map(OnnxCheck.Result::passed),
                    accuracy.map(Accuracy::images),
                    accuracy.map(measured -> 100 * measured.exact()),
                    accuracy.map(measured -> 100 * measured.int8())));
            return;
        }
        System.out.printf(
                Locale.ROOT,
                "%s: ONNX opset %d, %d nodes, %.1f MB of parameters%s%n",
                file,
                OnnxExport.OPSET,
                written.nodes(),
                written.parameters() / 1e6,
                written.external() ? " in " + file + ".data" : "");
        accuracy.ifPresent(measured -> System.out.println(measured.sentence()));
        checked.ifPresent(result -> System.out.printf(
                Locale.ROOT,
                "ONNX Runtime: largest difference %.2g of outputs that range over %.2f (%.1g of it; the limit is %.0g),"
                        + " batches of %s%n",
                result.difference(),
                result.range(),
                result.difference() / result.range(),
                OnnxCheck.TOLERANCE,
                CHECKED_BATCHES));
    }

    /** Output of {@code --json} of a weights file. */
    private record WeightsResult(
            String file, String format, String names, int tensors, long parameterBytes, List<String> notes) {}

    /** Output of {@code --json} of a folder. */
    private record FolderResult(String folder, String format, int tensors, List<String> notes) {}

    /**
     * Output of {@code --json} of a graph; some with {@code --check} or {@code --int8} alone. Accuracy is
     * in per cent.
     */
    private record GraphResult(
            String file,
            String format,
            int opset,
            int nodes,
            long parameterBytes,
            boolean externalData,
            List<String> notes,
            Optional<Double> maxDifference,
            Optional<Double> outputRange,
            Optional<Boolean> passed,
            Optional<Long> images,
            Optional<Double> top1,
            Optional<Double> top1Int8) {}
}
