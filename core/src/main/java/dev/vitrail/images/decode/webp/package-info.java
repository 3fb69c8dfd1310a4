/**
 * A decoder of WebP: still images and the first frame of animations, lossy (RFC 6386) and lossless (RFC 9649), equal
 * to libwebp's to the bit.
 *
 * <p>Written from the two specifications. Where they leave something open – how colour is brought to full size, in
 * which integers YCbCr becomes RGB, what counts as a file that ends too early – it does what libwebp does.
 *
 * <p>The bytes are not trusted: each read is checked against the end of its chunk, and the deadline is looked at once
 * a row.
 */
package dev.vitrail.images.decode.webp;
