package dev.vitrail.cli;

import dev.vitrail.LoadedModel;
import dev.vitrail.VitrailException;
import dev.vitrail.engine.Threads;
import dev.vitrail.files.AtomicFile;
import dev.vitrail.files.PathNames;
import dev.vitrail.onnx.OnnxCheck;
import dev.vitrail.onnx.OnnxExport;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Writes a model for other runtimes. */
@Command(
        name = "export",
        description = {
            "Exports a model to ONNX.",
            "",
            "The graph takes batches of any size. Its metadata name the classes and tell how images are prepared."
        },
        footer = {"", "Example:", "  vitrail export --model runs/shapes --to shapes.onnx --check"})
final class ExportCommand implements Callable<Integer> {
    private static final List<Integer> CHECKED_BATCHES = List.of(1, 3, 8);

    @Mixin
    private ModelOptions models = new ModelOptions();

    @Option(names = "--to", required = true, paramLabel = "FILE", description = "Output file: .onnx.")
    private Path to = Path.of("model.onnx");

    @Option(names = "--dynamic-size", description = "Accept images of any height and width, where the model does.")
    private boolean dynamicSize;

    @Option(
            names = "--uint8-input",
            description = "Take uint8 images [B, H, W, C], and normalize them (mean, std) inside the graph.")
    private boolean levels;

    @Option(
            names = "--check",
            description = "Run the graph in ONNX Runtime and print the largest difference of its outputs.")
    private boolean check;

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    @Override
    public Integer call() {
        VitrailException.require(
                to.toString().toLowerCase(Locale.ROOT).endsWith(".onnx"), "%s does not end in .onnx", to);
        AtomicFile.requireWritable(to);
        try (var loaded = models.load()) {
            var options =
                    OnnxExport.Options.DEFAULT.withDynamicSize(dynamicSize).withUint8Input(levels);
            var written = OnnxExport.write(loaded, to, options);
            var checked = check ? Optional.of(check(loaded, written)) : Optional.<OnnxCheck.Result>empty();
            report(loaded, written, checked);
            return checked.map(OnnxCheck.Result::passed).orElse(true) ? 0 : 1;
        }
    }

    private OnnxCheck.Result check(LoadedModel loaded, OnnxExport.Written written) {
        var sizes = new ArrayList<List<Integer>>();
        sizes.add(
                List.of(loaded.preprocessing().height(), loaded.preprocessing().width()));
        written.otherSize().ifPresent(sizes::add);
        return OnnxCheck.run(loaded, written.file(), Threads.count(), CHECKED_BATCHES, sizes);
    }

    private void report(LoadedModel loaded, OnnxExport.Written written, Optional<OnnxCheck.Result> checked) {
        var file = PathNames.text(written.file());
        if (json) {
            var object = Json.object(
                    "file", file,
                    "format", "onnx",
                    "opset", OnnxExport.OPSET,
                    "nodes", written.nodes(),
                    "parameter_bytes", written.parameters(),
                    "external_data", written.external(),
                    "notes", loaded.notes());
            checked.ifPresent(result -> {
                object.put("max_difference", result.difference());
                object.put("output_range", result.range());
                object.put("passed", result.passed());
            });
            Json.print(object);
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
        checked.ifPresent(result -> System.out.printf(
                Locale.ROOT,
                "ONNX Runtime: largest difference %.2g of outputs that range over %.2f (%.1g of it; the limit is %.0g), batches of %s%n",
                result.difference(),
                result.range(),
                result.difference() / result.range(),
                OnnxCheck.TOLERANCE,
                CHECKED_BATCHES));
    }
}
