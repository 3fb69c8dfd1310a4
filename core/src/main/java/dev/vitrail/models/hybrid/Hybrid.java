package dev.vitrail.models.hybrid;

import dev.vitrail.models.FeatureInfo;
import dev.vitrail.models.Head;
import dev.vitrail.models.resnet.BackboneConfig;
import dev.vitrail.models.resnet.ResNet;
import dev.vitrail.models.resnet.ResNetV2;
import dev.vitrail.models.resnet.ResNetV2Config;
import dev.vitrail.models.vit.ViTConfig;
import dev.vitrail.models.vit.VisionTransformer;
import dev.vitrail.nn.Layer;
import dev.vitrail.nn.Pool;
import java.util.List;

/**
 * The networks before the patches of a hybrid {@link VisionTransformer} (Dosovitskiy et al., 2021, arXiv:2010.11929,
 * section 3.1: "the input sequence can be formed from feature maps of a CNN").
 */
public final class Hybrid {
    private Hybrid() {}

    /**
     * A {@link ResNet} or {@link ResNetV2} without its head, of as many stages as it has depths.
     *
     * @param network its pool and classifier do not matter
     */
    public record NetworkStem(BackboneConfig network) implements ViTConfig.Stem {
        public NetworkStem {
            network = network.withHead(new Head(0, Pool.NONE, 0));
        }

        @Override
        public Layer create(int imageChannels) {
            return network.withImage(network.image().withChannels(imageChannels))
                    .create();
        }

        @Override
        public int channels() {
            return network.lastWidth();
        }

        @Override
        public int stride() {
            return network.stride();
        }

        @Override
        public String firstConvolution() {
            return network.firstConvolution();
        }

        @Override
        public List<FeatureInfo> featureInfo() {
            return network.featureInfo();
        }
    }

    /**
     * The first convolution and the maximum of a {@link ResNetV2} alone: no network of no stages, as its parameters
     * are named without {@code stem} and start from PyTorch's own initial values.
     *
     * @param network its stages do not matter
     */
    public record RootStem(ResNetV2Config network) implements ViTConfig.Stem {
        @Override
        public Layer create(int imageChannels) {
            return new ResNetV2.Root(network.withImage(network.image().withChannels(imageChannels)), true);
        }

        @Override
        public int channels() {
            return network.stemChannels();
        }

        @Override
        public int stride() {
            return 4;
        }

        @Override
        public String firstConvolution() {
            return network.stem().type().firstConvolution();
        }

        @Override
        public List<FeatureInfo> featureInfo() {
            return List.of();
        }
    }
}
