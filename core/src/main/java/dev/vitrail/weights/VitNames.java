package dev.vitrail.weights;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Names of vision transformers that renaming alone does not translate to timm's.
 *
 * <p>CLIP's image towers, as OpenAI and open_clip store them, beside a text tower or alone: the projection to the space
 * that images and texts share lies transposed and without a bias; timm has it for a classifier. And the ViT-pytorch
 * repository of jeonsworld, by whose names many fine-tuned files are stored: queries, keys and values are three layers.
 */
final class VitNames {
    private static final Pattern TOWER =
            Pattern.compile("(.*\\.)?(?=transformer\\.resblocks\\.0\\.attn\\.in_proj_weight$).*");
    private static final String CLIP_STEM = "conv1.weight", CLIP_CLASS = "class_embedding";

    private static final Pattern COLUMN =
            Pattern.compile("(.*\\.)?(?=transformer\\.encoder\\.layer\\.0\\.attn\\.query\\.weight$).*");
    private static final String COLUMN_STEM = "transformer.embeddings.patch_embeddings.weight";
    private static final Pattern PROJECTION =
            Pattern.compile("transformer\\.encoder\\.layer\\.(\\d+)\\.attn\\.(query|key|value)\\.(weight|bias)");
    private static final List<String> PROJECTIONS = List.of("query", "key", "value");

    private VitNames() {}

    /** The weights by timm's names, where they have one of these; else as they are. */
    static StateDict inOurs(StateDict state) {
        return prefix(state, TOWER, Set.of(CLIP_STEM, CLIP_CLASS))
                .map(prefix -> clip(state, prefix))
                .or(() -> prefix(state, COLUMN, Set.of(COLUMN_STEM)).map(prefix -> column(state, prefix)))
                .orElse(state);
    }

    /**
     * Prefix of the names of a model that has a tensor like {@code mark} and {@code others}; empty where there is none.
     */
    private static Optional<String> prefix(StateDict state, Pattern mark, Set<String> others) {
        return state.names().stream()
                .map(mark::matcher)
                .filter(Matcher::matches)
                .map(matcher -> Optional.ofNullable(matcher.group(1)).orElse(""))
                .filter(prefix ->
                        others.stream().allMatch(other -> state.names().contains(prefix + other)))
                .findFirst();
    }

    private static StateDict clip(StateDict state, String prefix) {
        var notes = new ArrayList<>(state.notes());
        var ours = new ArrayList<StoredTensor>();
        int others = 0;
        for (var tensor : state) {
            if (!tensor.name().startsWith(prefix)) {
                others++;
                continue;
            }
            var name = tensor.name().substring(prefix.length());
            if (name.equals("proj") && tensor.shape().length == 2) {
                ours.add(transposed("head.weight", tensor));
                int outputs = Math.toIntExact(tensor.shape()[1]);
                ours.add(StoredTensor.of("head.bias", new float[outputs], outputs));
                notes.add(("the classifier is CLIP's projection: its %d outputs are no classes but a vector to compare"
                                + " with texts'")
                        .formatted(outputs));
            } else if (prefix.isEmpty() && isText(name)) {
                others++;
            } else if (name.equals("positional_embedding") && tensor.shape().length == 2) {
                ours.add(new StoredTensor(
                        "pos_embed",
                        tensor.dtype(),
                        new long[] {1, tensor.shape()[0], tensor.shape()[1]},
                        tensor.bytes()));
            } else {
                ours.add(tensor.named(clipName(name)));
            }
        }
        if (others > 0) {
            notes.add("the image tower was loaded; %d tensors beside it, as of a text tower, were left out"
                    .formatted(others));
        }
        return state.translated(ours, "CLIP", notes);
    }

    /** The text tower's own beside an image tower without a prefix. */
    private static boolean isText(String name) {
        return name.startsWith("token_embedding.") || name.startsWith("ln_final.") || name.equals("text_projection");
    }

    private static String clipName(String name) {
        return name.replaceFirst("^conv1\\.", "patch_embed.proj.")
                .replaceFirst("^class_embedding$", "cls_token")
                .replaceFirst("^ln_pre\\.", "norm_pre.")
                .replaceFirst("^ln_post\\.", "norm.")
                .replaceFirst("^transformer\\.resblocks\\.", "blocks.")
                .replaceFirst("\\.ln_([12])\\.", ".norm$1.")
                .replaceFirst("\\.ls_([12])\\.", ".ls$1.")
                .replaceFirst("\\.attn\\.in_proj_", ".attn.qkv.")
                .replaceFirst("\\.attn\\.out_proj\\.", ".attn.proj.")
                .replaceFirst("\\.mlp\\.c_fc\\.", ".mlp.fc1.")
                .replaceFirst("\\.mlp\\.c_proj\\.", ".mlp.fc2.");
    }

    private static StoredTensor transposed(String name, StoredTensor tensor) {
        int rows = Math.toIntExact(tensor.shape()[0]);
        int columns = Math.toIntExact(tensor.shape()[1]);
        var values = tensor.toFloats();
        var result = new float[values.length];
        for (int row = 0; row < rows; row++) {
            for (int column = 0; column < columns; column++) {
                result[column * rows + row] = values[row * columns + column];
            }
        }
        return StoredTensor.of(name, result, columns, rows);
    }

    private static StateDict column(StateDict state, String prefix) {
        var ours = new ArrayList<StoredTensor>();
        Map<String, Map<String, StoredTensor>> parts = new LinkedHashMap<>();
        for (var tensor : state) {
            var name = tensor.name().startsWith(prefix) ? tensor.name().substring(prefix.length()) : tensor.name();
            var projection = PROJECTION.matcher(name);
            if (projection.matches()) {
                var joined = "blocks.%s.attn.qkv.%s".formatted(projection.group(1), projection.group(3));
                parts.computeIfAbsent(joined, any -> new HashMap<>()).put(projection.group(2), tensor);
            } else {
                ours.add(tensor.named(columnName(name)));
            }
        }
        parts.forEach((name, three) -> {
            var inOrder = PROJECTIONS.stream()
                    .flatMap(part -> Optional.ofNullable(three.get(part)).stream())
                    .toList();
            var joined = inOrder.size() == PROJECTIONS.size()
                    ? StoredTensor.joined(name, inOrder)
                    : Optional.<StoredTensor>empty();
            // What cannot be joined keeps its names, and is told of as unexpected.
            ours.addAll(joined.map(List::of).orElse(inOrder));
        });
        return state.translated(ours, "ViT-pytorch (jeonsworld)", state.notes());
    }

    private static String columnName(String name) {
        return name.replaceFirst("^transformer\\.embeddings\\.patch_embeddings\\.", "patch_embed.proj.")
                .replaceFirst("^transformer\\.embeddings\\.cls_token$", "cls_token")
                .replaceFirst("^transformer\\.embeddings\\.position_embeddings$", "pos_embed")
                .replaceFirst("^transformer\\.encoder\\.encoder_norm\\.", "norm.")
                .replaceFirst("^transformer\\.encoder\\.layer\\.", "blocks.")
                .replaceFirst("\\.attention_norm\\.", ".norm1.")
                .replaceFirst("\\.ffn_norm\\.", ".norm2.")
                .replaceFirst("\\.attn\\.out\\.", ".attn.proj.")
                .replaceFirst("\\.ffn\\.fc([12])\\.", ".mlp.fc$1.");
    }
}
