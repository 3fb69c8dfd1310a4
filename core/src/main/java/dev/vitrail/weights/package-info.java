/**
 * Weights as the world stores them: safetensors, PyTorch's {@code .pth}, numpy's {@code .npz}, timm's model folders and
 * the Hugging Face hub.
 *
 * <p>Everything here reads files that strangers made. Sizes are exact 64-bit numbers, no more is allocated than the
 * bytes present justify, nothing in a file is ever executed, and whatever is wrong with a file is one exception type:
 * {@link dev.vitrail.errors.VitrailException}.
 */
package dev.vitrail.weights;
