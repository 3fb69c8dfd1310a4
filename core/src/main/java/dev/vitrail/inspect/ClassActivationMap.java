package dev.vitrail.inspect;

import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.Tensor;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.inspect.ModelLayout.Query;
import dev.vitrail.models.Model;
import dev.vitrail.models.beit.Beit;
import dev.vitrail.models.cait.CaiT;
import dev.vitrail.models.convnext.ConvNeXt;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * Class activation map: {@code Σ_c W[k, c]·a_c} of the last, normalized map, signed. It is exact where the classifier
 * is linear on the mean of that map: the mean over cells plus the bias is the logit.
 *
 * <p>Zhou et al., <i>Learning Deep Features for Discriminative Localization</i>, CVPR 2016, arXiv:1512.04150.
 */
public final class ClassActivationMap {
    private ClassActivationMap() {}

    /** Reason why the model has no such map; empty where it has. */
    public static Optional<String> reason(Model model, ModelLayout layout) {
        var parameters = model.parameters().keySet();
        if (layout.query() != Query.MEAN || model instanceof CaiT) {
            return Optional.of("the classifier reads no mean over patches");
        }
        if (parameters.contains("fc_norm.weight") || model instanceof Beit || model instanceof ConvNeXt) {
            return Optional.of(
                    "a normalization stands between the mean and the classifier, which is therefore not linear on "
                            + "the map");
        }
        var pool = model.config().poolName();
        if (!pool.equals("avg")) {
            return Optional.of("the model pools by '%s', not by the mean alone".formatted(pool));
        }
        return model.classifiers().stream().anyMatch(name -> parameters.contains(name + ".weight"))
                ? Optional.empty()
                : Optional.of("the classifier is no single linear layer");
    }

    /**
     * Explains a class for each image.
     *
     * @param images {@code [B, C, H, W]}, normalized
     * @param classes one for each image
     * @return a map for each image, on the grid of the last map
     * @throws VitrailException if the classifier is not linear on the mean of the last map
     */
    public static List<GridMap> of(Model model, Tensor images, int[] classes) {
        var layout = ModelLayout.of(model, (int) images.size(2), (int) images.size(3));
        reason(model, layout).ifPresent(reason -> {
            throw VitrailException.of("there is no class activation map of this model: %s", reason);
        });
        return Frame.compute(() -> {
            try (var off = Gradients.off()) {
                var features = model.extractFeatures(images);
                var view = CellView.of(layout, Pass.finite("the last map", features.toFloats()), features.shape());
                var weight = Objects.requireNonNull(
                                model.parameters().get(model.classifiers().get(0) + ".weight"))
                        .value()
                        .toFloats();
                var maps = new ArrayList<GridMap>();
                for (int b = 0; b < classes.length; b++) {
                    var sums = new double[view.cells()];
                    for (int i = 0; i < sums.length; i++) {
                        for (int c = 0; c < view.channels(); c++) {
                            sums[i] += (double) weight[classes[b] * view.channels() + c] * view.at(b, i, c);
                        }
                    }
                    maps.add(GridMap.of(view.height(), view.width(), sums, 0));
                }
                return maps;
            }
        });
    }
}
