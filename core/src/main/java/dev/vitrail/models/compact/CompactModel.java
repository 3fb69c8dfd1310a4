package dev.vitrail.models.compact;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.engine.Tensor;
import dev.vitrail.models.FamilyConfig;
import dev.vitrail.models.FamilyModel;
import dev.vitrail.models.ModelConfig;

/** What the models of vit-pytorch have in common besides their encoder: a linear classifier, and no stochastic depth. */
public abstract class CompactModel<C extends FamilyConfig<C>> extends FamilyModel<C> {
    private final int width;

    /** @param headName the classifier's name, such as {@code mlp_head} */
    protected CompactModel(C config, String headName, int width) {
        super(config);
        this.width = width;
        classifier(headName, classes -> CompactTransformer.linear(width, classes, true));
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

    @Override
    public final int width() {
        return width;
    }

    @Override
    public final boolean noWeightDecay(String parameter) {
        return CompactTransformer.noWeightDecay(parameter);
    }
}
