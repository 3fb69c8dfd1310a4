package dev.vitrail.parity;

import dev.vitrail.models.Head;
import dev.vitrail.models.mixer.MlpMixer;
import dev.vitrail.models.zoo.Catalog;
import dev.vitrail.nn.Pool;
import java.util.Optional;

/** timm's MLP-Mixer. */
final class MlpMixerUpstream {
    private MlpMixerUpstream() {}

    static Optional<Upstream.Built> build(String upstreamClass, Arguments a) {
        if (!upstreamClass.equals("timm.models.mlp_mixer/MlpMixer")) {
            return Optional.empty();
        }
        var ratio = a.get("mlp_ratio");
        // Golden cases are computed without chance, whatever the constructor was told.
        a.number("drop_rate", 0);
        a.number("proj_drop_rate", 0);
        a.number("drop_path_rate", 0);
        var config = new MlpMixer.Config(
                a.image(),
                a.integer("patch_size", 16),
                a.integer("embed_dim", 512),
                a.integer("num_blocks", 8),
                ratio.isNumber() ? ratio.asDouble() : ratio.path(0).asDouble(0.5),
                ratio.isNumber() ? ratio.asDouble() : ratio.path(1).asDouble(4),
                new Head(a.integer("num_classes", 1000), Pool.AVG, 0),
                0,
                0);
        var family = Catalog.get("mixer_b16_224").family();
        return Optional.of(new Upstream.Built(config.create(), family));
    }
}
