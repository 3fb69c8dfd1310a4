package dev.vitrail.weights;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vitrail.errors.VitrailException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Weights in several files: {@code model.safetensors.index.json} or {@code pytorch_model.bin.index.json}, whose
 * {@code weight_map} says which file beside it holds which tensor.
 *
 * @param file the index
 * @param shards tensor name to file name, in the index's order
 */
public record ShardedIndex(Path file, Map<String, String> shards) {
    public static final String SUFFIX = ".index.json";

    /**
     * Reads the index alone, not the shards.
     *
     * @throws VitrailException if it is no index, or names a shard by anything but a plain file name
     */
    public static ShardedIndex read(Path file) {
        if (!(JsonFile.read(file).get("weight_map") instanceof ObjectNode map)) {
            throw VitrailException.of("%s has no weight_map, so it is no index of weights in several files", file);
        }
        var shards = new LinkedHashMap<String, String>();
        for (var entry : map.properties()) {
            String shard = entry.getValue().asText();
            VitrailException.require(
                    entry.getValue().isTextual() && plain(shard),
                    "%s places tensor %s in %s; the name of a file in the same folder was expected",
                    file,
                    entry.getKey(),
                    entry.getValue());
            shards.put(entry.getKey(), shard);
        }
        return new ShardedIndex(file, shards);
    }

    /** File names of the shards, each once. */
    public List<String> files() {
        return shards.values().stream().distinct().toList();
    }

    /** Reads every shard and puts their tensors together in the index's order. */
    StateDict load() {
        var opened = new LinkedHashMap<String, StateDict>();
        for (String shard : files()) {
            var path = file.resolveSibling(shard);
            VitrailException.require(
                    Files.isRegularFile(path), "%s needs %s beside it, which is missing: download it too", file, shard);
            opened.put(shard, WeightsFile.readSingle(path, false));
        }
        var tensors = new ArrayList<StoredTensor>();
        for (var entry : shards.entrySet()) {
            var shard = opened.get(entry.getValue());
            if (shard == null || shard.find(entry.getKey()).isEmpty()) {
                throw VitrailException.of(
                        "%s places tensor %s in %s, which does not hold it: index and shards belong to different"
                                + " models",
                        file, entry.getKey(), entry.getValue());
            }
            tensors.add(shard.get(entry.getKey()));
        }
        opened.forEach((shard, dict) -> dict.names()
                .forEach(name -> VitrailException.require(
                        shard.equals(shards.get(name)),
                        "%s holds tensor %s, which %s does not place there: index and shards belong to different"
                                + " models",
                        shard,
                        name,
                        file)));
        var metadata =
                opened.values().stream().findFirst().map(StateDict::metadata).orElse(Map.of());
        return new StateDict(tensors, metadata, file.toString());
    }

    private static boolean plain(String name) {
        return name.matches("[A-Za-z0-9_-][A-Za-z0-9._-]*");
    }
}
