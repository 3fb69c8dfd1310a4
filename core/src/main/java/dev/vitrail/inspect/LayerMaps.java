package dev.vitrail.inspect;

import java.util.List;

/**
 * Maps of one image inside the model, by layer. A list is empty where its figure does not apply or was not asked for.
 *
 * @param classAttention what the class token attends to, a layer each
 * @param patchLens the logit of the explained class where each patch is read as the class token, at each depth of
 *     {@link LogitLens}
 * @param features the channels of the embedding and of each block
 */
public record LayerMaps(List<ClassAttention> classAttention, List<GridMap> patchLens, List<ChannelHealth> features) {
    /** No maps. */
    public static final LayerMaps NONE = new LayerMaps(List.of(), List.of(), List.of());

    public LayerMaps {
        classAttention = List.copyOf(classAttention);
        patchLens = List.copyOf(patchLens);
        features = List.copyOf(features);
    }
}
