package dev.vitrail.data;

import static dev.vitrail.errors.VitrailException.require;

import java.util.regex.Pattern;

/**
 * Memory for decoded images: nothing, a number of MiB, or what an {@link ImageCache} finds harmless.
 *
 * @param automatic whether the cache decides
 * @param mebibytes the most, where it does not; 0 for no cache
 */
public record CacheLimit(boolean automatic, int mebibytes) {
    /** The words that {@link #parse} knows besides numbers. */
    private static final String AUTOMATIC = "auto", NOTHING = "off";

    private static final Pattern NUMBER = Pattern.compile("\\d{1,9}");

    public static final CacheLimit AUTO = new CacheLimit(true, 0);
    public static final CacheLimit OFF = new CacheLimit(false, 0);

    public CacheLimit {
        require(mebibytes >= 0, "cache size must be at least 0 MiB, found %d", mebibytes);
        require(!automatic || mebibytes == 0, "a cache either decides by itself or has %d MiB, not both", mebibytes);
    }

    /** A limit of {@code mebibytes} MiB. */
    public static CacheLimit of(int mebibytes) {
        return new CacheLimit(false, mebibytes);
    }

    /** Returns whether {@link #parse} takes a text. */
    public static boolean known(String text) {
        return text.equals(AUTOMATIC)
                || text.equals(NOTHING)
                || NUMBER.matcher(text).matches();
    }

    /** Reads {@code auto}, {@code off}, or a number of MiB. */
    public static CacheLimit parse(String text) {
        require(known(text), "'%s' is no size of a cache: give auto, off, or a number of MiB, such as 2000", text);
        return switch (text) {
            case AUTOMATIC -> AUTO;
            case NOTHING -> OFF;
            default -> of(Integer.parseInt(text));
        };
    }

    /** Text that {@link #parse} reads. */
    @Override
    public String toString() {
        return automatic ? AUTOMATIC : mebibytes == 0 ? NOTHING : Integer.toString(mebibytes);
    }
}
