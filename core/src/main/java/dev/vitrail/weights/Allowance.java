package dev.vitrail.weights;

import dev.vitrail.errors.VitrailException;
import java.util.function.Supplier;

/**
 * Limit on the heap that the description of a file's tensors may take: a fixed share, and a few bytes for each byte
 * that the file has.
 *
 * <p>Names, shapes and places are small beside the numbers that they describe, unless somebody made the file to exhaust
 * memory. What a reader keeps is charged by estimate before it is made, and is never given back.
 */
public final class Allowance {
    private static final long FREE = 24L << 20;

    private static final long BYTES_PER_BYTE = 8;

    /** The share of the heap that even a large file's description may not exceed. */
    private static final long HEAP_SHARE = 4;

    private final String name;
    private final long limit;
    private long left;

    private Allowance(String name, long limit) {
        this.name = name;
        this.limit = limit;
        this.left = limit;
    }

    public static Allowance of(ByteSource source) {
        return of(source.name(), source.size());
    }

    /**
     * @param name what to call the file in a sentence
     * @param size bytes of the file as it lies on the disk
     */
    public static Allowance of(String name, long size) {
        long share = Math.min(size, Long.MAX_VALUE / BYTES_PER_BYTE) * BYTES_PER_BYTE;
        return new Allowance(name, FREE + Math.min(share, Runtime.getRuntime().maxMemory() / HEAP_SHARE));
    }

    /** Charges some bytes. */
    public void charge(long bytes) {
        left -= bytes;
        VitrailException.require(
                left >= 0 && bytes >= 0,
                "%s describes its tensors in more than %d MiB: it is made to exhaust memory; if it is not, run with a"
                        + " larger heap (java -Xmx)",
                name,
                limit >> 20);
    }

    /**
     * Runs {@code read} and gives its result; where memory runs out in spite of all limits, the error names the file.
     *
     * @param name what to call the file in the sentence
     */
    public static <T> T guarded(Object name, Supplier<T> read) {
        try {
            return read.get();
        } catch (OutOfMemoryError | StackOverflowError e) {
            throw new VitrailException(
                    ("%s needs more memory than this process may have: run with a larger heap (java -Xmx), or check"
                                    + " that the file is what it should be")
                            .formatted(name),
                    e);
        }
    }
}
