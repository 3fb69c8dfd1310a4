package dev.vitrail.models.resnet;

import dev.vitrail.models.ExportNames;
import dev.vitrail.models.ExportNames.CodeBase;

/** The names of other code bases for the parameters of a {@link ResNet} and a {@link ResNetV2}. */
final class ResNetCheckpointFormats {
    private ResNetCheckpointFormats() {}

    /** timm has torchvision's names, but not for the models that torchvision lacks. */
    static final ExportNames TO_TORCHVISION = ExportNames.of(CodeBase.TORCHVISION)
            .rule("(conv1\\.weight|bn1\\.\\w+|fc\\.\\w+)", "$1")
            .rule("(layer[1-4]\\.\\d+\\.((conv|bn)[1-3]|downsample\\.[01])\\.\\w+)", "$1");

    /** {@code ResNetForImageClassification}, which counts from zero. */
    static final ExportNames TO_TRANSFORMERS = ExportNames.of(CodeBase.TRANSFORMERS)
            .rule("conv1\\.weight", "resnet.embedder.embedder.convolution.weight")
            .rule("bn1\\.(\\w+)", "resnet.embedder.embedder.normalization.$1")
            .computed("layer([1-4])\\.(\\d+)\\.conv([1-3])\\.weight", match -> "%s.layer.%d.convolution.weight"
                    .formatted(block(match.group(1), match.group(2)), fromZero(match.group(3))))
            .computed("layer([1-4])\\.(\\d+)\\.bn([1-3])\\.(\\w+)", match -> "%s.layer.%d.normalization.%s"
                    .formatted(block(match.group(1), match.group(2)), fromZero(match.group(3)), match.group(4)))
            .computed(
                    "layer([1-4])\\.(\\d+)\\.downsample\\.0\\.weight",
                    match -> block(match.group(1), match.group(2)) + ".shortcut.convolution.weight")
            .computed(
                    "layer([1-4])\\.(\\d+)\\.downsample\\.1\\.(\\w+)",
                    match -> block(match.group(1), match.group(2)) + ".shortcut.normalization." + match.group(3))
            .rule("fc\\.(weight|bias)", "classifier.1.$1");

    /** {@code BitForImageClassification}. */
    static final ExportNames BIT_TO_TRANSFORMERS = ExportNames.of(CodeBase.TRANSFORMERS)
            .rule("stem\\.conv\\.weight", "bit.embedder.convolution.weight")
            .rule("stages\\.(\\d+)\\.blocks\\.(\\d+)\\.(.+)", "bit.encoder.stages.$1.layers.$2.$3")
            .rule("norm\\.(weight|bias)", "bit.norm.$1")
            // A 1×1 convolution here.
            .reshaped("head\\.fc\\.weight", shape -> new long[] {shape[0], shape[1]}, "classifier.1.weight")
            .rule("head\\.fc\\.bias", "classifier.1.bias");

    private static String block(String stage, String block) {
        return "resnet.encoder.stages.%d.layers.%s".formatted(fromZero(stage), block);
    }

    private static int fromZero(String number) {
        return Integer.parseInt(number) - 1;
    }
}
