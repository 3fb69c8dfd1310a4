package dev.vitrail.images;

import dev.vitrail.Names;
import dev.vitrail.VitrailException;
import java.util.Arrays;
import java.util.Locale;

/** How a picture of any shape becomes one of the network's shape; timm's {@code crop_mode}. */
public enum CropMode {
    /** Keeps the shape, fits the shorter side, and cuts what is over on the longer. */
    CENTER,
    /** Stretches both sides to fit, and cuts only what the crop fraction says. */
    SQUASH,
    /** Keeps the shape, fits the longer side, and fills the rest with the mean colour. */
    BORDER;

    /** The mode that a configuration calls {@code name}: {@code center}, {@code squash} or {@code border}. */
    public static CropMode parse(String name) {
        for (var candidate : values()) {
            if (candidate.key().equalsIgnoreCase(name.strip())) {
                return candidate;
            }
        }
        var known = Arrays.stream(values()).map(CropMode::key).toList();
        throw VitrailException.of(
                "No crop mode is called \"%s\"; did you mean %s? There are %s.",
                name, Names.nearest(name, known, 1).get(0), String.join(", ", known));
    }

    /** The name in timm's configurations, in lower case. */
    public String key() {
        return name().toLowerCase(Locale.ROOT);
    }
}
