package dev.vitrail.report;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Locale;

/** Text as HTML, and the frame of a page: one file that needs nothing from anywhere. */
final class Html {
    private Html() {}

    static String escape(String text) {
        return text.replace("&", "&amp;")
                .replace("<", "&lt;")
                .replace(">", "&gt;")
                .replace("\"", "&quot;")
                .replace("'", "&#39;");
    }

    /** {@link String#format} with a decimal point, wherever the page is made. */
    static String format(String pattern, Object... values) {
        return String.format(Locale.ROOT, pattern, values);
    }

    /** A share of 0 to 1 as 87.65 %. */
    static String percent(double share) {
        return format("%.2f %%", 100 * share);
    }

    /** Seconds as 12 s, 3 min 20 s or 5 h 07 min. */
    static String duration(double seconds) {
        long whole = Math.round(seconds);
        if (whole < 60) {
            return whole + " s";
        }
        return whole < 3600
                ? format("%d min %02d s", whole / 60, whole % 60)
                : format("%d h %02d min", whole / 3600, whole / 60 % 60);
    }

    /** A figure with what it means, for the head of a page. */
    static String tile(String value, String meaning) {
        return format("<div class=tile><b>%s</b><span>%s</span></div>%n", escape(value), escape(meaning));
    }

    /**
     * A page.
     *
     * @param body HTML
     * @param again whether a browser is to load it again after half a minute, as it still changes
     */
    static String page(String title, String body, boolean again) {
        return """
                <!doctype html>
                <html lang="en">
                <head>
                <meta charset="utf-8">
                <meta name="viewport" content="width=device-width, initial-scale=1">
                <meta name="color-scheme" content="light dark">%s
                <title>%s</title>
                <style>
                %s</style>
                </head>
                <body>
                <main>
                %s</main>
                <script>
                %s</script>
                </body>
                </html>
                """
                .formatted(
                        again ? "\n<meta http-equiv=\"refresh\" content=\"30\">" : "",
                        escape(title),
                        resource("page.css"),
                        body,
                        resource("page.js"));
    }

    private static String resource(String name) {
        try (var in = Html.class.getResourceAsStream(name)) {
            if (in == null) {
                throw new IllegalStateException("the jar lacks " + name);
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
