package dev.vitrail.inspect;

import dev.vitrail.models.Model;
import dev.vitrail.models.compact.CompactT2TViT;
import dev.vitrail.models.layers.Grid;
import dev.vitrail.models.layers.SoftSplit;
import dev.vitrail.models.t2t.T2TViT;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.IntFunction;

/** What comes before the blocks of the backbone: the stages of a hybrid's ResNet, and T2T's token stages. */
final class StemStages {
    private StemStages() {}

    /**
     * The last block of each stage, and the grid of its tokens; empty for maps, whose grid their shape tells.
     *
     * @param height rows of the images, pixels
     * @param width columns of the images, pixels
     */
    static Map<String, Optional<Grid>> of(Model model, ModelLayout layout, int height, int width) {
        var found = new LinkedHashMap<String, Optional<Grid>>();
        if (model instanceof T2TViT t2t) {
            return tokens(t2t.config().tokens().splits(), i -> "tokens_to_token.attention" + (i + 1), height, width);
        } else if (model instanceof CompactT2TViT compact) {
            IntFunction<String> layer =
                    i -> "to_patch_embedding.%d.layers.0".formatted(CompactT2TViT.STEPS * (i + 1) - 1);
            return tokens(compact.config().splits(), layer, height, width);
        }
        var last = new LinkedHashMap<String, String>();
        for (var name : model.blocks()) {
            if (name.startsWith("patch_embed.") && !layout.blocks().contains(name)) {
                last.put(name.substring(0, name.lastIndexOf('.')), name);
            }
        }
        last.values().forEach(name -> found.put(name, Optional.empty()));
        return found;
    }

    /** T2T's stages, whose tokens are the windows of the split before. */
    private static Map<String, Optional<Grid>> tokens(
            List<SoftSplit> splits, IntFunction<String> name, int height, int width) {
        var found = new LinkedHashMap<String, Optional<Grid>>();
        int rows = height, columns = width;
        for (int i = 0; i < splits.size() - 1; i++) {
            rows = splits.get(i).positions(rows);
            columns = splits.get(i).positions(columns);
            found.put(name.apply(i), Optional.of(new Grid(rows, columns)));
        }
        return found;
    }
}
