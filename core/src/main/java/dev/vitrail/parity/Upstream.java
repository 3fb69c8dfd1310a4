package dev.vitrail.parity;

import com.fasterxml.jackson.databind.JsonNode;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.models.Model;
import dev.vitrail.models.ModelFamily;
import java.util.List;
import java.util.Optional;

/** Builds our model for an original's class and the arguments of its constructor. */
@FunctionalInterface
interface Upstream {
    /** All families that can be built. */
    List<Upstream> ALL = List.of(
            VisionTransformerUpstream::build,
            ConvolutionUpstream::build,
            TokensToTokenUpstream::build,
            CaiTUpstream::build,
            SwinUpstream::build,
            MlpMixerUpstream::build,
            CompactUpstream::build,
            BeitUpstream::build);

    /**
     * A model and the family whose formats its weights may come in.
     *
     * @param model parameters declared, without values
     */
    record Built(Model model, ModelFamily family) {}

    /**
     * @param upstreamClass the original's class, such as {@code timm.models.vision_transformer/VisionTransformer}
     * @param arguments of its constructor
     * @return empty if the class is another family's
     */
    Optional<Built> build(String upstreamClass, Arguments arguments);

    /**
     * The model of a case or of a part of it: {@code node} has {@code class}, {@code args} and
     * maybe {@code input_shape}.
     */
    static Built model(JsonNode node) {
        var upstreamClass = node.path("class").asText();
        for (var family : ALL) {
            var arguments = new Arguments(upstreamClass, node.path("args"));
            var built = family.build(upstreamClass, arguments);
            if (built.isPresent()) {
                arguments.requireAllRead();
                return built.get();
            }
        }
        throw VitrailException.of("no family here builds the original's class '%s'", upstreamClass);
    }
}
