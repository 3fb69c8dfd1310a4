/**
 * Tensors on libtorch, and the start-up of its natives: the only package that knows which binding is underneath.
 *
 * <p>Native memory behaves like stack memory. Every tensor is made inside a {@link dev.vitrail.engine.Frame} and dies
 * when that frame closes, unless it is the frame's result or is {@linkplain dev.vitrail.engine.Tensor#keep() kept}.
 * Frames belong to the thread that opened them; other threads hand over arrays.
 */
package dev.vitrail.engine;
