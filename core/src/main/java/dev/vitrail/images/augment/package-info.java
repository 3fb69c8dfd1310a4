/** Augmentation of training images: crops, flips, color, AutoAugment and its relatives. */
package dev.vitrail.images.augment;
