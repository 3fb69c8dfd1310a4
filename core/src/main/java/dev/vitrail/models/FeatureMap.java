package dev.vitrail.models;

import dev.vitrail.engine.Tensor;

/**
 * A feature map of a batch.
 *
 * @param info where it comes from, its channels and its stride
 * @param map {@code [B, C, H, W]}; H and W are the image's sides over the stride, rounded up where the family pads
 */
public record FeatureMap(FeatureInfo info, Tensor map) {}
