/**
 * Processes that work on one training together: how they find each other, add up tensors, and notice when one of them
 * is gone.
 */
@org.jspecify.annotations.NullMarked
package dev.vitrail.distributed;
