/**
 * Benchmarks, and what the same work costs elsewhere. Figures are worth something only from a machine that
 * does nothing else.
 */
@NullMarked
package dev.vitrail.bench;

import org.jspecify.annotations.NullMarked;
