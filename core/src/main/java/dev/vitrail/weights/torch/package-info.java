/** PyTorch's checkpoint files, read by a pickle machine that executes nothing. */
package dev.vitrail.weights.torch;
