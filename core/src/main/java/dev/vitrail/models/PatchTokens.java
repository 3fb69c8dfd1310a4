package dev.vitrail.models;

import dev.vitrail.engine.Tensor;
import java.util.function.UnaryOperator;

/**
 * A model that has a token for each patch of the image, from the embedding to the last block, so that patches can be
 * hidden from it and asked for.
 */
public interface PatchTokens {
    /** Rows of the image that a token is of, pixels. */
    int tokenHeight();

    /** Columns of the image that a token is of, pixels. */
    int tokenWidth();

    /**
     * The patches' tokens after the last block and its normalisation.
     *
     * @param images {@code [B, C, H, W]}; N patches, row by row
     * @param change of the embedded patches before they get their positions, {@code [B, N, D] → [B, N, D]}
     * @return {@code [B, N, D]}
     */
    Tensor patchTokens(Tensor images, UnaryOperator<Tensor> change);
}
