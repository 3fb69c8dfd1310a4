package dev.vitrail.images;

import dev.vitrail.errors.Names;
import dev.vitrail.errors.VitrailException;
import java.util.Arrays;
import java.util.Locale;

/** Fit of an image of any shape to the network's input; timm's {@code crop_mode}. */
public enum CropMode {
    /** Keeps the shape, fits the shorter side, and cuts what is over on the longer. */
    CENTER,
    /** Stretches both sides to fit, and cuts only what the crop fraction says. */
    SQUASH,
    /** Keeps the shape, fits the longer side, and fills the rest with the mean colour. */
    BORDER,
    /**
     * {@link #CENTER} as the transformers library cuts: where an odd number of pixels is over, one more at the end than
     * at the start.
     */
    CENTER_FLOOR,
    /** {@link #SQUASH} cut in the same way. */
    SQUASH_FLOOR;

    /** The mode that a configuration calls {@code name}: {@code center}, {@code squash}, {@code border}, … */
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

    /** Offset of the part that is kept, of so many pixels that are cut: half of them, in whole pixels. */
    int before(int cut) {
        // Python rounds halves to the even neighbour.
        return this == CENTER_FLOOR || this == SQUASH_FLOOR ? cut / 2 : (int) Math.rint(cut / 2.0);
    }
}
