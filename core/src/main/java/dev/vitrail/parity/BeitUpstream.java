package dev.vitrail.parity;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.models.Head;
import dev.vitrail.models.beit.Beit;
import dev.vitrail.models.layers.Encoder;
import dev.vitrail.models.zoo.Catalog;
import dev.vitrail.nn.Pool;
import java.util.List;
import java.util.Optional;

/**
 * timm's BEiT, as its published models are built: relative positions in each block, scaled branches, mean over patches.
 */
final class BeitUpstream {
    private BeitUpstream() {}

    static Optional<Upstream.Built> build(String upstreamClass, Arguments a) {
        if (!upstreamClass.equals("timm.models.beit/Beit")) {
            return Optional.empty();
        }
        require(
                !a.flag("use_abs_pos_emb", true)
                        && a.flag("use_rel_pos_bias", false)
                        && !a.flag("use_shared_rel_pos_bias", false)
                        && a.flag("qkv_bias", true)
                        && a.text("global_pool", "avg").equals("avg")
                        && a.optional("init_values").isPresent(),
                "a BEiT here has use_rel_pos_bias, init_values, qkv_bias and global_pool avg, and no absolute or shared"
                        + " positions: the case asks for another");
        // Golden cases are computed without chance, whatever the constructor was told.
        for (var rate : List.of("drop_rate", "pos_drop_rate", "proj_drop_rate", "attn_drop_rate", "drop_path_rate")) {
            a.number(rate, 0);
        }
        var encoder = Encoder.of(a.integer("embed_dim", 768), a.integer("depth", 12), a.integer("num_heads", 12));
        var config = new Beit.Config(
                a.image(),
                a.integer("patch_size", 16),
                encoder.withMlpRatio(a.number("mlp_ratio", 4)),
                a.optional("init_values").orElseThrow(),
                false,
                new Head(a.integer("num_classes", 1000), Pool.AVG, 0),
                0);
        var family = Catalog.get("beit_base_patch16_224").family();
        return Optional.of(new Upstream.Built(config.create(), family));
    }
}
