package dev.vitrail.models;

import dev.vitrail.errors.VitrailException;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** Pools by the names that files have for them: those of the families' constants in small letters. */
public final class Pools {
    private Pools() {}

    public static String name(Enum<?> pool) {
        return pool.name().toLowerCase(Locale.ROOT);
    }

    /** The pool of that name among those of a family. */
    public static <P extends Enum<P>> P of(String name, P[] all) {
        return Arrays.stream(all)
                .filter(pool -> name(pool).equals(name))
                .findFirst()
                .orElseThrow(
                        () -> unknown(name, Arrays.stream(all).map(Pools::name).toList()));
    }

    static VitrailException unknown(String name, List<String> all) {
        return VitrailException.of(
                "the pool '%s' (global_pool) is none of this architecture: take %s", name, String.join(" or ", all));
    }
}
