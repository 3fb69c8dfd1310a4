package dev.vitrail.cli;

import dev.vitrail.data.ClassNames;
import dev.vitrail.engine.Device;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.loading.LoadedModel;
import dev.vitrail.models.zoo.Pretrained;
import java.nio.file.Path;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Options that name the model. */
final class ModelOptions {
    private static final Logger LOG = LoggerFactory.getLogger(ModelOptions.class);

    @Option(
            names = "--model",
            required = true,
            paramLabel = "M",
            description = "Model: a folder (timm, transformers or a run), a weights file with --arch, a published name"
                    + " (vit_tiny_patch16_224.augreg_in21k_ft_in1k) or hf-hub:org/name.")
    private String name = "";

    @Option(
            names = "--arch",
            paramLabel = "NAME",
            description = "Architecture of a weights file without config.json (see 'vitrail models').")
    private Optional<String> architecture = Optional.empty();

    @Option(names = "--ema", description = "Load the EMA weights of a PyTorch checkpoint (state_dict_ema, model_ema).")
    private boolean ema;

    @Mixin
    private InputOptions input = new InputOptions();

    @Mixin
    private PreparationOptions preparation = new PreparationOptions();

    @Option(
            names = "--classes",
            paramLabel = "FILE",
            description = "Class names: one per line, or CSV with name and optionally index and synset.")
    private Optional<Path> classes = Optional.empty();

    /** The name that was given. */
    String name() {
        return name;
    }

    /** The model, with trained weights. */
    LoadedModel load() {
        var loaded = LoadedModel.load(
                name, input.loading().withArchitecture(architecture).withEma(ema));
        VitrailException.require(
                loaded.pretrained(),
                "'%s' is an architecture without trained weights: name a folder, a weights file, or published weights"
                        + " such as %s",
                name,
                example());
        var prepared = preparation.applyTo(named(loaded));
        prepared.notes().forEach(note -> LOG.info("{}", note));
        return prepared;
    }

    private LoadedModel named(LoadedModel loaded) {
        try {
            return classNames().map(given -> loaded.withLabels(given.names())).orElse(loaded);
        } catch (VitrailException e) {
            loaded.close();
            throw e;
        }
    }

    /** Loads a classifier: a model without a classifier is refused before any image is read. */
    LoadedModel loadClassifier() {
        var loaded = load();
        try {
            loaded.requireClassifier();
            return loaded;
        } catch (VitrailException e) {
            loaded.close();
            throw e;
        }
    }

    /** The device that the model runs on. */
    Device device() {
        return input.device();
    }

    /** The names that {@code --classes} gives, and the other names that they go by. */
    Optional<ClassNames> classNames() {
        return classes.map(ClassNames::read);
    }

    private String example() {
        return Pretrained.of(name).stream()
                .findFirst()
                .map(Pretrained::name)
                .orElse("vit_tiny_patch16_224.augreg_in21k_ft_in1k");
    }
}
