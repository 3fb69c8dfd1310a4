package dev.vitrail.weights;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.models.Head;
import dev.vitrail.models.ImageInput;
import dev.vitrail.models.ModelConfig;
import dev.vitrail.models.Variant;
import dev.vitrail.models.beit.Beit;
import dev.vitrail.models.convnext.ConvNeXtConfig;
import dev.vitrail.models.layers.Dropouts;
import dev.vitrail.models.resnet.ResNetConfig;
import dev.vitrail.models.resnet.ResNetV2Config;
import dev.vitrail.models.swin.SwinConfig;
import dev.vitrail.models.vit.ViTConfig;
import dev.vitrail.models.zoo.Catalog;
import dev.vitrail.nn.Pool;
import java.util.Arrays;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Comparison of two configurations: whether they are of the same model, apart from what is chosen for a training. */
final class ConfigMatch {
    /** Differences that do not count. */
    private enum Apart {
        /** Initial values, rates of dropouts, the number of classes and the side of images. */
        TRAINING,
        /** Those, and what the weights do not show: the pool and the epsilons of normalizations. */
        UNSEEN
    }

    private ConfigMatch() {}

    /** The catalogue's variant whose parameters have the same shapes, one for the same image size if there is one. */
    static Optional<Variant> inCatalog(ModelConfig config) {
        return Catalog.FAMILIES.stream()
                .flatMap(family -> family.variants().stream())
                .filter(variant -> variant.config().getClass() == config.getClass()
                        && neutral(variant.config(), Apart.UNSEEN).equals(neutral(config, Apart.UNSEEN)))
                .min((a, b) -> Boolean.compare(sameImage(b.config(), config), sameImage(a.config(), config)));
    }

    private static boolean sameImage(ModelConfig a, ModelConfig b) {
        return a.imageHeight() == b.imageHeight() && a.imageWidth() == b.imageWidth();
    }

    /**
     * Checks that a model computes the same as another.
     *
     * @param name what to call the other in the error
     * @throws VitrailException if not; its message names the parts that differ
     */
    static void requireSame(ModelConfig model, ModelConfig other, String name) {
        var ours = neutral(model, Apart.TRAINING);
        var theirs = neutral(other, Apart.TRAINING);
        require(
                ours.equals(theirs),
                "%s computes something else than this model: they differ in %s",
                name,
                ours.getClass() == theirs.getClass() ? differences((Record) ours, (Record) theirs) : "all parts");
    }

    private static String differences(Record ours, Record theirs) {
        return Arrays.stream(ours.getClass().getRecordComponents())
                .flatMap(component -> {
                    try {
                        var a = component.getAccessor().invoke(ours);
                        var b = component.getAccessor().invoke(theirs);
                        return a.equals(b)
                                ? Stream.<String>empty()
                                : Stream.of("%s (%s there, %s here)".formatted(component.getName(), b, a));
                    } catch (ReflectiveOperationException e) {
                        throw new IllegalStateException(e);
                    }
                })
                .collect(Collectors.joining(", "));
    }

    private static ModelConfig neutral(ModelConfig config, Apart apart) {
        boolean unseen = apart == Apart.UNSEEN;
        if (config instanceof ViTConfig c) {
            var pool = unseen && c.head().pool() == Pool.TOKEN_AVG
                    ? Pool.TOKEN
                    : c.head().pool();
            var unit = c.patches().unit();
            return new ViTConfig(
                    new ImageInput(unit.height(), unit.width(), 3),
                    c.patches().withDynamicPad(true),
                    c.tokens(),
                    unseen ? c.encoder().withNormEps(0) : c.encoder(),
                    c.blocks().withLayerScale(scaled(c.blocks().layerScale())).withUniformDropPath(false),
                    c.norms(),
                    new Head(0, pool, unseen ? c.head().dropout() : 0),
                    new Dropouts(unseen ? c.dropouts().position() : 0, 0, 0, 0),
                    ViTConfig.InitScheme.TIMM);
        }
        if (config instanceof SwinConfig c) {
            var s = c.stages();
            return new SwinConfig(
                    c.version(),
                    c.image().withChannels(3),
                    c.patches(),
                    new SwinConfig.Stages(
                            s.width(),
                            s.depths(),
                            s.heads(),
                            s.headWidths(),
                            s.mlpRatios(),
                            s.qkvBias(),
                            s.attentionScale(),
                            s.activation(),
                            unseen ? 0 : s.normEps()),
                    c.windows(),
                    unseen ? c.head().withClasses(0) : new Head(0, c.head().pool(), 0),
                    Dropouts.NONE);
        }
        if (config instanceof ConvNeXtConfig c) {
            var blocks =
                    c.blocks().withLayerScale(scaled(c.blocks().layerScale())).withConvolvedMlp(false);
            var head = c.headLayers().withInitScale(1);
            return new ConvNeXtConfig(
                    ImageInput.square(1024),
                    c.stem(),
                    c.stages(),
                    unseen ? blocks.withNormEps(0) : blocks,
                    unseen ? head.withNormEps(0) : head,
                    unseen ? c.head().withClasses(0) : new Head(0, c.head().pool(), 0),
                    0);
        }
        if (config instanceof Beit.Config c) {
            return new Beit.Config(
                    ImageInput.square(c.patch()),
                    c.patch(),
                    unseen ? c.encoder().withNormEps(0) : c.encoder(),
                    1,
                    c.absolutePositions(),
                    unseen ? Head.of(Pool.AVG) : new Head(0, c.head().pool(), 0),
                    0);
        }
        return config instanceof ResNetConfig || config instanceof ResNetV2Config
                ? config.withImage(ImageInput.square(224)).withClasses(0).withDropPath(0)
                : config;
    }

    private static OptionalDouble scaled(OptionalDouble layerScale) {
        return layerScale.isPresent() ? OptionalDouble.of(1) : layerScale;
    }
}
