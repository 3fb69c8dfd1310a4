package dev.vitrail.models;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.IntFunction;

/**
 * Depths of a model's modules, for layer-wise learning-rate decay: 0 for the embedding, 1 … n for n blocks, and n+1 for
 * the classifier and all else that comes after the last block. Immutable.
 */
public final class LayerGroups {
    private final Map<String, Integer> modules;
    private final int blocks;

    private LayerGroups(Map<String, Integer> modules, int blocks) {
        this.modules = modules;
        this.blocks = blocks;
    }

    /** Blocks {@code list.0 … list.(count−1)}. */
    public static LayerGroups of(String list, int count) {
        return new LayerGroups(Map.of(), 0).then(list, count);
    }

    /**
     * Blocks in stages; what else is in a stage belongs to its first block.
     *
     * @param stage name of a stage, from 0
     * @param list name of its blocks' list below it, with a dot before it; empty where they lie in the stage itself
     * @param counts blocks of each stage
     */
    public static LayerGroups ofStages(IntFunction<String> stage, String list, List<Integer> counts) {
        var depths = new LayerGroups(Map.of(), 0);
        for (int i = 0; i < counts.size(); i++) {
            depths = depths.with(depths.blocks + 1, stage.apply(i)).then(stage.apply(i) + list, counts.get(i));
        }
        return depths;
    }

    /** These groups with further blocks after them. */
    public LayerGroups then(String list, int count) {
        var all = new HashMap<>(modules);
        for (int i = 0; i < count; i++) {
            all.put(list + "." + i, blocks + 1 + i);
        }
        return new LayerGroups(all, blocks + count);
    }

    /** These groups with blocks that run after them, but count as the last of them. */
    public LayerGroups alongside(String list, int count) {
        var all = new HashMap<>(modules);
        for (int i = 0; i < count; i++) {
            all.put(list + "." + i, 1 + Math.max(0, blocks - count + i));
        }
        return new LayerGroups(all, blocks);
    }

    /** These groups with parameters and modules before the first block. */
    public LayerGroups embedding(String... names) {
        return with(0, names);
    }

    /** These groups with modules that belong to the last block. */
    public LayerGroups last(String... names) {
        return with(blocks, names);
    }

    private LayerGroups with(int depth, String... names) {
        var all = new HashMap<>(modules);
        for (var name : names) {
            all.put(name, depth);
        }
        return new LayerGroups(all, blocks);
    }

    /** The depth of a parameter: that of the innermost module around it that has one. */
    public int of(String parameter) {
        for (var path = parameter; !path.isEmpty(); path = path.substring(0, Math.max(0, path.lastIndexOf('.')))) {
            var depth = Optional.ofNullable(modules.get(path));
            if (depth.isPresent()) {
                return depth.get();
            }
        }
        return blocks + 1;
    }

    /** Number of depths. */
    int count() {
        return blocks + 2;
    }
}
