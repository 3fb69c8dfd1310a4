package dev.vitrail.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.vitrail.data.Split;
import dev.vitrail.data.StainedGlass;
import dev.vitrail.inspect.InspectionBuilder;
import dev.vitrail.inspect.InspectionBuilder.Request;
import dev.vitrail.inspect.Inspector;
import dev.vitrail.loading.LoadOptions;
import dev.vitrail.loading.LoadedModel;
import dev.vitrail.report.InspectPage;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The page of an inspection in a browser: its controls, the keyboard, a narrow screen, and what is left without script.
 */
class InspectPageInBrowserTest {
    private static final Path SCREENSHOTS = Path.of("target", "inspect");
    private static final StainedGlass IMAGES = StainedGlass.of(Split.VALIDATION);

    private static String page() {
        try (var loaded = LoadedModel.load("vit_mini_patch4_32", LoadOptions.DEFAULT.withSeed(1))) {
            var builder = new InspectionBuilder(Inspector.of(loaded), Optional.empty(), Request.DEFAULT);
            builder.measure(IntStream.range(0, 4).mapToObj(IMAGES::image).toList());
            builder.explain("first.png", IMAGES.image(0));
            return InspectPage.html(builder.build("vitrail inspect"));
        }
    }

    @Test
    void thePageIsUsedByPointerAndKeyboardAndReadWithoutScript(@TempDir Path folder) throws Exception {
        var program = Chromium.program();
        assumeTrue(program.isPresent(), "skipped: there is no Chromium in /usr/bin");
        var file = Files.writeString(folder.resolve("inspect.html"), page());
        try (var browser = new Chromium(program.get(), Files.createDirectory(folder.resolve("profile")))) {
            size(browser, 1200, 1600);
            browser.open(file.toUri());
            assertThat(browser.evaluate("performance.getEntriesByType('resource').filter(r => "
                                    + "!r.name.startsWith('data:')).length")
                            .asInt())
                    .as("requests")
                    .isZero();
            slider(browser);
            heads(browser);
            rows(browser);
            opacity(browser);
            removal(browser);
            browser.screenshot(SCREENSHOTS.resolve("light.png"));

            size(browser, 360, 740);
            browser.send(
                    "Emulation.setEmulatedMedia",
                    Map.of("features", List.of(Map.of("name", "prefers-color-scheme", "value", "dark"))));
            assertThat(browser.evaluate("document.documentElement.scrollWidth").asInt())
                    .as("nothing is wider than a phone")
                    .isLessThanOrEqualTo(360);
            assertThat(browser.evaluate("getComputedStyle(document.body).backgroundColor")
                            .asText())
                    .isEqualTo("rgb(18, 21, 27)");
            browser.screenshot(SCREENSHOTS.resolve("phone-dark.png"));

            browser.send("Emulation.setScriptExecutionDisabled", Map.of("value", true));
            browser.open(URI.create(file.toUri() + "?plain"));
            browser.awaitTrue("location.search === '?plain' && document.readyState === 'complete'");
            assertThat(browser.evaluate("[...document.querySelectorAll('.strip figure')].filter(f => f.offsetHeight > "
                                    + "0).length")
                            .asInt())
                    .as("depths that are seen without script")
                    .isEqualTo(7);
            assertThat(browser.evaluate("[...document.querySelectorAll('[data-script]')].filter(c => c.offsetHeight > "
                                    + "0).length")
                            .asInt())
                    .as("controls that would do nothing")
                    .isZero();
        }
    }

    private static void slider(Chromium browser) {
        var map = "document.querySelector('.stage .map').alt";
        var at = "document.querySelector('.lens figure.chart .cursor').getAttribute('x1')";
        var last = browser.evaluate(map).asText();
        var place = browser.evaluate(at).asDouble();
        assertThat(last).startsWith("logit of ").contains(" at block 6: ");
        browser.evaluate("document.querySelector('[data-depth]').focus()");
        browser.key("ArrowLeft", 37);
        browser.awaitTrue(map + ".includes(' at block 5: ')");
        assertThat(browser.text(".stage output")).startsWith("block 5: the class token reads ");
        assertThat(browser.evaluate(at).asDouble()).as("the line in the chart").isLessThan(place);
        browser.key("Home", 36);
        browser.awaitTrue(map + ".includes(' at embedding: ')");
        browser.evaluate("(s => { s.value = 10; s.dispatchEvent(new Event('input')); "
                + "})(document.querySelector('[data-opacity]'))");
        assertThat(browser.evaluate("getComputedStyle(document.querySelector('.map')).opacity")
                        .asDouble())
                .isEqualTo(0.1);
    }

    private static void heads(Chromium browser) {
        browser.evaluate("document.querySelector('table.heads img').focus()");
        browser.key("ArrowDown", 40);
        browser.key("ArrowRight", 39);
        browser.awaitTrue("document.querySelector('.told').textContent.startsWith('block 2, head 2, mean distance ')");
        assertThat(browser.evaluate("document.querySelectorAll('table.heads img[tabindex=\"0\"]').length")
                        .asInt())
                .as("one stop of the tabulator")
                .isEqualTo(1);
    }

    /** What a patch attends to, by pointer and by keyboard. */
    private static void rows(Chromium browser) {
        var said = "document.querySelector('.reads output').textContent";
        var drawn = "document.querySelector('.reads .map').style.backgroundPosition";
        browser.evaluate("document.querySelector('.reads .overlay').focus()");
        var place = browser.evaluate(drawn).asText();
        browser.key("ArrowDown", 40);
        browser.awaitTrue(said + ".startsWith('block 6: the patch in row 6, column 5 reads most from row ')");
        assertThat(browser.evaluate(drawn).asText()).isNotEqualTo(place);
        browser.evaluate(
                """
                (o => { const b = o.getBoundingClientRect();
                  o.dispatchEvent(new PointerEvent('pointermove', {clientX: b.left + 1, clientY: b.top + 1})); })
                (document.querySelector('.reads .overlay'))""");
        browser.awaitTrue(said + ".includes('in row 1, column 1 reads')");
        browser.evaluate("document.querySelector('.reads input').focus()");
        browser.key("Home", 36);
        browser.awaitTrue(said + ".startsWith('block 1: ')");
    }

    /** Each map has a slider of its own; the one above sets them all. */
    private static void opacity(Chromium browser) {
        var first = "getComputedStyle(document.querySelectorAll('.maps .map')[0]).opacity";
        var second = "getComputedStyle(document.querySelectorAll('.maps .map')[1]).opacity";
        browser.evaluate(
                "(s => { s.value = 90; s.dispatchEvent(new Event('input')); })(document.querySelector('.opacity "
                        + "input'))");
        assertThat(browser.evaluate(first).asDouble()).isEqualTo(0.9);
        assertThat(browser.evaluate(second).asDouble()).isEqualTo(0.1);
        browser.evaluate("(s => { s.value = 40; s.dispatchEvent(new Event('input')); "
                + "})(document.querySelector('[data-opacity]'))");
        assertThat(browser.evaluate(first).asDouble()).isEqualTo(0.4);
    }

    /** A map without the cells that it names first. */
    private static void removal(Chromium browser) {
        var shown = "getComputedStyle(document.querySelector('.removed')).display";
        assertThat(browser.evaluate(shown).asText()).isEqualTo("none");
        browser.evaluate("document.querySelector('.remove input').focus()");
        browser.send(
                "Input.dispatchKeyEvent",
                Map.of("type", "keyDown", "key", " ", "code", "Space", "windowsVirtualKeyCode", 32, "text", " "));
        browser.send(
                "Input.dispatchKeyEvent",
                Map.of("type", "keyUp", "key", " ", "code", "Space", "windowsVirtualKeyCode", 32));
        browser.awaitTrue(shown + " === 'block'");
    }

    private static void size(Chromium browser, int width, int height) {
        browser.send(
                "Emulation.setDeviceMetricsOverride",
                Map.of("width", width, "height", height, "deviceScaleFactor", 1, "mobile", width < 600));
    }
}
