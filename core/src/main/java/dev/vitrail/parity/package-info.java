/**
 * Runs golden cases, which were computed by the original implementations, and says where a difference begins.
 *
 * <p>A case is a JSON file, mostly with a safetensors file beside it: a model with weights, input, logits and
 * gradients; an image and its pixels after each step; a checkpoint in a foreign format; or one topic of training, such
 * as an optimiser.
 */
package dev.vitrail.parity;
