package dev.vitrail.models;

import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Predicate;

/**
 * How another code base names the parameters of a family.
 *
 * <p>Only names differ between dialects: a loader also reshapes tensors whose shapes differ in dimensions of size 1 alone (a
 * linear layer against a 1×1 convolution).
 *
 * @param name whose names these are, such as {@code official Swin}
 * @param recognises whether a checkpoint with these names is in this dialect
 * @param rename our name for a foreign one; empty for what is not stored with us, such as a derived table
 */
public record Dialect(String name, Predicate<Set<String>> recognises, Function<String, Optional<String>> rename) {}
