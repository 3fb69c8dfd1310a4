package dev.vitrail.models.resnet;

import dev.vitrail.models.FeatureInfo;
import dev.vitrail.models.Head;
import dev.vitrail.models.ImageInput;
import dev.vitrail.models.ModelConfig;
import java.util.List;

/**
 * The configuration of a residual network of either version. Without a pool ({@link dev.vitrail.nn.Pool#NONE}) its
 * model gives the last feature map, {@code [B, C, H, W] → [B, lastWidth(), H/stride(), W/stride()]}.
 */
public sealed interface BackboneConfig extends ModelConfig permits ResNetConfig, ResNetV2Config {
    /** The feature maps after the stages. */
    List<FeatureInfo> featureInfo();

    /** Name of the convolution that sees the image. */
    String firstConvolution();

    @Override
    BackboneConfig withImage(ImageInput image);

    @Override
    BackboneConfig withHead(Head head);

    /** Channels of the last feature map. */
    default int lastWidth() {
        return last().channels();
    }

    /** Pixels of the image for each position of the last feature map. */
    default int stride() {
        return last().strideHeight();
    }

    private FeatureInfo last() {
        var infos = featureInfo();
        return infos.get(infos.size() - 1);
    }
}
