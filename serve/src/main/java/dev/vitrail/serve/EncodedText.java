package dev.vitrail.serve;

import java.util.Base64;
import java.util.Locale;

/** Files in strings: Base64, or a data URL of it. */
final class EncodedText {
    private EncodedText() {}

    /**
     * The file.
     *
     * @param name what errors call it
     * @throws RequestException if it is an address, which is not fetched, or not Base64
     */
    static byte[] decode(String text, String name) {
        RequestException.requireGood(
                !text.regionMatches(true, 0, "http:", 0, 5) && !text.regionMatches(true, 0, "https:", 0, 6),
                "%s is an address, and the server fetches none: send the image itself, in Base64 or as a data URL",
                name);
        var data = text;
        if (text.regionMatches(true, 0, "data:", 0, 5)) {
            int comma = text.indexOf(',');
            RequestException.requireGood(
                    comma > 0
                            && text.substring(0, comma).toLowerCase(Locale.ROOT).endsWith(";base64"),
                    "%s is a data URL without ';base64,': expected data:image/png;base64,…",
                    name);
            data = text.substring(comma + 1);
        }
        try {
            return Base64.getDecoder().decode(data.strip());
        } catch (IllegalArgumentException e) {
            throw RequestException.bad("%s is not Base64: expected an image in Base64 or as a data URL", name);
        }
    }
}
