package dev.vitrail.data;

import dev.vitrail.errors.VitrailException;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Images that a model is judged by although it has learned from them: those whose bytes are the same in both sets.
 * Copies that were encoded anew are not found.
 *
 * @param pairs the copies, in the order of the second set
 * @param looked how many images of the second set were looked for
 */
public record Overlap(List<Pair> pairs, int looked) {
    /**
     * Two places with the same content.
     *
     * @param first index in the first set; of several copies there, the first
     * @param second index in the second set
     */
    public record Pair(int first, int second) {}

    public Overlap {
        pairs = List.copyOf(pairs);
    }

    /**
     * Looks in {@code first} for images of {@code second}. What cannot be read is passed over: loading will report it.
     *
     * <p>Of files, only those are read whose sizes occur on both sides. In a set of a million that are most of them,
     * unless few are looked for.
     *
     * @param most how many images of {@code second} to look for at most, evenly spread over it
     */
    public static Overlap between(Dataset first, Dataset second, int most) {
        VitrailException.require(most > 0, "at least 1 image must be looked for, found %d", most);
        int looked = Math.min(second.size(), most);
        int[] chosen = IntStream.range(0, looked)
                .map(i -> (int) ((long) i * second.size() / looked))
                .toArray();
        Set<Long> sizes = IntStream.of(chosen)
                .boxed()
                .flatMap(index -> size(second, index).stream())
                .collect(Collectors.toSet());
        Map<ByteBuffer, Integer> known = new HashMap<>();
        Set<Long> shared = new HashSet<>();
        for (int i = 0; i < first.size(); i++) {
            var size = size(first, i).filter(sizes::contains);
            if (size.isPresent()) {
                int index = i;
                digest(first, i).ifPresent(digest -> known.putIfAbsent(digest, index));
                shared.add(size.get());
            }
        }
        List<Pair> pairs = new ArrayList<>();
        for (int index : chosen) {
            size(second, index)
                    .filter(shared::contains)
                    .flatMap(size -> digest(second, index))
                    .flatMap(digest -> Optional.ofNullable(known.get(digest)))
                    .ifPresent(copy -> pairs.add(new Pair(copy, index)));
        }
        return new Overlap(pairs, looked);
    }

    private static Optional<Long> size(Dataset set, int index) {
        try {
            return Optional.of(set.contentBytes(index));
        } catch (VitrailException e) {
            return Optional.empty();
        }
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java runtime has SHA-256", e);
        }
    }

    /** SHA-256, which nobody makes collide. */
    private static Optional<ByteBuffer> digest(Dataset set, int index) {
        try {
            return Optional.of(ByteBuffer.wrap(sha256().digest(set.content(index))));
        } catch (VitrailException e) {
            return Optional.empty();
        }
    }
}
