package dev.vitrail.images.decode;

import dev.vitrail.errors.VitrailException;
import java.util.Locale;

/** Conversion of grey levels that a byte cannot hold: sixteen bits, thirty-two, or floats. */
public enum SixteenBit {
    /** Levels above 255 become 255 and those below 0 become 0, as Pillow's {@code convert("RGB")} has it. */
    CLIP,
    /**
     * The type's whole range becomes 0–255: 0–65,535 (levels divided by 257), or what 12 or 32 bits hold;
     * 0–1 for floats.
     */
    SCALE,
    /** The image's own lowest level becomes 0 and its highest 255; an image of one level becomes black. */
    RANGE;

    /** Name in options and configurations. */
    public String key() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** Reads {@link #key}. */
    public static SixteenBit parse(String text) {
        for (var choice : values()) {
            if (choice.key().equalsIgnoreCase(text.strip())) {
                return choice;
            }
        }
        throw VitrailException.of("'%s' is no treatment of sixteen-bit images: use clip, scale or range", text);
    }
}
