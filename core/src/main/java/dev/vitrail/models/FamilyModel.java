package dev.vitrail.models;

import dev.vitrail.engine.Tensor;
import dev.vitrail.nn.Identity;
import dev.vitrail.nn.Layer;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntFunction;

/**
 * What the models of all families do alike: they keep their configuration, their classifiers can be replaced, and their parameters
 * lie at depths.
 *
 * @param <C> the family's configuration
 */
public abstract class FamilyModel<C extends FamilyConfig<C>> extends Model {
    private final List<Classifier> classifiers = new ArrayList<>(1);
    private C config;

    public FamilyModel(C config) {
        this.config = config;
    }

    /**
     * Declares a classifier: without classes, none. It stands where it is declared among the parameters, which draw their first
     * values in that order.
     *
     * @param make a layer for so many classes, {@code [B, D] → [B, classes]}
     */
    protected final Classifier classifier(String name, IntFunction<Layer> make) {
        var classifier = new Classifier(name, make);
        classifiers.add(classifier);
        return classifier;
    }

    /** Where the parameters lie between the image and the classifier. */
    protected abstract LayerGroups depths();

    @Override
    public final C config() {
        return config;
    }

    @Override
    protected Tensor logits(Tensor pooled) {
        return classifiers.get(0).apply(pooled);
    }

    @Override
    public final void resetClassifier(int classes) {
        config = config.withClasses(classes);
        classifiers.forEach(Classifier::reset);
    }

    @Override
    public final List<String> classifiers() {
        return classifiers.stream().map(classifier -> classifier.name).toList();
    }

    @Override
    public final int layer(String parameter) {
        return depths().of(parameter);
    }

    @Override
    public final int layers() {
        return depths().count();
    }

    /** A layer that gives class scores, and gives way to another where the classes change. */
    protected final class Classifier {
        private final String name;
        private final IntFunction<Layer> make;
        private Layer layer;

        private Classifier(String name, IntFunction<Layer> make) {
            this.name = name;
            this.make = make;
            layer = child(name, made());
        }

        private Layer made() {
            return config.classes() == 0 ? new Identity() : make.apply(config.classes());
        }

        private void reset() {
            layer = replace(name, made());
        }

        public Tensor apply(Tensor x) {
            return layer.apply(x);
        }
    }
}
