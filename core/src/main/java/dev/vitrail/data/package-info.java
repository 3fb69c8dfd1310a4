/**
 * Labelled images and the way to a batch: what a folder holds ({@link dev.vitrail.data.Datasets}), the set that is
 * drawn by code ({@link dev.vitrail.data.StainedGlass}), the order of an epoch ({@link dev.vitrail.data.Sampler}) and
 * the threads that decode ahead of the consumer ({@link dev.vitrail.data.Loader}).
 *
 * <p>Everything here is a function of (seed, epoch, position): the number of threads, the batch size and a stop in the
 * middle of an epoch change neither the order of the images nor what augmentation does to them.
 */
@NullMarked
package dev.vitrail.data;

import org.jspecify.annotations.NullMarked;
