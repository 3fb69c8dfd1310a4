package dev.vitrail.inspect;

import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Tensor;
import dev.vitrail.models.Model;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/**
 * Size of a scaled residual branch relative to its input in one image: the mean over tokens (or map cells) of
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

    /**
     * Measures every branch that has LayerScale.
     *
     * @param images {@code [B, C, H, W]}, normalized
     * @return for each image, in the order of {@link LayerScales#of}; none where the model does not scale its branches
     */
    public static List<List<BranchRatio>> of(Model model, Tensor images) {
        return Pass.forward(model, images, layout -> hookPoints(model), BranchRatio::of);
    }

    static Set<String> hookPoints(Model model) {
        var names = new LinkedHashSet<String>();
        sources(model).forEach((scale, source) -> {
            names.add(scale.block());
            names.add(source);
        });
        return names;
    }

    /** Measures each image of a pass. */
    static List<List<BranchRatio>> of(Pass pass) {
        var sources = sources(pass.model());
        var blocks = new LinkedHashMap<String, List<LayerScales>>();
        sources.keySet().forEach(scale -> blocks.computeIfAbsent(scale.block(), block -> new ArrayList<>())
                .add(scale));
        var all = pass.<BranchRatio>perImage();
        blocks.forEach((block, scales) -> Frame.run(() -> measure(pass, block, scales, sources, all)));
        return all;
    }

    /** The modules whose results are scaled, in the order of computation. */
    private static Map<LayerScales, String> sources(Model model) {
        var modules = new LinkedHashSet<String>();
        model.visitModules((name, module) -> modules.add(name));
        var sources = new LinkedHashMap<LayerScales, String>();
        LayerScales.of(model).forEach(scale -> sources.put(scale, scale.module(modules)));
        return sources;
    }

    private static void measure(
            Pass pass,
            String block,
            List<LayerScales> scales,
            Map<LayerScales, String> sources,
            List<List<BranchRatio>> all) {
        var branches = scales.stream()
                .map(scale -> scaled(pass, scale, Objects.requireNonNull(sources.get(scale))))
                .toList();
        var after = pass.tensor(block);
        // Maps have their channels before rows and columns, their branches after.
        after = after.shape().length == 4 ? after.permute(0, 2, 3, 1) : after;
        var found = new ArrayList<double[]>();
        for (int i = branches.size() - 1; i >= 0; i--) {
            after = after.minus(branches.get(i)); //                                the branch's input
            found.add(0, ratios(block, branches.get(i), after));
        }
        for (int i = 0; i < branches.size(); i++) {
            var scale = scales.get(i);
            for (int b = 0; b < all.size(); b++) {
                all.get(b).add(new BranchRatio(scale.parameter(), block, scale.attention(), found.get(i)[b]));
            }
        }
    }

    /** A branch after its LayerScale, channels last. */
    private static Tensor scaled(Pass pass, LayerScales scale, String source) {
        var factors = Objects.requireNonNull(pass.model().parameters().get(scale.parameter()))
                .value()
                .flatten(0);
        return pass.tensor(source).times(factors);
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
