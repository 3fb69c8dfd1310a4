package dev.vitrail.bench;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.AbstractBlock;
import ai.djl.nn.Activation;
import ai.djl.nn.Block;
import ai.djl.nn.Parameter;
import ai.djl.nn.convolutional.Conv2d;
import ai.djl.nn.core.Linear;
import ai.djl.nn.norm.LayerNorm;
import ai.djl.training.ParameterStore;
import ai.djl.util.PairList;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A vision transformer of DJL's blocks (Dosovitskiy et al., 2021, arXiv:2010.11929), as a user of DJL would write it
 * with care: pre-norm, one joint projection to queries, keys and values, views instead of copies. DJL has no fused
 * attention, so softmax(q·kᵀ/√d)·v is three operations. Its parameters come in the order of ours.
 */
final class DjlVisionTransformer extends AbstractBlock {
    private static final float EPS = 1e-6f;

    private final int side;
    private final int width;
    private final int tokens;
    private final int classes;
    private final Parameter cls;
    private final Parameter positions;
    private final Block patches;
    private final List<Encoder> blocks = new ArrayList<>();
    private final Block norm;
    private final Block head;

    /**
     * @param side of an image, pixels
     * @param patch side of a patch, pixels
     */
    DjlVisionTransformer(int side, int patch, int width, int depth, int heads, int classes) {
        this.side = side;
        this.width = width;
        this.classes = classes;
        tokens = 1 + (side / patch) * (side / patch);
        cls = addParameter(token("cls_token", 1));
        positions = addParameter(token("pos_embed", tokens));
        patches = addChildBlock(
                "patch_embed",
                Conv2d.builder()
                        .setFilters(width)
                        .setKernelShape(new Shape(patch, patch))
                        .optStride(new Shape(patch, patch))
                        .build());
        for (int i = 0; i < depth; i++) {
            blocks.add(addChildBlock("block" + i, new Encoder(width, heads)));
        }
        norm = addChildBlock("norm", layerNorm());
        head = addChildBlock("head", linear(classes));
    }

    private Parameter token(String name, int count) {
        return Parameter.builder()
                .setName(name)
                .setType(Parameter.Type.OTHER)
                .optShape(new Shape(1, count, width))
                .build();
    }

    private static Block layerNorm() {
        return LayerNorm.builder().axis(2).optEpsilon(EPS).build();
    }

    private static Block linear(int units) {
        return Linear.builder().setUnits(units).build();
    }

    private static NDArray apply(Block block, ParameterStore store, NDArray x, boolean training) {
        return block.forward(store, new NDList(x), training, null).singletonOrThrow();
    }

    @Override
    protected NDList forwardInternal(
            ParameterStore store, NDList inputs, boolean training, @Nullable PairList<String, Object> parameters) {
        var images = inputs.singletonOrThrow(); //                                              [B, 3, H, W]
        long B = images.getShape().get(0);
        var device = images.getDevice();
        var x = apply(patches, store, images, training); //                                     [B, D, H/P, W/P]
        x = x.reshape(B, width, tokens - 1).transpose(0, 2, 1); //                              [B, N, D]
        // The results of operations live in the manager of their first operand: not in that of a parameter.
        var first = images.getManager().zeros(new Shape(B, 1, width)).add(store.getValue(cls, device, training));
        x = first.concat(x, 1).add(store.getValue(positions, device, training)); //             [B, 1+N, D]
        for (var block : blocks) {
            x = apply(block, store, x, training);
        }
        var vector = apply(norm, store, x, training).get(":, 0"); //                            [B, D]
        return new NDList(apply(head, store, vector, training));
    }

    @Override
    protected void initializeChildBlocks(NDManager manager, DataType type, Shape... inputs) {
        long B = inputs[0].get(0);
        patches.initialize(manager, type, new Shape(B, 3, side, side));
        var sequence = new Shape(B, tokens, width);
        for (var block : blocks) {
            block.initialize(manager, type, sequence);
        }
        norm.initialize(manager, type, sequence);
        head.initialize(manager, type, new Shape(B, width));
    }

    @Override
    public Shape[] getOutputShapes(Shape[] inputs) {
        return new Shape[] {new Shape(inputs[0].get(0), classes)};
    }

    /** A pre-norm encoder block, {@code [B, N, D] → [B, N, D]}. */
    private static final class Encoder extends AbstractBlock {
        private final int heads;
        private final float scale;
        private final Block norm1;
        private final Block qkv;
        private final Block projection;
        private final Block norm2;
        private final Block up;
        private final Block down;

        Encoder(int width, int heads) {
            this.heads = heads;
            scale = (float) (1 / Math.sqrt((double) width / heads));
            norm1 = addChildBlock("norm1", layerNorm());
            qkv = addChildBlock("qkv", linear(3 * width));
            projection = addChildBlock("proj", linear(width));
            norm2 = addChildBlock("norm2", layerNorm());
            up = addChildBlock("fc1", linear(4 * width));
            down = addChildBlock("fc2", linear(width));
        }

        @Override
        protected NDList forwardInternal(
                ParameterStore store, NDList inputs, boolean training, @Nullable PairList<String, Object> parameters) {
            var x = inputs.singletonOrThrow();
            x = x.add(attention(store, apply(norm1, store, x, training), training));
            var hidden = Activation.gelu(apply(up, store, apply(norm2, store, x, training), training));
            return new NDList(x.add(apply(down, store, hidden, training)));
        }

        private NDArray attention(ParameterStore store, NDArray x, boolean training) {
            long B = x.getShape().get(0),
                    N = x.getShape().get(1),
                    D = x.getShape().get(2);
            var parts = apply(qkv, store, x, training).split(3, 2); //                          q, k, v: [B, N, D]
            var q = parts.get(0).reshape(B, N, heads, D / heads).transpose(0, 2, 1, 3); //      [B, h, N, d]
            var k = parts.get(1).reshape(B, N, heads, D / heads).transpose(0, 2, 3, 1); //      [B, h, d, N]
            var v = parts.get(2).reshape(B, N, heads, D / heads).transpose(0, 2, 1, 3); //      [B, h, N, d]
            var y = q.mul(scale).matMul(k).softmax(-1).matMul(v); //                            [B, h, N, d]
            return apply(projection, store, y.transpose(0, 2, 1, 3).reshape(B, N, D), training);
        }

        @Override
        protected void initializeChildBlocks(NDManager manager, DataType type, Shape... inputs) {
            for (var block : List.of(norm1, qkv, projection, norm2, up)) {
                block.initialize(manager, type, inputs);
            }
            down.initialize(manager, type, up.getOutputShapes(inputs));
        }

        @Override
        public Shape[] getOutputShapes(Shape[] inputs) {
            return inputs;
        }
    }
}
