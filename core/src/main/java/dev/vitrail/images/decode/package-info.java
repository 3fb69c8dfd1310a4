/** Decoders of image files, equal to Pillow. */
package dev.vitrail.images.decode;
