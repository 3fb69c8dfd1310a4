package dev.vitrail.parity;

import dev.vitrail.models.Head;
import dev.vitrail.models.ImageInput;
import dev.vitrail.models.ModelConfig;
import dev.vitrail.models.compact.CompactCaiT;
import dev.vitrail.models.compact.CompactT2TViT;
import dev.vitrail.models.compact.CompactTransformer.Shape;
import dev.vitrail.models.compact.CompactViT;
import dev.vitrail.models.compact.SimpleViT;
import dev.vitrail.models.layers.Patch;
import dev.vitrail.models.layers.SoftSplit;
import dev.vitrail.models.zoo.Catalog;
import dev.vitrail.nn.Pool;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** vit-pytorch's models. */
final class CompactUpstream {
    private CompactUpstream() {}

    static Optional<Upstream.Built> build(String upstreamClass, Arguments arguments) {
        return switch (upstreamClass) {
            case "vit_pytorch.vit/ViT" -> built("compact_vit_patch32_256", vit(arguments));
            case "vit_pytorch.simple_vit/SimpleViT" -> built("simple_vit_patch32_256", simple(arguments));
            case "vit_pytorch.t2t/T2TViT" -> built("compact_t2t_vit_224", t2t(arguments));
            case "vit_pytorch.cait/CaiT" -> built("compact_cait_patch32_256", cait(arguments));
            default -> Optional.empty();
        };
    }

    private static Optional<Upstream.Built> built(String sibling, ModelConfig config) {
        var family = Catalog.get(sibling).family();
        return Optional.of(new Upstream.Built(config.create(), family));
    }

    private static CompactViT.Config vit(Arguments a) {
        return new CompactViT.Config(image(a), patch(a), shape(a), head(a, "cls"), withoutChance(a));
    }

    private static SimpleViT.Config simple(Arguments a) {
        return new SimpleViT.Config(image(a), patch(a), shape(a), head(a, "mean"));
    }

    private static CompactCaiT.Config cait(Arguments a) {
        a.number("layer_dropout", 0);
        return new CompactCaiT.Config(
                image(a), patch(a), shape(a), a.integer("cls_depth", 0), head(a, "cls"), withoutChance(a), 0);
    }

    private static CompactT2TViT.Config t2t(Arguments a) {
        List<SoftSplit> splits = new ArrayList<>();
        a.get("t2t_layers")
                .forEach(split -> splits.add(CompactT2TViT.Config.split(
                        split.path(0).asInt(), split.path(1).asInt())));
        if (splits.isEmpty()) {
            splits.addAll(
                    ((CompactT2TViT.Config) Catalog.get("compact_t2t_vit_224").config()).splits());
        }
        return new CompactT2TViT.Config(image(a), splits, shape(a), head(a, "cls"), withoutChance(a));
    }

    private static ImageInput image(Arguments a) {
        var sides = a.pair("image_size", 0);
        return new ImageInput(sides[0], sides[1], a.integer("channels", 3));
    }

    private static Patch patch(Arguments a) {
        var sides = a.pair("patch_size", 0);
        return new Patch(sides[0], sides[1]);
    }

    private static Shape shape(Arguments a) {
        return new Shape(
                a.integer("dim", 0),
                a.integer("depth", 0),
                a.integer("heads", 0),
                a.integer("dim_head", 64),
                a.integer("mlp_dim", 0),
                0);
    }

    private static Head head(Arguments a, String pool) {
        return new Head(a.integer("num_classes", 0), Pool.of(a.text("pool", pool), List.of(Pool.TOKEN, Pool.AVG)), 0);
    }

    /** No dropout: golden cases are computed without chance, whatever the constructor was told. */
    private static double withoutChance(Arguments a) {
        a.number("dropout", 0);
        a.number("emb_dropout", 0);
        return 0;
    }
}
