/**
 * Figures of what a model has learned and why it decided: each is a function of a model and images that gives a record
 * of plain arrays.
 *
 * <p>{@link dev.vitrail.inspect.Inspector} is the front door. All figures are computed from the model's own forward
 * pass, by a {@link dev.vitrail.nn.ForwardHook}. Symbols in the documentation: {@code B} images; {@code L} blocks;
 * {@code h} heads; {@code N} tokens, of which the first {@code p} are prefix tokens (class, distillation, registers)
 * and the others are patches on a grid of {@code gh × gw} cells, row by row; {@code D} channels.
 */
@NullMarked
package dev.vitrail.inspect;

import org.jspecify.annotations.NullMarked;
