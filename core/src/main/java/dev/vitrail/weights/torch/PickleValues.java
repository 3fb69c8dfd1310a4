package dev.vitrail.weights.torch;

import dev.vitrail.weights.Allowance;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Values that a pickle can hold here beside {@code String}, {@code Long}, {@code BigInteger}, {@code Double}, {@code
 * Boolean} and lists ({@code ArrayList}).
 */
final class PickleValues {
    private PickleValues() {}

    /** Python's {@code None}. */
    enum None {
        NONE
    }

    /** A class or function, by name only: nothing is looked up and nothing can be called through it. */
    record Global(String module, String name) {
        @Override
        public String toString() {
            return module + "." + name;
        }
    }

    /** An immutable sequence; compared by identity, so that no cycle can trap a comparison. */
    static final class Tuple {
        final List<Object> items;

        Tuple(List<Object> items) {
            this.items = List.copyOf(items);
        }
    }

    /** Raw bytes. */
    static final class Bytes {
        final byte[] value;

        Bytes(byte[] value) {
            this.value = value;
        }
    }

    /** A dict, an OrderedDict, a set (its members as keys) or the attributes of a data holder; compared by identity. */
    static final class Dict {
        final Map<Object, Object> items = new LinkedHashMap<>();

        /** Number of the items that have been charged to the pickle's {@link Allowance}. */
        int charged;
    }
}
