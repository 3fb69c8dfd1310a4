package dev.vitrail.weights;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.engine.DType;
import dev.vitrail.engine.Device;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Functional;
import dev.vitrail.engine.Tensor;
import dev.vitrail.models.Model;
import dev.vitrail.models.WeightResampler;
import dev.vitrail.models.layers.Positions;
import dev.vitrail.models.vit.ViTConfig;
import dev.vitrail.models.vit.VisionTransformer;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.regex.Pattern;

/**
 * Google's {@code .npz} checkpoints of ViT and its hybrids: names and layouts of the Flax code (vision_transformer and
 * big_vision) translated to timm's.
 *
 * <p>Flax keeps dense kernels as {@code [in, out]}, attention kernels as {@code [D, h, d]} and {@code [h, d, D]}, and
 * convolutions as {@code [kh, kw, in, out]}; queries, keys and values are apart. Positions of another grid are
 * resampled bilinearly without antialiasing, as timm's reader of these files does it.
 */
final class FlaxVit {
    private static final Pattern BLOCK = Pattern.compile("blocks\\.(\\d+)\\.(.+)");
    private static final Pattern UNIT =
            Pattern.compile("patch_embed\\.backbone\\.stages\\.(\\d+)\\.blocks\\.(\\d+)\\.(.+)");

    private final StateDict state;
    private final Model model;
    private final ViTConfig config;
    private final String prefix;
    /** Numbers of the attention, MLP and second norm within a block: the two code bases count them differently. */
    private final int attention;

    private final int MLP;
    private final int secondNorm;
    /** Names of the checkpoint that one of our parameters was made of. */
    private final Set<String> read = new HashSet<>();

    private final boolean shapesAlone;

    private FlaxVit(StateDict state, Model model, boolean shapesAlone) {
        this.state = state;
        this.model = model;
        config = (ViTConfig) model.config();
        this.shapesAlone = shapesAlone;
        prefix = List.of("opt/target/", "params/img/", "params/", "").stream()
                .filter(start -> state.names().contains(start + "embedding/kernel"))
                .findFirst()
                .orElse("");
        boolean bigVision = prefix.startsWith("params/");
        attention = bigVision ? 0 : 1;
        MLP = bigVision ? 0 : 3;
        secondNorm = bigVision ? 1 : 2;
    }

    /** Returns whether a checkpoint has Google's names for a ViT, and the model is one. */
    static boolean recognises(StateDict state, Model model) {
        var names = state.names();
        return model instanceof VisionTransformer
                && names.stream().anyMatch(name -> name.endsWith("embedding/kernel"))
                && names.stream().anyMatch(name -> name.contains("Transformer/encoder"));
    }

    /**
     * The tensors of a checkpoint that {@link #recognises} accepts, under the names of the model's parameters, in their
     * layouts; those that the model has no place for under their own.
     */
    static Map<String, StoredTensor> translate(StateDict state, Model model) {
        var flax = new FlaxVit(state, model, false);
        var translated = new LinkedHashMap<String, StoredTensor>();
        flax.each((name, found) -> {
            var tensor = found.to(DType.F32).contiguous();
            translated.put(name, new StoredTensor(name, DType.F32, tensor.shape(), ByteBuffer.wrap(tensor.toBytes())));
        });
        flax.unread().forEach(name -> translated.put(name, state.get(name)));
        return translated;
    }

    /** The shapes of {@link #translate}, of positions and patches as they are stored. */
    static Map<String, long[]> shapes(StateDict state, Model model) {
        var flax = new FlaxVit(state, model, true);
        var shapes = new LinkedHashMap<String, long[]>();
        flax.each((name, found) -> shapes.put(name, found.shape()));
        flax.unread().forEach(name -> shapes.put(name, state.get(name).shape()));
        return shapes;
    }

    private void each(BiConsumer<String, Tensor> use) {
        model.parameters()
                .keySet()
                .forEach(name -> Frame.run(() -> tensor(name).ifPresent(tensor -> use.accept(name, tensor))));
    }

    /** Names of the model's tensors, not the optimizer's or a text tower's, that no parameter was made of. */
    private List<String> unread() {
        // Fine-tuned checkpoints may keep the layer that pre-training had before its classifier.
        return state.names().stream()
                .filter(name -> name.startsWith(prefix) && !read.contains(name))
                .filter(name -> !name.startsWith(prefix + "pre_logits/"))
                .filter(name -> config.classes() > 0 || !name.startsWith(prefix + "head/"))
                .toList();
    }

    /** The values for one of our parameters; empty if the checkpoint has none. */
    private Optional<Tensor> tensor(String ours) {
        var block = BLOCK.matcher(ours);
        if (block.matches()) {
            return block(Integer.parseInt(block.group(1)), block.group(2));
        }
        var unit = UNIT.matcher(ours);
        if (unit.matches()) {
            return unit(
                    "block%d/unit%d/"
                            .formatted(Integer.parseInt(unit.group(1)) + 1, Integer.parseInt(unit.group(2)) + 1),
                    unit.group(3));
        }
        return switch (ours) {
            case "cls_token" -> find("cls");
            case "pos_embed" ->
                find("pos_embedding")
                        .or(() -> find("Transformer/posembed_input/pos_embedding"))
                        .map(this::positions);
            case "patch_embed.proj.weight" ->
                find("embedding/kernel").map(FlaxVit::convolution).map(this::patch);
            case "patch_embed.proj.bias" -> find("embedding/bias");
            case "patch_embed.backbone.stem.conv.weight", "patch_embed.backbone.conv.weight" ->
                find("conv_root/kernel").map(FlaxVit::convolution);
            case "patch_embed.backbone.stem.norm.weight", "patch_embed.backbone.norm.weight" ->
                find("gn_root/scale").map(Tensor::flat);
            case "patch_embed.backbone.stem.norm.bias", "patch_embed.backbone.norm.bias" ->
                find("gn_root/bias").map(Tensor::flat);
            case "norm.weight", "fc_norm.weight" -> find("Transformer/encoder_norm/scale");
            case "norm.bias", "fc_norm.bias" -> find("Transformer/encoder_norm/bias");
            case "head.weight" -> find("head/kernel").map(kernel -> kernel.transpose(0, 1));
            case "head.bias" -> find("head/bias");
            default -> ours.startsWith("attn_pool.") ? pool(ours.substring("attn_pool.".length())) : Optional.empty();
        };
    }

    private Optional<Tensor> block(int index, String part) {
        boolean stacked = state.names().contains(prefix + "Transformer/encoderblock/LayerNorm_0/scale");
        var start = stacked ? "Transformer/encoderblock/" : "Transformer/encoderblock_" + index + "/";
        return layer(start, part, attention, MLP, secondNorm, stacked ? index : -1);
    }

    /**
     * A part of an encoder block, or of the attention pool; {@code index} is the block within a stack of all, or −1.
     */
    private Optional<Tensor> layer(String start, String part, int attention, int MLP, int secondNorm, int index) {
        var heads = start + "MultiHeadDotProductAttention_" + attention + "/";
        var mlp = start + "MlpBlock_" + MLP + "/";
        return switch (part) {
            case "norm1.weight" -> find(start + "LayerNorm_0/scale", index);
            case "norm1.bias" -> find(start + "LayerNorm_0/bias", index);
            case "norm2.weight" -> find(start + "LayerNorm_" + secondNorm + "/scale", index);
            case "norm2.bias" -> find(start + "LayerNorm_" + secondNorm + "/bias", index);
            case "attn.qkv.weight" ->
                joined(heads, "/kernel", index, "query", "key", "value").map(kernel -> kernel.transpose(0, 1));
            case "attn.qkv.bias" -> joined(heads, "/bias", index, "query", "key", "value");
            case "attn.proj.weight" ->
                find(heads + "out/kernel", index)
                        .map(kernel -> kernel.flatten(0, 1).transpose(0, 1));
            case "attn.proj.bias" -> find(heads + "out/bias", index);
            case "mlp.fc1.weight" -> find(mlp + "Dense_0/kernel", index).map(kernel -> kernel.transpose(0, 1));
            case "mlp.fc1.bias" -> find(mlp + "Dense_0/bias", index);
            case "mlp.fc2.weight" -> find(mlp + "Dense_1/kernel", index).map(kernel -> kernel.transpose(0, 1));
            case "mlp.fc2.bias" -> find(mlp + "Dense_1/bias", index);
            default -> Optional.empty();
        };
    }

    private Optional<Tensor> pool(String part) {
        var start = "MAPHead_0/";
        var heads = start + "MultiHeadDotProductAttention_0/";
        return switch (part) {
            case "latent" -> find(start + "probe");
            case "q.weight" -> joined(heads, "/kernel", -1, "query").map(kernel -> kernel.transpose(0, 1));
            case "q.bias" -> joined(heads, "/bias", -1, "query");
            case "kv.weight" -> joined(heads, "/kernel", -1, "key", "value").map(kernel -> kernel.transpose(0, 1));
            case "kv.bias" -> joined(heads, "/bias", -1, "key", "value");
            case "proj.weight" -> layer(start, "attn.proj.weight", 0, 0, 0, -1);
            case "proj.bias" -> layer(start, "attn.proj.bias", 0, 0, 0, -1);
            case "norm.weight" -> find(start + "LayerNorm_0/scale");
            case "norm.bias" -> find(start + "LayerNorm_0/bias");
            default -> layer(start, part, 0, 0, 0, -1);
        };
    }

    /** A part of a ResNetV2 unit. */
    private Optional<Tensor> unit(String start, String part) {
        var name = part.replace("downsample.conv", "conv_proj")
                .replace("downsample.norm", "gn_proj")
                .replaceFirst("^norm(\\d)", "gn$1");
        int dot = name.lastIndexOf('.');
        var layer = start + name.substring(0, dot);
        if (name.startsWith("conv")) {
            return find(layer + "/kernel").map(FlaxVit::convolution);
        }
        return find(layer + (name.endsWith("weight") ? "/scale" : "/bias")).map(Tensor::flat);
    }

    private Optional<Tensor> find(String name) {
        return find(name, -1);
    }

    private Optional<Tensor> find(String name, int index) {
        return state.find(prefix + name)
                .filter(stored -> index < 0 || index < blocks(stored))
                .map(stored -> {
                    if (index < 0 || blocks(stored) == config.encoder().depth()) {
                        read.add(stored.name());
                    }
                    return shapesAlone
                            ? Tensor.empty(stored.dtype(), Device.META, stored.shape())
                            : Tensor.of(stored.bytes(), stored.dtype(), stored.shape());
                })
                .map(tensor -> index < 0 ? tensor : tensor.select(0, index));
    }

    /** Number of blocks that a tensor is a stack of. */
    private static long blocks(StoredTensor stack) {
        return stack.shape().length == 0 ? 0 : stack.shape()[0];
    }

    /**
     * {@code [D, h, d]} kernels or {@code [h, d]} biases, heads flattened, one after another along the last dimension.
     */
    private Optional<Tensor> joined(String start, String end, int index, String... parts) {
        var found = Arrays.stream(parts)
                .map(part -> find(start + part + end, index))
                .flatMap(Optional::stream)
                .map(tensor -> tensor.flatten(tensor.dims() - 2))
                .toList();
        return found.size() == parts.length ? Optional.of(Tensor.cat(-1, found)) : Optional.empty();
    }

    /** {@code [kh, kw, in, out] → [out, in, kh, kw]}. */
    private static Tensor convolution(Tensor kernel) {
        return kernel.requireDims(4, "a convolution's kernel").permute(3, 2, 0, 1);
    }

    private Tensor positions(Tensor table) {
        if (shapesAlone) {
            return table;
        }
        int prefixed = config.tokens().positionedPrefix();
        long patches = table.size(1) - prefixed;
        long side = Math.round(Math.sqrt(patches));
        require(
                side * side == patches,
                "%s has %d positions, which are no square grid after %d prefix tokens",
                state.origin(),
                table.size(1),
                prefixed);
        return Positions.resample(
                table,
                prefixed,
                side,
                side,
                config.grid().rows(),
                config.grid().columns(),
                Functional.Resize.BILINEAR,
                false);
    }

    private Tensor patch(Tensor kernel) {
        var patch = config.patches().size();
        // A hybrid's kernel, which sees features and no image, is left as it is, to be refused.
        boolean left = shapesAlone || !WeightResampler.isImage(kernel.size(1));
        return left || (kernel.size(2) == patch.height() && kernel.size(3) == patch.width())
                ? kernel
                : Positions.resamplePatch(kernel, patch.height(), patch.width(), Functional.Resize.BILINEAR, false);
    }
}
