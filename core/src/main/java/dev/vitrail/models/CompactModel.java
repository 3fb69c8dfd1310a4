package dev.vitrail.models;

import static dev.vitrail.VitrailException.require;

import dev.vitrail.engine.Tensor;
import dev.vitrail.nn.Identity;
import dev.vitrail.nn.Layer;
import java.util.List;

/** What the models of vit-pytorch have in common besides their encoder: a linear classifier, and no stochastic depth. */
public abstract class CompactModel extends Model {
    private final String headName;
    private final int width;
    private Layer head;

    /** @param headName the classifier's name, such as {@code mlp_head} */
    CompactModel(String headName, int width, int classes) {
        this.headName = headName;
        this.width = width;
        head = child(headName, classifier(width, classes));
    }

    private static Layer classifier(int width, int classes) {
        return classes == 0 ? new Identity() : CompactTransformer.linear(width, classes, true);
    }

    /** How tokens become one vector. */
    public enum Pool {
        /** The class token. */
        CLS,
        /** The mean over all tokens. */
        MEAN;

        Tensor of(Tensor tokens) {
            return this == CLS ? tokens.select(1, 0) : tokens.mean(false, 1);
        }
    }

    /** Refuses stochastic depth, which these models do not have. */
    static <C extends ModelConfig> C withoutDropPath(C config, double rate) {
        require(
                rate == 0,
                "vit-pytorch's models have no stochastic depth, found a drop path of %s: leave it at 0, or take a model of"
                        + " another family",
                rate);
        return config;
    }

    static void requireClasses(int classes) {
        require(classes >= 0, "classes %d must not be negative", classes);
    }

    /** Takes note of the new number of classes. */
    abstract void reconfigure(int classes);

    @Override
    protected final Tensor logits(Tensor pooled) {
        return head.apply(pooled);
    }

    @Override
    public final int width() {
        return width;
    }

    @Override
    public final void resetClassifier(int classes) {
        reconfigure(classes);
        head = replace(headName, classifier(width, classes));
    }

    @Override
    public final List<String> classifiers() {
        return List.of(headName);
    }

    @Override
    public final boolean withoutWeightDecay(String parameter) {
        return CompactTransformer.withoutWeightDecay(parameter);
    }
}
