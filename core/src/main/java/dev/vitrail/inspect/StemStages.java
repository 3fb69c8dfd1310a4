package dev.vitrail.inspect;

import dev.vitrail.inspect.ModelLayout.StemStage;
import dev.vitrail.inspect.ModelLayout.TokenGrid;
import dev.vitrail.models.Model;
import dev.vitrail.models.compact.CompactT2TViT;
import dev.vitrail.models.layers.SoftSplit;
import dev.vitrail.models.t2t.T2TViT;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.function.IntFunction;

/** Stages before the blocks of the backbone: of a hybrid's ResNet, and T2T's token stages. */
final class StemStages {
    private StemStages() {}

    /**
     * The stages of a model of tokens.
     *
     * @param height rows of the images, pixels
     * @param width columns of the images, pixels
     */
    static List<StemStage> of(Model model, int height, int width) {
        if (model instanceof T2TViT t2t) {
            return tokens(t2t.config().tokens().splits(), i -> "tokens_to_token.attention" + (i + 1), height, width);
        } else if (model instanceof CompactT2TViT compact) {
            IntFunction<String> layer =
                    i -> "to_patch_embedding.%d.layers.0".formatted(CompactT2TViT.STEPS * (i + 1) - 1);
            return tokens(compact.config().splits(), layer, height, width);
        }
        var last = new LinkedHashMap<String, StemStage>();
        for (var name : model.blocks()) {
            if (name.startsWith("patch_embed.")) {
                last.put(name.substring(0, name.lastIndexOf('.')), new StemStage(name, Optional.empty()));
            }
        }
        return List.copyOf(last.values());
    }

    /** T2T's stages, whose tokens are the windows of the split before. */
    private static List<StemStage> tokens(List<SoftSplit> splits, IntFunction<String> name, int height, int width) {
        var found = new ArrayList<StemStage>();
        int rows = height, columns = width, stride = 1;
        for (int i = 0; i < splits.size() - 1; i++) {
            rows = splits.get(i).positions(rows);
            columns = splits.get(i).positions(columns);
            stride *= splits.get(i).stride();
            found.add(new StemStage(name.apply(i), Optional.of(new TokenGrid(rows, columns, stride))));
        }
        return found;
    }
}
