package dev.vitrail.models;

import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Predicate;

/**
 * Parameter names of a family in another code base.
 *
 * <p>Names differ between formats, and what is cut where: a loader also reshapes tensors whose shapes differ in
 * dimensions of size 1 alone (a linear layer against a 1×1 convolution).
 *
 * @param name whose names these are, such as {@code official Swin}
 * @param recognises whether a checkpoint with these names is in this format
 * @param rename our name for a foreign one; empty for what is not stored with us, such as a derived table
 * @param split for a foreign tensor that is several of ours on end, our names for its parts, which are equal along the
 *     first dimension; a part without a name is not stored with us. Empty for all other tensors, which are renamed
 */
public record CheckpointFormat(
        String name,
        Predicate<Set<String>> recognises,
        Function<String, Optional<String>> rename,
        Function<String, List<Optional<String>>> split) {
    /** A format that differs in names alone. */
    public CheckpointFormat(String name, Predicate<Set<String>> recognises, Function<String, Optional<String>> rename) {
        this(name, recognises, rename, any -> List.of());
    }

    /** This format where some tensors are several of ours. */
    public CheckpointFormat splitting(Function<String, List<Optional<String>>> parts) {
        return new CheckpointFormat(name, recognises, rename, parts);
    }
}
