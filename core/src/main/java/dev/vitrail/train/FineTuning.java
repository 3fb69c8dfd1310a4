package dev.vitrail.train;

import dev.vitrail.engine.Device;
import dev.vitrail.engine.RandomState;
import dev.vitrail.models.Model;

/** Makes a trained model ready for other classes. */
public final class FineTuning {
    private FineTuning() {}

    /** Replaces the classifier by a new one; all other parameters stay. */
    public static void replaceClassifier(Model model, int classes, long seed) {
        var device = model.parameters().values().iterator().next().value().device();
        model.resetClassifier(classes);
        RandomState.seed(seed);
        model.parameters().values().stream()
                .filter(parameter -> parameter.value().device().equals(Device.META))
                .forEach(parameter -> parameter.initialise(device));
    }

    /** Leaves the classifier alone trainable. */
    public static void freezeBackbone(Model model) {
        model.parameters().forEach((name, parameter) -> {
            if (!ofClassifier(model, name)) {
                parameter.setTrainable(false);
            }
        });
    }

    private static boolean ofClassifier(Model model, String parameter) {
        return model.classifiers().stream().anyMatch(head -> parameter.startsWith(head + "."));
    }
}
