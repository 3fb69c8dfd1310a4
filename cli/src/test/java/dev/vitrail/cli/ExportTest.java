package dev.vitrail.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vitrail.loading.LoadOptions;
import dev.vitrail.loading.LoadedModel;
import dev.vitrail.weights.Checkpoint;
import dev.vitrail.weights.ModelFolder;
import dev.vitrail.weights.Safetensors;
import dev.vitrail.weights.torch.TorchFile;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Models written for other runtimes and code bases, and run by ONNX Runtime. */
class ExportTest {
    @TempDir
    @SuppressWarnings("NullAway.Init") // set by JUnit
    Path folder;

    private Path model = Path.of("model");

    @BeforeEach
    void writeAModel() {
        model = Cli.model(folder.resolve("model"), "blue", "red");
    }

    @Test
    void aGraphIsCheckedAgainstTheModel() {
        var ran = Cli.run("export", "--model", model, "--to", folder.resolve("m.onnx"), "--check", "--json");
        assertThat(ran.status()).as(ran.err()).isZero();
        assertThat(ran.out()).contains("\"opset\" : 20", "\"max_difference\"", "\"passed\" : true");
        assertThat(folder.resolve("m.onnx")).exists();
    }

    @Test
    void weightsAreTheSameInBothFormats() {
        var safetensors = folder.resolve("m.safetensors");
        var pth = folder.resolve("m.pth");
        assertThat(Cli.run("export", "--model", model, "--to", safetensors).status())
                .isZero();
        assertThat(Cli.run("export", "--model", model, "--to", pth).status()).isZero();
        var expected = Safetensors.read(safetensors);
        var found = TorchFile.read(pth);
        assertThat(found.names()).containsExactlyInAnyOrderElementsOf(expected.names());
        for (var tensor : expected) {
            assertThat(found.get(tensor.name()).toFloats()).isEqualTo(tensor.toFloats());
        }
    }

    @Test
    void theAccuracyOfEightBitsIsMeasured() {
        var data = Cli.labelled(folder.resolve("data"), 3, "blue", "red");
        var ran = Cli.run("export", "--model", model, "--to", folder.resolve("m.onnx"), "--int8", "--data", data);
        assertThat(ran.status()).as(ran.err()).isZero();
        assertThat(ran.out())
                .containsPattern(
                        "accuracy in eight bits: top-1 \\d+\\.\\d\\d % of 6 images, \\d+\\.\\d\\d % in single");
        var evaluated = Cli.run("evaluate", "--model", model, "--data", data, "--backend", "onnx-int8");
        assertThat(evaluated.status()).as(evaluated.err()).isZero();

        refused("q.onnx", "give labelled images, --data D, on which its accuracy is measured", "--int8");
        refused("q.pth", "--int8 is for ONNX", "--int8", "--data", data);
        refused("q.onnx", "--data is for --int8", "--data", data);
    }

    @Test
    void aFolderForTransformersPredictsTheSame() {
        var vit = folder.resolve("vit");
        try (var loaded = LoadedModel.load("vit_mini_patch4_32", LoadOptions.DEFAULT.withClasses(2))) {
            ModelFolder.write(vit, loaded.description(List.of("blue", "red")), Checkpoint.of(loaded.model()));
        }
        var written = folder.resolve("hf");
        var ran = Cli.run("export", "--model", vit, "--to", written, "--names", "transformers");
        assertThat(ran.status()).as(ran.err()).isZero();
        assertThat(ran.out()).contains("a folder of transformers with", "the names of 2 classes");
        var image = Cli.image(folder.resolve("p.png"), 36, 36, 1);
        assertThat(Cli.run("predict", "--model", written, image).out())
                .isEqualTo(Cli.run("predict", "--model", vit, image).out());
    }

    @Test
    void whatDoesNotGoTogetherIsRefused() {
        refused(
                "m.bin",
                "m.bin ends in none of .onnx, .safetensors, .pth and .pt; for a folder of the transformers library"
                        + " add");
        refused("hf", "the vit of transformers computes something else than this model", "--names", "transformers");
        refused("m.pth", "m.pth holds weights: leave them out", "--check");
        refused("m.onnx", "--names torchvision is for files of weights", "--names", "torchvision");
        refused("m.pth", "torchvision has no place for the parameter fc_norm", "--names", "torchvision");
        refused("m.onnx", "were given to a model of 32×32", "--dynamic-size");
    }

    private void refused(String file, String sentence, Object... options) {
        var arguments = new Object[5 + options.length];
        arguments[0] = "export";
        arguments[1] = "--model";
        arguments[2] = model;
        arguments[3] = "--to";
        arguments[4] = folder.resolve(file);
        System.arraycopy(options, 0, arguments, 5, options.length);
        var ran = Cli.run(arguments);
        assertThat(ran.status()).isEqualTo(2);
        assertThat(ran.err()).contains(sentence);
        assertThat(folder.resolve(file)).doesNotExist();
    }

    @Test
    void predictionsOfBothRuntimesAreTheSame() {
        var image = Cli.image(folder.resolve("p.png"), 40, 200, 1);
        var expected = Cli.run("predict", "--model", model, image);
        for (var backend : new String[] {"onnx", "auto"}) {
            var ran = Cli.run("predict", "--model", model, "--backend", backend, image);
            assertThat(ran.status()).as(ran.err()).isZero();
            assertThat(ran.out()).isEqualTo(expected.out());
        }
    }
}
