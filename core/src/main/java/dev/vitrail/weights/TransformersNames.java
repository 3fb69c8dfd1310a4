package dev.vitrail.weights;

import dev.vitrail.engine.DType;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Functional;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.Tensor;
import dev.vitrail.models.layers.Positions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The names that models of the transformers library have for their parameters, translated to timm's.
 *
 * <p>Queries, keys and values are three layers there and one with us. Releases since 5 name parameters otherwise in
 * memory than in the files of {@code save_pretrained}; a plain {@code torch.save} keeps those, so both are read. The
 * names of a backbone alone lack their first word. ConvNeXt differs in names alone, and is a format of its family.
 */
final class TransformersNames {
    /** Key in the metadata of translated weights: the origin of the names they had. */
    static final String TRANSLATED = "translated from";

    private static final Pattern START = Pattern.compile(
            "^(vit|deit|beit|data2vec_vision|swin|swinv2|dinov2|dinov2_with_registers" + "|resnet|bit)\\.");

    /** Tensor names of one kind of model: a mark that tells it from others, and the rules by which its names change. */
    private record Naming(Pattern mark, List<Rule> rules) {
        static Naming of(String mark, Rule... rules) {
            return new Naming(Pattern.compile(mark), List.of(rules));
        }

        boolean isOf(StateDict state) {
            return state.names().stream()
                    .anyMatch(name -> mark.matcher(shortened(name)).matches());
        }
    }

    /** A part of foreign names and what it becomes; empty for names that are not stored with us. */
    private record Rule(Pattern foreign, Optional<String> ours) {
        static Rule of(String foreign, String ours) {
            return new Rule(Pattern.compile(foreign), Optional.of(ours));
        }

        static Rule without(String foreign) {
            return new Rule(Pattern.compile(foreign), Optional.empty());
        }
    }

    /** A tensor's place among those that make one of ours: query, key and value, or a gate and what it lets pass. */
    private record Part(String ours, int index, int count) {}

    // spotless:off
    private static final Naming COLUMN = Naming.of("(encoder\\.)?layers?\\.0\\.attention\\.(attention\\.query|q_proj)\\.weight",
            Rule.without("^(decoder|lm_head|pooler\\.dense)\\b|\\.relative_position_index$|^embeddings\\.mask_token$"),
            Rule.of("^embeddings\\.cls_token$", "cls_token"),
            Rule.of("^embeddings\\.register_tokens$", "reg_token"),
            Rule.of("^embeddings\\.position_embeddings$", "pos_embed"),
            Rule.of("^embeddings\\.patch_embeddings\\.projection\\.", "patch_embed.proj."),
            Rule.of("^(encoder\\.)?layers?\\.(\\d+)\\.", "blocks.$2."),
            Rule.of("\\.attention\\.(output\\.dense|o_proj)\\.", ".attn.proj."),
            Rule.of("\\.(attention\\.attention\\.|attention\\.)?relative_position_bias\\.relative_position_bias_table$", ".attn.relative_position_bias_table"),
            Rule.of("\\.layernorm_before\\.", ".norm1."),
            Rule.of("\\.layernorm_after\\.", ".norm2."),
            Rule.of("\\.(intermediate\\.dense|mlp\\.weights_in)\\.", ".mlp.fc1."),
            Rule.of("\\.(output\\.dense|mlp\\.weights_out|mlp\\.down_proj)\\.", ".mlp.fc2."),
            Rule.of("\\.layer_scale([12])\\.lambda1$", ".ls$1.gamma"),
            Rule.of("\\.lambda_([12])$", ".gamma_$1"),
            Rule.of("^layernorm\\.", "norm."),
            Rule.of("^pooler\\.layernorm\\.", "fc_norm."),
            Rule.of("^(cls_)?classifier\\.", "head."),
            Rule.of("^distillation_classifier\\.", "head_dist."));

    private static final Naming SWIN = Naming.of("encoder\\.layers\\.0\\.blocks\\.0\\.attention\\.(self\\.query|q_proj)\\.weight",
            Rule.without("^decoder\\.|\\.relative_position_index$|\\.relative_coords_table$|^embeddings\\.mask_token$"),
            Rule.of("^embeddings\\.position_embeddings$", "absolute_pos_embed"),
            Rule.of("^embeddings\\.patch_embeddings\\.projection\\.", "patch_embed.proj."),
            Rule.of("^embeddings\\.norm\\.", "patch_embed.norm."),
            Rule.of("^encoder\\.layers\\.(\\d+)\\.blocks\\.", "layers.$1.blocks."),
            Rule.of("\\.attention\\.(output\\.dense|o_proj)\\.", ".attn.proj."),
            Rule.of("\\.attention\\.(self|relative_position_bias)\\.relative_position_bias_table$", ".attn.relative_position_bias_table"),
            Rule.of("\\.attention\\.self\\.logit_scale$", ".attn.logit_scale"),
            Rule.of("\\.attention\\.self\\.continuous_position_bias_mlp\\.", ".attn.cpb_mlp."),
            Rule.of("\\.layernorm_before\\.", ".norm1."),
            Rule.of("\\.layernorm_after\\.", ".norm2."),
            Rule.of("\\.intermediate\\.dense\\.", ".mlp.fc1."),
            Rule.of("\\.output\\.dense\\.", ".mlp.fc2."),
            Rule.of("^layernorm\\.", "norm."),
            Rule.of("^classifier\\.", "head.fc."));

    private static final Naming RESNET = Naming.of("embedder\\.embedder\\.convolution\\.weight",
            Rule.of("^embedder\\.embedder\\.convolution\\.", "conv1."),
            Rule.of("^embedder\\.embedder\\.normalization\\.", "bn1."),
            Rule.of("\\.shortcut\\.convolution\\.", ".downsample.0."),
            Rule.of("\\.shortcut\\.normalization\\.", ".downsample.1."),
            Rule.of("\\.layer\\.0\\.convolution\\.", ".conv1."),
            Rule.of("\\.layer\\.1\\.convolution\\.", ".conv2."),
            Rule.of("\\.layer\\.2\\.convolution\\.", ".conv3."),
            Rule.of("\\.layer\\.0\\.normalization\\.", ".bn1."),
            Rule.of("\\.layer\\.1\\.normalization\\.", ".bn2."),
            Rule.of("\\.layer\\.2\\.normalization\\.", ".bn3."),
            Rule.of("^classifier\\.1\\.", "fc."));

    private static final Naming BIT = Naming.of("embedder\\.convolution\\.weight",
            Rule.of("^embedder\\.convolution\\.", "stem.conv."),
            Rule.of("^encoder\\.stages\\.(\\d+)\\.layers\\.(\\d+)\\.", "stages.$1.blocks.$2."),
            Rule.of("^classifier\\.1\\.", "head.fc."));
    // spotless:on

    private static final List<Naming> NAMINGS = List.of(COLUMN, SWIN, RESNET, BIT);

    private static final Pattern PROJECTION = Pattern.compile(
            "(.*)\\.attention\\.(?:(?:attention|self)\\.([qkv])(?:uery|ey|alue)|([qkv])_proj)\\.(weight|bias)");
    private static final Pattern GATED = Pattern.compile("(.*)\\.mlp\\.(gate|up)_proj\\.(weight|bias)");
    private static final Pattern MERGING = Pattern.compile("encoder\\.layers\\.(\\d+)\\.downsample\\.(.+)");
    private static final Pattern RESNET_LAYER = Pattern.compile("encoder\\.stages\\.(\\d+)\\.layers\\.(.+)");
    private static final Pattern SHARED =
            Pattern.compile("(?:encoder\\.relative_position_bias|shared_position_bias)\\.relative_position_bias_table");
    private static final Pattern BLOCK = Pattern.compile("(?:encoder\\.)?layers?\\.(\\d+)\\..*");
    private static final String POSITIONS = "embeddings.position_embeddings";

    private final Naming naming;
    /** The tensors without the first word of their names. */
    private final Map<String, StoredTensor> foreign;
    /** True if keys have no bias, so that queries and values keep theirs apart. */
    private final boolean keysUnbiased;

    private final Map<String, StoredTensor> ours = new LinkedHashMap<>();
    private final Map<String, List<Optional<StoredTensor>>> parts = new LinkedHashMap<>();

    private TransformersNames(StateDict state, Naming naming) {
        this.naming = naming;
        foreign = state.tensors().entrySet().stream()
                .collect(Collectors.toMap(
                        entry -> shortened(entry.getKey()), Map.Entry::getValue, (a, b) -> a, LinkedHashMap::new));
        keysUnbiased = has(".*\\.(lambda_1|relative_position_bias\\.relative_position_bias_table|logit_scale)")
                && !has(".*\\.attention\\.((attention|self)\\.key|k_proj)\\.bias");
    }

    /**
     * The weights by timm's names, where they have a model's of transformers or those of {@link VitNames}; else
     * as they are.
     */
    static StateDict inOurs(StateDict state) {
        return NAMINGS.stream()
                .filter(naming -> naming.isOf(state))
                .findFirst()
                .map(naming -> state.translated(
                        new TransformersNames(state, naming).translated(), "the transformers library", state.notes()))
                .orElseGet(() -> VitNames.inOurs(state));
    }

    /** Origin of the names that the weights had before {@link #inOurs}; empty if they were not translated. */
    static Optional<String> origin(StateDict state) {
        return Optional.ofNullable(state.metadata().get(TRANSLATED));
    }

    /** A name without the first word, which is the model's. */
    static String shortened(String name) {
        return START.matcher(name).replaceFirst("");
    }

    /** The stored tensor of that name or, with a model's word before it, of a classifier's model. */
    static Optional<StoredTensor> find(StateDict state, String name) {
        return state.tensors().values().stream()
                .filter(tensor -> shortened(tensor.name()).equals(name))
                .findFirst();
    }

    /**
     * The weights with position embeddings that were resampled bicubically for another grid, as the models of
     * transformers do it while they run.
     *
     * @param prefix positions before the patches'
     * @param antialias as DINOv2 with registers has it
     */
    static StateDict withGrid(StateDict state, int prefix, int rows, int columns, boolean antialias) {
        var table = find(state, POSITIONS);
        if (table.isEmpty() || table.get().shape().length != 3) {
            return state;
        }
        var stored = table.get();
        long patches = stored.shape()[1] - prefix;
        long side = Math.round(Math.sqrt(patches));
        if (patches == (long) rows * columns || side * side != patches) {
            return state;
        }
        var fitted = tensor(
                stored,
                values -> Positions.resample(
                        values, prefix, side, side, rows, columns, Functional.Resize.BICUBIC, antialias));
        return new StateDict(
                state.tensors().values().stream()
                        .map(tensor -> tensor == stored ? fitted : tensor)
                        .toList(),
                state.metadata(),
                state.origin(),
                state.averaged(),
                state.architecture(),
                state.notes());
    }

    /** A tensor of the same name, computed of the stored one in single precision. */
    private static StoredTensor tensor(StoredTensor stored, Function<Tensor, Tensor> change) {
        try (var frame = Frame.open();
                var off = Gradients.off()) {
            var values = change.apply(read(stored)).contiguous();
            return StoredTensor.of(stored.name(), values.toFloats(), values.shape());
        }
    }

    private static Tensor read(StoredTensor stored) {
        return Tensor.of(stored.bytes(), stored.dtype(), stored.shape()).to(DType.F32);
    }

    private boolean has(String pattern) {
        var compiled = Pattern.compile(pattern);
        return foreign.keySet().stream().anyMatch(name -> compiled.matcher(name).matches());
    }

    private List<StoredTensor> translated() {
        foreign.forEach((name, tensor) ->
                part(name).ifPresentOrElse(part -> collect(part, tensor), () -> takeOver(name, tensor)));
        parts.forEach((name, all) -> {
            var present = all.stream().flatMap(Optional::stream).toList();
            var joined =
                    present.size() == all.size() ? StoredTensor.joined(name, present) : Optional.<StoredTensor>empty();
            // What cannot be joined keeps its names, and is told of as unexpected.
            joined.map(Stream::of).orElseGet(present::stream).forEach(tensor -> ours.put(tensor.name(), tensor));
        });
        foldClassPosition();
        return new ArrayList<>(ours.values());
    }

    private void collect(Part part, StoredTensor tensor) {
        parts.computeIfAbsent(
                        part.ours,
                        any -> new ArrayList<>(Stream.generate(Optional::<StoredTensor>empty)
                                .limit(part.count)
                                .toList()))
                .set(part.index, Optional.of(tensor));
    }

    private void takeOver(String name, StoredTensor tensor) {
        if (SHARED.matcher(name).matches()) {
            blocks().forEach(block -> put("blocks." + block + ".attn.relative_position_bias_table", tensor));
            return;
        }
        renamed(name).ifPresent(our -> put(our, tensor));
    }

    private void put(String name, StoredTensor tensor) {
        ours.put(name, tensor.named(name));
    }

    /** The numbers of all encoder blocks. */
    private List<String> blocks() {
        return foreign.keySet().stream()
                .map(BLOCK::matcher)
                .filter(Matcher::matches)
                .map(matcher -> matcher.group(1))
                .distinct()
                .toList();
    }

    private Optional<Part> part(String name) {
        var projection = PROJECTION.matcher(name);
        if (projection.matches()) {
            var letter = Optional.ofNullable(projection.group(2)).orElseGet(() -> projection.group(3));
            boolean apart = projection.group(4).equals("bias") && keysUnbiased;
            var block = renamed(projection.group(1) + ".").orElseThrow() + "attn.";
            return Optional.of(
                    apart
                            ? new Part(block + letter + "_bias", 0, 1)
                            : new Part(block + "qkv." + projection.group(4), "qkv".indexOf(letter), 3));
        }
        var gated = GATED.matcher(name);
        return gated.matches()
                ? Optional.of(new Part(
                        renamed(gated.group(1) + ".").orElseThrow() + "mlp.fc1." + gated.group(3),
                        gated.group(2).equals("gate") ? 0 : 1,
                        2))
                : Optional.empty();
    }

    private Optional<String> renamed(String name) {
        var merging = MERGING.matcher(name);
        if (naming == SWIN && merging.matches()) {
            // timm merges at a stage's beginning.
            return Optional.of(
                    "layers.%d.downsample.%s".formatted(Integer.parseInt(merging.group(1)) + 1, merging.group(2)));
        }
        if (name.equals("embeddings.distillation_token")) {
            // Without a classifier of its own it is one more token that attention reads, as a register is.
            return Optional.of(foreign.containsKey("distillation_classifier.weight") ? "dist_token" : "reg_token");
        }
        var result = name;
        var layer = RESNET_LAYER.matcher(name);
        if (naming == RESNET && layer.matches()) {
            result = "layer%d.%s".formatted(Integer.parseInt(layer.group(1)) + 1, layer.group(2));
        }
        for (var rule : naming.rules) {
            var matcher = rule.foreign.matcher(result);
            if (matcher.find()) {
                if (rule.ours.isEmpty()) {
                    return Optional.empty();
                }
                result = matcher.replaceFirst(rule.ours.get());
            }
        }
        return Optional.of(result);
    }

    /**
     * Folds the class token's position into the token if there are registers: timm has it there, and positions for
     * patches alone.
     */
    private void foldClassPosition() {
        var token = ours.get("cls_token");
        var table = ours.get("pos_embed");
        if (!foreign.containsKey("embeddings.register_tokens")
                || token == null
                || table == null
                || table.shape().length != 3
                || table.shape()[1] < 2
                || !Arrays.equals(token.shape(), new long[] {1, 1, table.shape()[2]})) {
            return;
        }
        ours.put("cls_token", tensor(token, values -> values.plus(read(table).narrow(1, 0, 1))));
        ours.put("pos_embed", tensor(table, values -> values.narrow(1, 1, values.size(1) - 1)));
    }
}
