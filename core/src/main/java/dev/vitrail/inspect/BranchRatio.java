package dev.vitrail.inspect;

import dev.vitrail.engine.Tensor;
import dev.vitrail.models.Model;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * How much a scaled residual branch adds to its input in one image: the mean over tokens (or map cells) of
 * {@code ‖branch‖/‖input‖}, with the branch after its LayerScale. It is what the factors γ are for: they start so small
 * that each block is near the identity.
 *
 * <p>The input is what the block gave, less its branches, so it is computed without a second forward pass.
 *
 * <p>Touvron et al., <i>Going deeper with Image Transformers</i>, ICCV 2021, arXiv:2103.17239, section 2.
 *
 * @param parameter name of the branch's factors
 * @param block its block
 * @param attention whether the branch is attention; else the MLP's, or the block's only one
 * @param ratio mean of ‖branch‖/‖input‖, 0 or more
 */
public record BranchRatio(String parameter, String block, boolean attention, double ratio) {
    /** A norm below which an input counts as 0 and its token is left out. */
    private static final float NOTHING = 1e-12f;

    /** A block's branches, in the order of computation. */
    private record Branches(String block, List<LayerScales> scales) {}

    /**
     * Measures every branch that has LayerScale.
     *
     * @param images {@code [B, C, H, W]}, normalized
     * @return for each image, in the order of {@link LayerScales#of}; none where the model does not scale its branches
     */
    public static List<List<BranchRatio>> of(Model model, Tensor images) {
        var modules = new LinkedHashSet<String>();
        model.visitModules((name, module) -> modules.add(name));
        var blocks = new LinkedHashMap<String, Branches>();
        var sources = new LinkedHashMap<LayerScales, String>();
        for (var scale : LayerScales.of(model)) {
            blocks.computeIfAbsent(scale.block(), block -> new Branches(block, new ArrayList<>()))
                    .scales
                    .add(scale);
            sources.put(scale, scale.module(modules));
        }
        var names = new LinkedHashSet<>(blocks.keySet());
        names.addAll(sources.values());
        return Pass.forward(model, images, names, pass -> {
            var all = new ArrayList<List<BranchRatio>>();
            for (int b = 0; b < images.size(0); b++) {
                all.add(new ArrayList<>());
            }
            for (var block : blocks.values()) {
                measure(model, pass.outputs(), block, sources, all);
            }
            return all;
        });
    }

    private static void measure(
            Model model,
            Map<String, Tensor> outputs,
            Branches block,
            Map<LayerScales, String> sources,
            List<List<BranchRatio>> all) {
        var branches = block.scales.stream()
                .map(scale -> scaled(model, outputs, scale, Objects.requireNonNull(sources.get(scale))))
                .toList();
        var after = Objects.requireNonNull(outputs.get(block.block));
        // Maps have their channels before rows and columns, their branches after.
        after = after.shape().length == 4 ? after.permute(0, 2, 3, 1) : after;
        var found = new ArrayList<double[]>();
        for (int i = branches.size() - 1; i >= 0; i--) {
            after = after.minus(branches.get(i)); //                                the branch's input
            found.add(0, ratios(block.block, branches.get(i), after));
        }
        for (int i = 0; i < branches.size(); i++) {
            var scale = block.scales.get(i);
            for (int b = 0; b < all.size(); b++) {
                all.get(b).add(new BranchRatio(scale.parameter(), block.block, scale.attention(), found.get(i)[b]));
            }
        }
    }

    /** What a branch adds, channels last. */
    private static Tensor scaled(Model model, Map<String, Tensor> outputs, LayerScales scale, String source) {
        var factors = Objects.requireNonNull(model.parameters().get(scale.parameter()))
                .value()
                .flatten(0);
        return Objects.requireNonNull(outputs.get(source)).times(factors);
    }

    /** The mean over tokens for each image. */
    private static double[] ratios(String block, Tensor branch, Tensor input) {
        int images = (int) branch.size(0);
        var added = Pass.finite(block, branch.norm(false, -1).toFloats());
        var before = Pass.finite(block, input.norm(false, -1).toFloats());
        int tokens = added.length / images;
        var means = new double[images];
        for (int b = 0; b < images; b++) {
            double sum = 0;
            int counted = 0;
            for (int i = b * tokens; i < (b + 1) * tokens; i++) {
                if (before[i] > NOTHING) {
                    sum += added[i] / (double) before[i];
                    counted++;
                }
            }
            means[b] = counted == 0 ? 0 : sum / counted;
        }
        return means;
    }
}
