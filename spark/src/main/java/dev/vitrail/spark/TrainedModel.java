package dev.vitrail.spark;

import java.io.Serializable;

/**
 * Result of a training.
 *
 * @param folder of the run, which {@code setModel} of the stages takes as well
 * @param epochs those made
 * @param bestEpoch the best by validation, counted from 1
 * @param bestTop1 of that epoch's validation, 0 to 1
 * @param validationLoss of the last epoch
 * @param seconds of training and validation
 */
public record TrainedModel(
        String folder, int epochs, int bestEpoch, double bestTop1, double validationLoss, double seconds)
        implements Serializable {}
