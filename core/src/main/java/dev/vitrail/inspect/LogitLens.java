package dev.vitrail.inspect;

import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Tensor;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.inspect.ModelLayout.Output;
import dev.vitrail.models.Model;
import dev.vitrail.nn.ForwardHook;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Logits at each depth of one image: final normalization, pooling and classifier applied to the
 * embedding and to the output of each block. The last row is the logits. Early blocks are not trained to be read this
 * way.
 *
 * <p>The model's own last layers are run: a {@link ForwardHook} puts an earlier result in the place of the last
 * block's. CaiT is read at the class token before and after each block of class attention, with the final patches;
 * pyramids in their last stage alone.
 *
 * <p>nostalgebraist, <i>interpreting GPT: the logit lens</i>, 2020; for images Hernandez et al., 2026,
 * arXiv:2604.02182.
 *
 * @param depths names of the depths, such as {@code embedding} and {@code blocks.0}
 * @param logits {@code [depths][classes]}
 */
@SuppressWarnings("ArrayRecordComponent") // the figures are plain arrays by design
public record LogitLens(List<String> depths, float[][] logits) {
    /** Final classes whose ranks pages and JSON show over depth. */
    public static final int LEADING = 5;

    public LogitLens {
        depths = List.copyOf(depths);
    }

    /** Reason why the model has no logit lens; empty where it has. */
    public static Optional<String> reason(Model model, ModelLayout layout) {
        return widthGrows(model)
                ? Optional.of("the width of its blocks grows, so the final normalization fits the last alone")
                : layout.blocks().isEmpty() ? Optional.of("it has no blocks") : Optional.empty();
    }

    private static boolean widthGrows(Model model) {
        var infos = model.featureInfo();
        return infos.get(0).module().startsWith("blocks.")
                && infos.get(0).channels() != infos.get(infos.size() - 1).channels();
    }

    /** Reason why the model has no patch lens; empty where it has. */
    public static Optional<String> patchReason(Model model, ModelLayout layout) {
        return layout.query().token() && layout.prefix() > 0
                ? reason(model, layout)
                : Optional.of("no class token stands among the patches, whose place they could take");
    }

    /**
     * Reads all depths.
     *
     * @param images {@code [B, C, H, W]}, normalized
     * @return one for each image
     * @throws VitrailException if {@link #reason} says why not
     */
    public static List<LogitLens> of(Model model, Tensor images) {
        return Pass.forward(
                model,
                images,
                layout -> {
                    refuse(reason(model, layout));
                    return hookPoints(layout);
                },
                LogitLens::of);
    }

    static List<String> hookPoints(ModelLayout layout) {
        var names = new ArrayList<>(depthNames(layout));
        names.add(layout.lastBlock());
        return names;
    }

    /** Reads all depths of each image of a pass; the model's last layers run once more. */
    static List<LogitLens> of(Pass pass) {
        var layout = pass.layout();
        Pass.finite("the logits", pass.logits().toFloats());
        return Frame.compute(() -> {
            var found = new LinkedHashMap<String, Tensor>();
            if (layout.classAttention()) {
                found.put("class token", classToken(pass.model()).expand(pass.size(), -1, -1));
            }
            var names = depthNames(layout);
            var last = pass.tensor(names.get(names.size() - 1));
            for (var name : names) {
                var output = pass.tensor(name);
                if (Arrays.equals(output.shape(), last.shape())) {
                    found.put(layout.title(name), output);
                }
            }
            var replacement = Tensor.cat(0, List.copyOf(found.values()));
            var patches = Collections.nCopies(found.size(), pass.tensor(layout.lastBlock()));
            var read = layout.classAttention()
                    ? tail(pass, pass.images(), Tensor.cat(0, patches), replacement)
                    : tail(pass, pass.images(), replacement, null);
            return split(List.copyOf(found.keySet()), read, pass.size());
        });
    }

    /**
     * Blocks that need not run for the last layers to be read: all, or a pyramid's last stage, before which maps are
     * merged.
     */
    private static List<String> skippable(ModelLayout layout) {
        return layout.output() == Output.TOKENS ? layout.blocks() : lastStage(layout);
    }

    private static List<String> lastStage(ModelLayout layout) {
        var stage = layout.lastBlock().substring(0, layout.lastBlock().lastIndexOf('.') + 1);
        return layout.blocks().stream().filter(name -> name.startsWith(stage)).toList();
    }

    private static List<String> depthNames(ModelLayout layout) {
        if (layout.classAttention()) {
            return layout.classBlocks();
        }
        if (layout.output() == Output.TOKENS) {
            return layout.outputs(false);
        }
        // The last stage: its blocks share the last stride, and its first block's input has the shape of its output but
        // in ResNets.
        var blocks = lastStage(layout);
        var names = new ArrayList<String>();
        names.add(blocks.get(0) + "." + ForwardHook.INPUT);
        names.addAll(blocks);
        return names;
    }

    private static Tensor classToken(Model model) {
        return Objects.requireNonNull(model.parameters().get("cls_token")).value();
    }

    /**
     * The model's logits where its last blocks gave what is put in their place; no block runs.
     *
     * @param last in place of the last block of the patches
     * @param classLast in place of the last block of class attention, or null
     */
    private static Tensor tail(Pass pass, Tensor images, Tensor last, @Nullable Tensor classLast) {
        var layout = pass.layout();
        var replacements = new LinkedHashMap<String, Tensor>();
        var nothing = Tensor.zeros(1);
        skippable(layout).forEach(block -> replacements.put(block, nothing));
        layout.classBlocks().forEach(block -> replacements.put(block, nothing));
        replacements.put(layout.lastBlock(), last);
        if (classLast != null) {
            replacements.put(layout.classBlocks().get(layout.classBlocks().size() - 1), classLast);
        }
        try (var hook = ForwardHook.replacing(pass.model(), replacements, name -> false)) {
            return pass.model().apply(images);
        }
    }

    private static List<LogitLens> split(List<String> depths, Tensor logits, int images) {
        var values = logits.toFloats();
        int classes = (int) logits.size(1);
        var lenses = new ArrayList<LogitLens>();
        for (int b = 0; b < images; b++) {
            var rows = new float[depths.size()][];
            for (int depth = 0; depth < rows.length; depth++) {
                int from = (depth * images + b) * classes;
                rows[depth] = Arrays.copyOfRange(values, from, from + classes);
            }
            lenses.add(new LogitLens(depths, rows));
        }
        return lenses;
    }

    /**
     * Patch lens: the logit of a class where each patch token is read as if it were the class token (and every other
     * prefix token).
     *
     * @param images {@code [B, C, H, W]}, normalized
     * @param classes one for each image
     * @return for each image a map for each depth of {@link #of}
     * @throws VitrailException if {@link #patchReason} says why not
     */
    public static List<List<GridMap>> patches(Model model, Tensor images, int[] classes) {
        return Pass.forward(
                model,
                images,
                layout -> {
                    refuse(patchReason(model, layout));
                    return hookPoints(layout);
                },
                pass -> patches(pass, classes));
    }

    /** Reads the patches of each image of a pass; the model's last layers run once more for each map. */
    static List<List<GridMap>> patches(Pass pass, int[] classes) {
        var layout = pass.layout();
        int read = layout.query() == ModelLayout.Query.CLASS_AND_DISTILLATION ? 2 : 1;
        Pass.requireClasses(classes, pass.size(), pass.logits().size(1));
        var maps = pass.<GridMap>perImage();
        for (var name : layout.outputs(false)) {
            for (int b = 0; b < classes.length; b++) {
                int image = b;
                maps.get(b).add(Frame.compute(() -> {
                    var patches = pass.tensor(name)
                            .select(0, image)
                            .narrow(0, layout.prefix(), layout.cells())
                            .unsqueeze(1)
                            .expand(-1, read, -1)
                            .contiguous(); //                                      [patches, read, D]
                    var logits = tail(pass, pass.images().narrow(0, 0, 1), patches, null)
                            .select(1, classes[image]);
                    return new GridMap(layout.gridHeight(), layout.gridWidth(), Pass.finite(name, logits.toFloats()));
                }));
            }
        }
        return maps;
    }

    private static void refuse(Optional<String> reason) {
        reason.ifPresent(why -> {
            throw VitrailException.of("there is no logit lens of this model: %s", why);
        });
    }

    /** The most probable class at each depth. */
    public int[] top1() {
        var top = new int[logits.length];
        for (int depth = 0; depth < top.length; depth++) {
            for (int c = 0; c < logits[depth].length; c++) {
                top[depth] = logits[depth][c] > logits[depth][top[depth]] ? c : top[depth];
            }
        }
        return top;
    }

    /** The classes that are most probable at the end, the first of them first. */
    public List<Integer> leading(int count) {
        var last = logits[logits.length - 1];
        return IntStream.range(0, last.length)
                .boxed()
                .sorted(Comparator.comparingDouble((Integer c) -> -last[c]))
                .limit(count)
                .toList();
    }

    /** The rank of a class among all at a depth, from 1. */
    public int rank(int depth, int c) {
        int rank = 1;
        for (float logit : logits[depth]) {
            rank += logit > logits[depth][c] ? 1 : 0;
        }
        return rank;
    }

    /** The first depth from which on the final answer leads for good. */
    public int decided() {
        var top = top1();
        int depth = top.length - 1;
        while (depth > 0 && top[depth - 1] == top[top.length - 1]) {
            depth--;
        }
        return depth;
    }
}
