/**
 * Preparation of images: from an encoded image to the numbers that a network reads, by decoding, resizing and cropping
 * bit for bit as Pillow and timm do them.
 *
 * <p>Plain arrays at its edge: nothing here knows the tensor engine.
 */
package dev.vitrail.images;
