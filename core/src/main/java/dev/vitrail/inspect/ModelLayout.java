package dev.vitrail.inspect;

import dev.vitrail.engine.Tensor;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.models.FeatureInfo;
import dev.vitrail.models.Model;
import dev.vitrail.models.beit.Beit;
import dev.vitrail.models.cait.CaiT;
import dev.vitrail.models.compact.CompactCaiT;
import dev.vitrail.models.compact.CompactT2TViT;
import dev.vitrail.models.compact.CompactViT;
import dev.vitrail.models.compact.SimpleViT;
import dev.vitrail.models.convnext.ConvNeXt;
import dev.vitrail.models.layers.Grid;
import dev.vitrail.models.layers.Sizes;
import dev.vitrail.models.mixer.MlpMixer;
import dev.vitrail.models.resnet.ResNet;
import dev.vitrail.models.resnet.ResNetV2;
import dev.vitrail.models.swin.SwinConfig;
import dev.vitrail.models.swin.SwinTransformer;
import dev.vitrail.models.t2t.T2TViT;
import dev.vitrail.models.vit.ViTConfig;
import dev.vitrail.models.vit.VisionTransformer;
import dev.vitrail.nn.ForwardHook;
import dev.vitrail.nn.Pool;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * Layout of a model for images of one size: its tokens, attention layers and blocks, which the figures read.
 *
 * @param query what the classifier reads at the top
 * @param prefix p, tokens before the patches
 * @param gridHeight gh, rows of cells at the first attention layer (of the last map where there is no attention)
 * @param gridWidth gw
 * @param strideHeight pixels between neighboring rows of cells
 * @param strideWidth pixels between neighboring columns of cells
 * @param output the layout of the blocks' outputs
 * @param attention the layers from the image to the classifier; T2T's token stages are {@link #tokenStages}
 * @param stem stages before the backbone: of a hybrid's ResNet, or T2T's token stages
 * @param tokenStages T2T's attention before the backbone, each on a grid of its own; its performers have no weights
 * @param blocks names of the blocks of the backbone
 * @param classBlocks names of CaiT's blocks of class attention
 */
public record ModelLayout(
        Query query,
        int prefix,
        int gridHeight,
        int gridWidth,
        int strideHeight,
        int strideWidth,
        Output output,
        List<AttentionLayer> attention,
        List<StemStage> stem,
        List<AttentionLayer> tokenStages,
        List<String> blocks,
        List<String> classBlocks) {
    /** Tokens that the classifier reads at the top of the model. */
    public enum Query {
        /** The class token. */
        CLASS("class"),
        /** The mean of two classifiers, of class and distillation token (DeiT). */
        CLASS_AND_DISTILLATION("class+distillation"),
        /** The mean over patches. */
        MEAN("mean"),
        /** The class token and beside it the mean over patches. */
        CLASS_AND_MEAN("class+mean"),
        /** The mean over all tokens, the class token among them (vit-pytorch). */
        ALL("all"),
        /** Attention from a trained query. */
        POOL("pool"),
        /** A maximum over patches, which is no weighted mean: there is no query row. */
        MAXIMUM("maximum");

        private final String text;

        Query(String text) {
            this.text = text;
        }

        /** Returns true if the classifier reads a class token, or class and distillation token, and nothing else. */
        public boolean token() {
            return this == CLASS || this == CLASS_AND_DISTILLATION;
        }

        @Override
        public String toString() {
            return text;
        }
    }

    /** Layout of a block's output. */
    public enum Output {
        /** {@code [B, N, D]}. */
        TOKENS,
        /** {@code [B, H, W, D]}. */
        CHANNELS_LAST,
        /** {@code [B, D, H, W]}. */
        CHANNELS_FIRST
    }

    /** Which tokens attend to which. */
    public enum Scope {
        /** All to all, {@code [B, h, N, N]}. */
        GLOBAL,
        /** Each window's to each other, {@code [B·windows, h, n, n]}. */
        WINDOWS,
        /** The class token to itself and the patches, {@code [B, h, 1, 1+N]} (CaiT). */
        CLASS,
        /** A trained query to the patches, {@code [B, h, 1, N]}. */
        POOL
    }

    /**
     * One attention layer.
     *
     * @param name its hook point
     * @param scope which tokens attend to which
     * @param gridHeight rows of cells of its map
     * @param gridWidth columns of cells of its map
     * @param strideHeight pixels between neighboring rows
     * @param strideWidth pixels between neighboring columns
     * @param windows how the map is cut; empty but for {@link Scope#WINDOWS}
     */
    public record AttentionLayer(
            String name,
            Scope scope,
            int gridHeight,
            int gridWidth,
            int strideHeight,
            int strideWidth,
            Optional<Windows> windows) {
        /** The block that it belongs to. */
        public String block() {
            return name.substring(0, name.lastIndexOf('.', name.lastIndexOf('.') - 1));
        }
    }

    /**
     * A stage before the backbone.
     *
     * @param block the hook point of its last block
     * @param tokens the grid of its tokens; empty for a map, whose shape tells
     */
    public record StemStage(String block, Optional<TokenGrid> tokens) {}

    /**
     * A grid of tokens without a prefix.
     *
     * @param height rows
     * @param width columns
     * @param stride pixels between neighboring rows, and between neighboring columns
     */
    public record TokenGrid(int height, int width, int stride) {}

    public ModelLayout {
        stem = List.copyOf(stem);
        attention = List.copyOf(attention);
        tokenStages = List.copyOf(tokenStages);
        blocks = List.copyOf(blocks);
        classBlocks = List.copyOf(classBlocks);
    }

    /**
     * The layout of a model.
     *
     * @param height rows of the images, pixels
     * @param width columns of the images, pixels
     * @throws VitrailException if the model is of no family that can be inspected
     */
    public static ModelLayout of(Model model, int height, int width) {
        var builder = new Builder(model, height, width);
        if (model instanceof VisionTransformer vit) {
            return builder.tokens(
                    "blocks.", query(vit.config()), vit.config().tokens().prefix());
        } else if (model instanceof Beit beit) {
            return builder.tokens("blocks.", pooled(beit, Pool.AVG) ? Query.MEAN : Query.CLASS, 1);
        } else if (model instanceof T2TViT) {
            return builder.tokens("blocks.", Query.CLASS, 1);
        } else if (model instanceof CaiT cait) {
            return builder.tokens("blocks.", pooled(cait, Pool.AVG) ? Query.MEAN : Query.CLASS, 0);
        } else if (model instanceof MlpMixer) {
            return builder.tokens("blocks.", Query.MEAN, 0);
        } else if (model instanceof CompactViT compact) {
            boolean token = pooled(compact, Pool.TOKEN);
            return builder.tokens("transformer.layers.", token ? Query.CLASS : Query.MEAN, token ? 1 : 0);
        } else if (model instanceof SimpleViT) {
            return builder.tokens("transformer.layers.", Query.MEAN, 0);
        } else if (model instanceof CompactCaiT) {
            return builder.tokens("patch_transformer.layers.", Query.CLASS, 0);
        } else if (model instanceof CompactT2TViT compact) {
            return builder.tokens("transformer.layers.", pooled(compact, Pool.TOKEN) ? Query.CLASS : Query.ALL, 1);
        } else if (model instanceof SwinTransformer swin) {
            return builder.windows(swin.config());
        } else if (model instanceof ConvNeXt || model instanceof ResNet || model instanceof ResNetV2) {
            return builder.convolutions();
        }
        throw VitrailException.of(
                "a %s cannot be inspected: expected a model of the catalog's families",
                model.getClass().getSimpleName());
    }

    /** The layout of a model for a batch {@code [B, C, H, W]}. */
    static ModelLayout of(Model model, Tensor images) {
        return of(model, (int) images.size(2), (int) images.size(3));
    }

    private static boolean pooled(Model model, Pool pool) {
        return model.config().head().pool() == pool;
    }

    private static Query query(ViTConfig config) {
        return switch (config.head().pool()) {
            case TOKEN -> config.tokens().distilled() ? Query.CLASS_AND_DISTILLATION : Query.CLASS;
            case AVG -> Query.MEAN;
            case MAP -> Query.POOL;
            case TOKEN_AVG -> Query.CLASS_AND_MEAN;
            case MAX, AVGMAX, CATAVGMAX, NONE -> Query.MAXIMUM;
        };
    }

    /** gh · gw. */
    public int cells() {
        return gridHeight * gridWidth;
    }

    /** The hook point of the tokens before the first block; empty for models of maps. */
    public Optional<String> embedding() {
        return output == Output.TOKENS ? Optional.of(blocks.get(0) + "." + ForwardHook.INPUT) : Optional.empty();
    }

    /** The name of the last block of the backbone. */
    public String lastBlock() {
        return blocks.get(blocks.size() - 1);
    }

    /** Returns true if patches attend to each other, so that a row can be pushed down through the layers. */
    public boolean attends() {
        return attention.stream().anyMatch(layer -> layer.scope == Scope.GLOBAL || layer.scope == Scope.WINDOWS);
    }

    /** Returns true if class attention follows a stage of patches alone (CaiT). */
    public boolean classAttention() {
        return attention.stream().anyMatch(layer -> layer.scope == Scope.CLASS);
    }

    /** Hook points by the names that figures give them: the embedding, where there is one, then all blocks. */
    public List<String> outputs(boolean withClassBlocks) {
        var names = new ArrayList<String>();
        embedding().ifPresent(names::add);
        names.addAll(blocks);
        if (withClassBlocks) {
            names.addAll(classBlocks);
        }
        return List.copyOf(names);
    }

    /** The name that figures give to a hook point: {@code embedding} for the first block's input. */
    public String title(String hookPoint) {
        return embedding().filter(hookPoint::equals).isPresent() ? "embedding" : hookPoint;
    }

    /** Names of blocks, and what they are called; in this order, the first that fits. */
    private static final Map<Pattern, String> WORDS = words();

    private static Map<Pattern, String> words() {
        var words = new LinkedHashMap<Pattern, String>();
        words.put(Pattern.compile("tokens_to_token\\.\\D*(\\d+)\\b.*"), "token stage %d");
        words.put(Pattern.compile("to_patch_embedding\\.(\\d+)\\.layers\\..*"), "token stage %d");
        words.put(Pattern.compile("patch_embed\\.\\D*(\\d+)\\b.*"), "stem stage %d");
        words.put(Pattern.compile("(?:blocks_token_only|cls_transformer\\.layers)\\.(\\d+)\\b.*"), "class block %d");
        words.put(Pattern.compile("(?:patch_)?transformer\\.layers\\.(\\d+)\\b.*"), "block %d");
        words.put(Pattern.compile("blocks\\.(\\d+)\\b.*"), "block %d");
        words.put(Pattern.compile("(?:layers|stages)\\.(\\d+)\\.blocks\\.(\\d+)\\b.*"), "stage %d, block %d");
        words.put(Pattern.compile("layer(\\d+)\\.(\\d+)\\b.*"), "stage %d, block %d");
        return words;
    }

    /**
     * A hook point in words, counted from 1: {@code blocks.8} is block 9, {@code layers.2.blocks.0.attn} stage 3, block
     * 1.
     */
    public static String words(String name) {
        for (var entry : WORDS.entrySet()) {
            var match = entry.getKey().matcher(name);
            if (match.matches()) {
                boolean fromOne =
                        name.startsWith("layer") && !name.startsWith("layers.") || name.startsWith("tokens_to_token.");
                int number = Integer.parseInt(match.group(1));
                int first = name.startsWith("to_patch_embedding.")
                        ? number / CompactT2TViT.STEPS + 1
                        : number + (fromOne ? 0 : 1);
                return match.groupCount() == 1
                        ? entry.getValue().formatted(first)
                        : entry.getValue().formatted(first, Integer.parseInt(match.group(2)) + 1);
            }
        }
        return name;
    }

    /** Gathers what the families say of themselves. */
    private static final class Builder {
        private final Model model;
        private final int height;
        private final int width;
        private final FeatureInfo last;

        Builder(Model model, int height, int width) {
            this.model = model;
            this.height = height;
            this.width = width;
            var infos = model.featureInfo();
            last = infos.get(infos.size() - 1);
        }

        /**
         * A model of tokens.
         *
         * @param backbone start of the names of the blocks whose tokens are the patches
         */
        ModelLayout tokens(String backbone, Query query, int prefix) {
            int sy = last.strideHeight(), sx = last.strideWidth();
            int gh = Sizes.ceilDiv(height, sy), gw = Sizes.ceilDiv(width, sx);
            var attention = new ArrayList<AttentionLayer>();
            var stem = StemStages.of(model, height, width);
            var stages = new ArrayList<AttentionLayer>();
            for (var name : model.attentions()) {
                if (name.startsWith(backbone)) {
                    attention.add(new AttentionLayer(name, Scope.GLOBAL, gh, gw, sy, sx, Optional.empty()));
                } else if (name.startsWith("attn_pool")) {
                    attention.add(new AttentionLayer(name, Scope.POOL, gh, gw, sy, sx, Optional.empty()));
                } else if (classBlock(name) && query.token()) {
                    attention.add(new AttentionLayer(name, Scope.CLASS, gh, gw, sy, sx, Optional.empty()));
                } else {
                    stem.stream()
                            .filter(stage -> name.startsWith(stage.block + "."))
                            .flatMap(stage -> stage.tokens.stream())
                            .map(grid -> new AttentionLayer(
                                    name,
                                    Scope.GLOBAL,
                                    grid.height,
                                    grid.width,
                                    grid.stride,
                                    grid.stride,
                                    Optional.empty()))
                            .forEach(stages::add);
                }
            }
            return new ModelLayout(
                    query,
                    prefix,
                    gh,
                    gw,
                    sy,
                    sx,
                    Output.TOKENS,
                    attention,
                    stem,
                    stages,
                    blocks(backbone),
                    model.blocks().stream().filter(Builder::classBlock).toList());
        }

        private static boolean classBlock(String name) {
            return name.startsWith("blocks_token_only.") || name.startsWith("cls_transformer.");
        }

        private List<String> blocks(String prefix) {
            return model.blocks().stream()
                    .filter(name -> name.startsWith(prefix))
                    .toList();
        }

        ModelLayout windows(SwinConfig config) {
            int rows = Sizes.ceilDiv(height, config.patches().size()),
                    columns = Sizes.ceilDiv(width, config.patches().size());
            int gh = rows, gw = columns, stride = config.patches().size();
            var attention = new ArrayList<AttentionLayer>();
            var names = model.attentions().iterator();
            for (int stage = 0; stage < config.stages().count(); stage++) {
                if (stage > 0) {
                    gh = Sizes.ceilDiv(gh, 2);
                    gw = Sizes.ceilDiv(gw, 2);
                    stride *= 2;
                }
                for (int block = 0; block < config.stages().depths().get(stage); block++) {
                    var cut = config.windowsOf(stage, new Grid(rows, columns), block % 2 == 1);
                    var windows = new Windows(gh, gw, cut.height(), cut.width(), cut.shiftRows(), cut.shiftColumns());
                    attention.add(new AttentionLayer(
                            names.next(), Scope.WINDOWS, gh, gw, stride, stride, Optional.of(windows)));
                }
            }
            return new ModelLayout(
                    Query.MEAN,
                    0,
                    rows,
                    columns,
                    config.patches().size(),
                    config.patches().size(),
                    Output.CHANNELS_LAST,
                    attention,
                    List.of(),
                    List.of(),
                    model.blocks(),
                    List.of());
        }

        ModelLayout convolutions() {
            return new ModelLayout(
                    Query.MEAN,
                    0,
                    Sizes.ceilDiv(height, last.strideHeight()),
                    Sizes.ceilDiv(width, last.strideWidth()),
                    last.strideHeight(),
                    last.strideWidth(),
                    Output.CHANNELS_FIRST,
                    List.of(),
                    List.of(),
                    List.of(),
                    model.blocks(),
                    List.of());
        }
    }
}
