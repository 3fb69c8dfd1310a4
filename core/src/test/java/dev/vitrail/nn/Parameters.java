package dev.vitrail.nn;

import java.util.Objects;

/** Parameters by name, for tests. */
public final class Parameters {
    private Parameters() {}

    /** The parameter of that name. */
    public static Parameter of(Module module, String name) {
        return Objects.requireNonNull(module.parameters().get(name), name);
    }
}
