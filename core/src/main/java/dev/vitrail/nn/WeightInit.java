package dev.vitrail.nn;

/** Weight initialization of a model that is trained from scratch. */
public enum WeightInit {
    /**
     * Original initial values of the model: most weights from a normal distribution of std 0.02, which suits widths of
     * 384 and more.
     */
    ORIGINAL {
        @Override
        Init of(String name, Parameter parameter) {
            return parameter.init();
        }
    },
    /**
     * Keeps the variance of activations at initialization, which narrow models and short trainings need: linear layers
     * after Glorot and Bengio (uniform), convolutions from a normal distribution of variance 1/(inputs of an output),
     * as in the ViT paper's own code; position embeddings from the unit normal distribution; LayerScale's factors 1.
     * The rest as the original.
     */
    SCALED {
        @Override
        Init of(String name, Parameter parameter) {
            var shape = parameter.shape();
            if (!parameter.isTrainable()) {
                return parameter.init();
            }
            if (name.startsWith("pos_embed")) {
                return Init.normal(1);
            }
            if (name.startsWith("gamma")) {
                return Init.ones();
            }
            if (!name.equals("weight")) {
                return parameter.init();
            }
            return switch (shape.length) {
                case 2 -> Init.xavierUniform(shape[1], shape[0]);
                case 4 -> Init.truncatedNormalOfVariance(1.0 / (shape[1] * shape[2] * shape[3]));
                default -> parameter.init();
            };
        }
    };

    /**
     * The distribution of a parameter's initial values.
     *
     * @param name in its own module
     */
    abstract Init of(String name, Parameter parameter);
}
