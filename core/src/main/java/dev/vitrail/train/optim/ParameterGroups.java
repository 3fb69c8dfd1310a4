package dev.vitrail.train.optim;

import dev.vitrail.models.Model;
import dev.vitrail.nn.Module;
import dev.vitrail.nn.Parameter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiPredicate;
import java.util.stream.Stream;

/** Divides a model's trainable parameters into groups, as timm does; frozen parameters are in none. */
public final class ParameterGroups {
    private ParameterGroups() {}

    /** All parameters together. */
    public static List<ParameterGroup> single(Module model, double weightDecay) {
        return List.of(new ParameterGroup(1, weightDecay, trainable(model)));
    }

    /**
     * Two groups: vectors, biases and what the model names (positions, tokens) without weight decay, then the rest with
     * it.
     */
    public static List<ParameterGroup> byWeightDecay(Model model, double weightDecay) {
        return Stream.of(
                        new ParameterGroup(1, 0, filtered(model, (name, p) -> spared(model, name, p))),
                        new ParameterGroup(1, weightDecay, filtered(model, (name, p) -> !spared(model, name, p))))
                .filter(group -> !group.parameters().isEmpty())
                .toList();
    }

    /**
     * Groups by depth, for layer-wise decay of the learning rate (Clark et al., 2020, arXiv:2003.10555; Bao et al.,
     * 2022, arXiv:2106.08254): the head learns at the full rate, each depth below it at {@code decay} times that of the
     * one above. Each depth has a group without weight decay and one with it, in the order in which the model's
     * parameters need them.
     *
     * @param decay usually 0.65 to 0.9; 1 leaves every depth at the full rate
     */
    public static List<ParameterGroup> byLayer(Model model, double weightDecay, double decay) {
        record Key(int layer, boolean spared) {}
        var members = new LinkedHashMap<Key, Map<String, Parameter>>();
        trainable(model).forEach((name, parameter) -> members.computeIfAbsent(
                        new Key(model.layer(name), spared(model, name, parameter)), key -> new LinkedHashMap<>())
                .put(name, parameter));
        int last = model.layers() - 1;
        return members.entrySet().stream()
                .map(entry -> new ParameterGroup(
                        Math.pow(decay, last - entry.getKey().layer),
                        entry.getKey().spared ? 0 : weightDecay,
                        entry.getValue()))
                .toList();
    }

    private static boolean spared(Model model, String name, Parameter parameter) {
        return parameter.shape().length <= 1 || name.endsWith(".bias") || model.noWeightDecay(name);
    }

    private static Map<String, Parameter> trainable(Module model) {
        return filtered(model, (name, parameter) -> true);
    }

    private static Map<String, Parameter> filtered(Module model, BiPredicate<String, Parameter> wanted) {
        var chosen = new LinkedHashMap<String, Parameter>();
        model.parameters().forEach((name, parameter) -> {
            if (parameter.isTrainable() && wanted.test(name, parameter)) {
                chosen.put(name, parameter);
            }
        });
        return chosen;
    }
}
