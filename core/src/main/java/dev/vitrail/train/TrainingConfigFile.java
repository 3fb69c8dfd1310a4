package dev.vitrail.train;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLGenerator;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import dev.vitrail.Names;
import dev.vitrail.VitrailException;
import dev.vitrail.files.AtomicFile;
import dev.vitrail.train.TrainingConfig.CropKind;
import dev.vitrail.train.TrainingConfig.LossKind;
import dev.vitrail.train.TrainingConfig.OptimizerKind;
import dev.vitrail.train.TrainingConfig.Options;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.function.Function;

/** A {@link TrainingConfig} as YAML: one key an option, a key left out or null meaning none. */
public final class TrainingConfigFile {
    private static final YAMLMapper YAML = YAMLMapper.builder()
            .disable(YAMLGenerator.Feature.WRITE_DOC_START_MARKER)
            .enable(YAMLGenerator.Feature.MINIMIZE_QUOTES)
            .build();

    /** Reads one option from its node. */
    private interface Reader {
        void read(Options options, JsonNode node);
    }

    /**
     * An option.
     *
     * @param expected what its value must be, in words
     * @param fits whether a node is such a value
     * @param value the option as YAML has it; null for none
     */
    private record Key(
            String name,
            String expected,
            Function<JsonNode, Boolean> fits,
            Function<TrainingConfig, JsonNode> value,
            Reader reader) {}

    private static final List<Key> KEYS = List.of(
            text("model", TrainingConfig::model, (o, v) -> o.model = v.asText()),
            text("data", TrainingConfig::data, (o, v) -> o.data = v.asText()),
            optional(
                    whole(
                            "image_size",
                            c -> c.imageSize().orElse(0),
                            (o, v) -> o.imageSize = OptionalInt.of(v.asInt())),
                    c -> c.imageSize().isPresent(),
                    o -> o.imageSize = OptionalInt.empty()),
            whole("epochs", TrainingConfig::epochs, (o, v) -> o.epochs = v.asInt()),
            whole("batch_size", TrainingConfig::batchSize, (o, v) -> o.batchSize = v.asInt()),
            new Key(
                    "seed",
                    "a whole number",
                    JsonNode::isIntegralNumber,
                    c -> YAML.getNodeFactory().numberNode(c.seed()),
                    (o, v) -> o.seed = v.asLong()),
            choice(
                    "optimizer",
                    OptimizerKind.values(),
                    TrainingConfig::optimizer,
                    (o, v) -> o.optimizer = OptimizerKind.valueOf(constant(v))),
            number("learning_rate", TrainingConfig::learningRate, (o, v) -> o.learningRate = v.asDouble()),
            number("weight_decay", TrainingConfig::weightDecay, (o, v) -> o.weightDecay = v.asDouble()),
            number("beta1", TrainingConfig::beta1, (o, v) -> o.beta1 = v.asDouble()),
            number("beta2", TrainingConfig::beta2, (o, v) -> o.beta2 = v.asDouble()),
            number("eps", TrainingConfig::eps, (o, v) -> o.eps = v.asDouble()),
            number("momentum", TrainingConfig::momentum, (o, v) -> o.momentum = v.asDouble()),
            flag("nesterov", TrainingConfig::nesterov, (o, v) -> o.nesterov = v.asBoolean()),
            number("warmup_epochs", TrainingConfig::warmupEpochs, (o, v) -> o.warmupEpochs = v.asDouble()),
            number(
                    "warmup_learning_rate",
                    TrainingConfig::warmupLearningRate,
                    (o, v) -> o.warmupLearningRate = v.asDouble()),
            number(
                    "lowest_learning_rate",
                    TrainingConfig::lowestLearningRate,
                    (o, v) -> o.lowestLearningRate = v.asDouble()),
            flag(
                    "schedule_on_updates",
                    TrainingConfig::scheduleOnUpdates,
                    (o, v) -> o.scheduleOnUpdates = v.asBoolean()),
            number("layer_decay", TrainingConfig::layerDecay, (o, v) -> o.layerDecay = v.asDouble()),
            flag("freeze_backbone", TrainingConfig::freezeBackbone, (o, v) -> o.freezeBackbone = v.asBoolean()),
            choice("loss", LossKind.values(), TrainingConfig::loss, (o, v) -> o.loss = LossKind.valueOf(constant(v))),
            number("label_smoothing", TrainingConfig::labelSmoothing, (o, v) -> o.labelSmoothing = v.asDouble()),
            optional(
                    number(
                            "clip_norm",
                            c -> c.clipNorm().orElse(0),
                            (o, v) -> o.clipNorm = OptionalDouble.of(v.asDouble())),
                    c -> c.clipNorm().isPresent(),
                    o -> o.clipNorm = OptionalDouble.empty()),
            number("drop_path", TrainingConfig::dropPath, (o, v) -> o.dropPath = v.asDouble()),
            optional(
                    number(
                            "ema_decay",
                            c -> c.emaDecay().orElse(0),
                            (o, v) -> o.emaDecay = OptionalDouble.of(v.asDouble())),
                    c -> c.emaDecay().isPresent(),
                    o -> o.emaDecay = OptionalDouble.empty()),
            flag("ema_warmup", TrainingConfig::emaWarmup, (o, v) -> o.emaWarmup = v.asBoolean()),
            choice("crop", CropKind.values(), TrainingConfig::crop, (o, v) -> o.crop = CropKind.valueOf(constant(v))),
            number("smallest_crop", TrainingConfig::smallestCrop, (o, v) -> o.smallestCrop = v.asDouble()),
            whole("shift", TrainingConfig::shift, (o, v) -> o.shift = v.asInt()),
            number("flip", TrainingConfig::flip, (o, v) -> o.flip = v.asDouble()),
            number("hold_out", TrainingConfig::holdOut, (o, v) -> o.holdOut = v.asDouble()),
            optional(
                    text("labels", c -> c.labels().orElse(""), (o, v) -> o.labels = Optional.of(v.asText())),
                    c -> c.labels().isPresent(),
                    o -> o.labels = Optional.empty()));

    private TrainingConfigFile() {}

    /** Writes a file from which {@link #read} gives an equal configuration. */
    public static void write(Path file, TrainingConfig config) {
        AtomicFile.write(file, text(config));
    }

    /**
     * Reads a file that names every option, as {@link #write} leaves it.
     *
     * @throws VitrailException naming a key that is unknown, missing or of the wrong kind
     */
    public static TrainingConfig read(Path file) {
        String yaml;
        try {
            yaml = Files.readString(file);
        } catch (NoSuchFileException e) {
            throw new VitrailException("there is no file %s; a run folder has a config.yaml".formatted(file), e);
        } catch (IOException e) {
            throw new VitrailException("cannot read %s: %s".formatted(file, e.getMessage()), e);
        }
        var node = parse(yaml, file.toString());
        for (var key : List.of("model", "data", "epochs")) {
            VitrailException.require(node.has(key), "%s does not say '%s', which a run needs", file, key);
        }
        var start = TrainingConfig.of("?", "", 1).with(o -> {
            o.clipNorm = OptionalDouble.empty();
            o.emaDecay = OptionalDouble.empty();
        });
        return apply(start, node, file.toString());
    }

    /** The YAML text of a configuration. */
    static String text(TrainingConfig config) {
        var node = YAML.createObjectNode();
        KEYS.forEach(key -> node.set(key.name, key.value.apply(config)));
        try {
            return YAML.writeValueAsString(node);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    /**
     * A configuration with the options changed that some YAML names.
     *
     * @param origin what to call the YAML in errors
     */
    public static TrainingConfig with(TrainingConfig start, String yaml, String origin) {
        return apply(start, parse(yaml, origin), origin);
    }

    private static ObjectNode parse(String yaml, String origin) {
        try {
            var node = YAML.readTree(yaml);
            if (node instanceof ObjectNode object) {
                return object;
            }
        } catch (JsonProcessingException e) {
            throw new VitrailException("%s is no YAML: %s".formatted(origin, e.getOriginalMessage()), e);
        }
        throw VitrailException.of("%s must hold options as 'key: value' lines", origin);
    }

    private static TrainingConfig apply(TrainingConfig start, ObjectNode node, String origin) {
        return start.with(options -> node.properties().forEach(entry -> {
            var key = key(entry.getKey(), origin);
            VitrailException.require(
                    key.fits.apply(entry.getValue()),
                    "%s: '%s' must be %s, found %s",
                    origin,
                    key.name,
                    key.expected,
                    entry.getValue());
            key.reader.read(options, entry.getValue());
        }));
    }

    private static Key key(String name, String origin) {
        return KEYS.stream()
                .filter(key -> key.name.equals(name))
                .findFirst()
                .orElseThrow(() -> VitrailException.of(
                        "%s has an unknown option '%s'; the nearest are %s",
                        origin,
                        name,
                        String.join(
                                ", ",
                                Names.nearest(name, KEYS.stream().map(Key::name).toList(), 3))));
    }

    private static Key text(String name, Function<TrainingConfig, String> get, Reader reader) {
        return new Key(
                name, "text", JsonNode::isTextual, c -> YAML.getNodeFactory().textNode(get.apply(c)), reader);
    }

    private static Key whole(String name, Function<TrainingConfig, Integer> get, Reader reader) {
        return new Key(
                name,
                "a whole number",
                JsonNode::canConvertToExactIntegral,
                c -> YAML.getNodeFactory().numberNode(get.apply(c)),
                reader);
    }

    private static Key number(String name, Function<TrainingConfig, Double> get, Reader reader) {
        return new Key(
                name, "a number", JsonNode::isNumber, c -> YAML.getNodeFactory().numberNode(get.apply(c)), reader);
    }

    private static Key flag(String name, Function<TrainingConfig, Boolean> get, Reader reader) {
        return new Key(
                name,
                "true or false",
                JsonNode::isBoolean,
                c -> YAML.getNodeFactory().booleanNode(get.apply(c)),
                reader);
    }

    private static Key choice(String name, Enum<?>[] values, Function<TrainingConfig, Enum<?>> get, Reader reader) {
        var names = Arrays.stream(values).map(TrainingConfigFile::word).toList();
        return new Key(
                name,
                "one of " + String.join(", ", names),
                node -> node.isTextual() && names.contains(node.asText()),
                c -> YAML.getNodeFactory().textNode(word(get.apply(c))),
                reader);
    }

    private static String word(Enum<?> value) {
        return value.name().toLowerCase(Locale.ROOT);
    }

    private static String constant(JsonNode node) {
        return node.asText().toUpperCase(Locale.ROOT);
    }

    /** The same option where it may be null. */
    private static Key optional(
            Key key, Function<TrainingConfig, Boolean> present, java.util.function.Consumer<Options> clear) {
        return new Key(
                key.name,
                key.expected + ", or null for none",
                node -> node.isNull() || key.fits.apply(node),
                c -> present.apply(c)
                        ? key.value.apply(c)
                        : YAML.getNodeFactory().nullNode(),
                (o, v) -> {
                    if (v.isNull()) {
                        clear.accept(o);
                    } else {
                        key.reader.read(o, v);
                    }
                });
    }
}
