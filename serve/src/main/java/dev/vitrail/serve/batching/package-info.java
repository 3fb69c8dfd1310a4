/** Dynamic batching: images of many requests run as batches whose sizes follow from measured costs. */
@NullMarked
package dev.vitrail.serve.batching;

import org.jspecify.annotations.NullMarked;
