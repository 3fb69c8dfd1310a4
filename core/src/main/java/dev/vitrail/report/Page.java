package dev.vitrail.report;

import gg.jte.ContentType;
import gg.jte.TemplateEngine;
import gg.jte.output.StringOutput;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;

/**
 * Pages of HTML from the templates in {@code src/main/jte}, which are compiled with the project and escape what they
 * print. A page is one file that loads nothing from anywhere.
 */
final class Page {
    private static final TemplateEngine TEMPLATES =
            TemplateEngine.createPrecompiled(null, ContentType.Html, Page.class.getClassLoader(), "dev.vitrail");

    private Page() {}

    /**
     * Renders a template.
     *
     * @param template its path below {@code src/main/jte}, such as {@code report/run.jte}
     * @param model the template's one parameter
     */
    static String render(String template, Object model) {
        var out = new StringOutput(1 << 16);
        TEMPLATES.render(template, model, out);
        return out.toString().strip() + "\n";
    }

    /** The style sheet of all pages. */
    static String style() {
        return resource("page.css");
    }

    /** The script of all pages. */
    static String script() {
        return resource("page.js");
    }

    private static String resource(String name) {
        try (var in = Page.class.getResourceAsStream(name)) {
            if (in == null) {
                throw new IllegalStateException("the jar lacks " + name);
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
