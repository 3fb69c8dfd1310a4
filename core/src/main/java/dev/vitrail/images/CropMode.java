package dev.vitrail.images;

import dev.vitrail.VitrailException;
import java.util.Locale;

/** How a picture of any shape becomes one of a model's shape, under the names that timm's configurations use. */
public enum CropMode {
    /** The short side is resized, and the centre cut out. */
    CENTER,
    /** Both sides are resized, whatever the picture's shape, and the centre cut out. */
    SQUASH,
    /** The long side is resized, and the rest filled with the mean colour. */
    BORDER;

    /** The mode that a configuration calls {@code name}. */
    public static CropMode parse(String name) {
        for (var mode : values()) {
            if (mode.key().equalsIgnoreCase(name.strip())) {
                return mode;
            }
        }
        throw VitrailException.of("no crop mode is called '%s': expected center, squash or border", name);
    }

    /** The name in timm's configurations. */
    public String key() {
        return name().toLowerCase(Locale.ROOT);
    }
}
