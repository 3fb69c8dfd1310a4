package dev.vitrail.weights;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vitrail.errors.VitrailException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;

/**
 * The {@code pretrained_cfg} of timm's {@code config.json}: how images are prepared for these weights, and facts about
 * them. A field that the file leaves out is empty.
 *
 * @param tag what tells these weights from others of the architecture, such as {@code augreg_in21k_ft_in1k}
 * @param inputSize channels, height and width in pixels
 * @param fixedInputSize whether the model takes no other size
 * @param interpolation {@code bicubic}, {@code bilinear}, …
 * @param cropPct the side of the centre crop over the side it is cut from
 * @param cropMode {@code center}, {@code squash} or {@code border}
 * @param mean subtracted per channel, of values from 0 to 1
 * @param std divided by per channel
 * @param numClasses outputs of the classifier when the weights were published
 * @param poolSize height and width of the final feature map, for convolutional networks
 * @param firstConv names of the layers that see the pixels
 * @param classifier names of the layers that give the logits
 * @param license of the weights, as an SPDX name
 * @param others all other fields, each as JSON text: kept when the file is written back
 */
public record PretrainedConfig(
        Optional<String> tag,
        List<Integer> inputSize,
        Optional<Boolean> fixedInputSize,
        Optional<String> interpolation,
        OptionalDouble cropPct,
        Optional<String> cropMode,
        List<Double> mean,
        List<Double> std,
        OptionalInt numClasses,
        List<Integer> poolSize,
        List<String> firstConv,
        List<String> classifier,
        Optional<String> license,
        Map<String, String> others) {

    public PretrainedConfig {
        inputSize = List.copyOf(inputSize);
        mean = List.copyOf(mean);
        std = List.copyOf(std);
        poolSize = List.copyOf(poolSize);
        firstConv = List.copyOf(firstConv);
        classifier = List.copyOf(classifier);
        others = JsonFields.copy(others);
        VitrailException.require(
                inputSize.isEmpty()
                        || (inputSize.size() == 3 && inputSize.stream().allMatch(size -> size > 0)),
                "input_size is channels, height and width in pixels; found %s",
                inputSize);
        VitrailException.require(
                cropPct.isEmpty() || (cropPct.getAsDouble() > 0 && cropPct.getAsDouble() <= 2),
                "crop_pct is a ratio above 0 and usually at most 1; found %s",
                cropPct);
        VitrailException.require(
                std.stream().allMatch(value -> value > 0 && Double.isFinite(value))
                        && mean.stream().allMatch(Double::isFinite),
                "mean and std are finite numbers, and std is above 0; found %s and %s",
                mean,
                std);
    }

    /** A config that says nothing. */
    public static PretrainedConfig empty() {
        return read(new JsonFields(JsonFile.MAPPER.createObjectNode(), "an empty config"));
    }

    static PretrainedConfig read(JsonFields fields) {
        return new PretrainedConfig(
                fields.text("tag"),
                fields.integers("input_size"),
                fields.flag("fixed_input_size"),
                fields.text("interpolation"),
                fields.number("crop_pct"),
                fields.text("crop_mode"),
                fields.numbers("mean"),
                fields.numbers("std"),
                fields.integer("num_classes"),
                fields.integers("pool_size"),
                fields.textOrTexts("first_conv"),
                fields.textOrTexts("classifier"),
                fields.text("license"),
                fields.rest());
    }

    PretrainedConfig withoutOthers() {
        return new PretrainedConfig(
                tag,
                inputSize,
                fixedInputSize,
                interpolation,
                cropPct,
                cropMode,
                mean,
                std,
                numClasses,
                poolSize,
                firstConv,
                classifier,
                license,
                Map.of());
    }

    ObjectNode json() {
        var json = JsonFile.MAPPER.createObjectNode();
        tag.ifPresent(value -> json.put("tag", value));
        putList(json, "input_size", inputSize);
        fixedInputSize.ifPresent(value -> json.put("fixed_input_size", value));
        interpolation.ifPresent(value -> json.put("interpolation", value));
        cropPct.ifPresent(value -> json.put("crop_pct", value));
        cropMode.ifPresent(value -> json.put("crop_mode", value));
        putList(json, "mean", mean);
        putList(json, "std", std);
        numClasses.ifPresent(value -> json.put("num_classes", value));
        putList(json, "pool_size", poolSize);
        putNames(json, "first_conv", firstConv);
        putNames(json, "classifier", classifier);
        license.ifPresent(value -> json.put("license", value));
        JsonFields.parsed(others).properties().forEach(entry -> json.putIfAbsent(entry.getKey(), entry.getValue()));
        return json;
    }

    private static void putList(ObjectNode json, String name, List<?> values) {
        if (!values.isEmpty()) {
            json.set(name, JsonFile.MAPPER.<JsonNode>valueToTree(values));
        }
    }

    /** One name stands alone, several make an array. */
    private static void putNames(ObjectNode json, String name, List<String> values) {
        if (values.size() == 1) {
            json.put(name, values.get(0));
        } else {
            putList(json, name, values);
        }
    }
}
