package dev.vitrail.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.vitrail.loading.LoadOptions;
import dev.vitrail.loading.LoadedModel;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The page at {@code /}, and in a real Chromium where there is one: screenshots are in {@code target/page}. */
class PageTest {
    private static final Path SCREENSHOTS = Path.of("target", "page");

    private static TestServer twoModels(ServerOptions options) {
        var models = new LinkedHashMap<String, String>();
        models.put("one", "1");
        models.put("two", "2");
        var server = new TestServer(options, models, TestServer::model);
        server.server.loadModels();
        return server;
    }

    @Test
    void pageRefersToNothingOutside() {
        try (var server = TestServer.ready(ServerOptions.DEFAULT)) {
            for (var path : PageFiles.paths()) {
                var response = server.get(path);
                assertThat(response.statusCode()).isEqualTo(200);
                assertThat(response.headers()
                                .firstValue("Content-Security-Policy")
                                .orElseThrow())
                        .startsWith("default-src 'none'");
                assertThat(Pattern.compile("(?:src|href)=\"(?!/)|url\\(|"
                                        + "https?://(?!localhost|www\\.w3\\.org/2000/svg)[a-z]")
                                .matcher(new String(response.body(), StandardCharsets.UTF_8))
                                .find())
                        .as(path)
                        .isFalse();
            }
        }
    }

    @Test
    void imagesAreClassifiedInABrowser(@TempDir Path folder) throws Exception {
        var program = Chromium.program();
        assumeTrue(program.isPresent(), "skipped: there is no Chromium in /usr/bin");
        var file = Files.write(folder.resolve("cat.png"), TestServer.picture(7, 200));
        var broken = Files.writeString(folder.resolve("broken.png"), "no picture");
        try (var server = twoModels(ServerOptions.DEFAULT);
                var browser = new Chromium(program.get(), Files.createDirectory(folder.resolve("profile")))) {
            size(browser, 1200, 800, false);
            browser.open(server.uri("/"));
            browser.awaitTrue("document.querySelectorAll('#first option').length === 2");
            assertThat(browser.text("#health")).isEqualTo("ready");

            browser.choose("#file", file);
            browser.awaitTrue("document.querySelectorAll('[data-side=first] li').length === 3");
            var best = TestServer.json(server.post("/v1/classify?model=one", "image/png", Files.readAllBytes(file)))
                    .at("/0/label")
                    .asText();
            assertThat(browser.text("[data-side=first] li")).startsWith(best);
            assertThat(browser.text("[data-side=first] .timing"))
                    .matches("decode [\\d.,]+ ms · queue [\\d.,]+ ms · infer [\\d.,]+ ms · total [\\d.,]+ ms");
            assertThat(browser.evaluate("document.querySelector('#preview').naturalWidth")
                            .asInt())
                    .isEqualTo(200);
            browser.screenshot(SCREENSHOTS.resolve("file.png"));

            browser.evaluate("(s => { s.value = 'two'; s.dispatchEvent(new Event('change'));"
                    + " })(document.querySelector('#second'))");
            browser.awaitTrue("document.querySelectorAll('[data-side=second] li').length === 3");
            browser.awaitTrue("document.querySelectorAll('.waiting').length === 0");
            browser.screenshot(SCREENSHOTS.resolve("two-models.png"));
            var second = TestServer.json(server.post("/v1/classify?model=two", "image/png", Files.readAllBytes(file)))
                    .at("/0/label")
                    .asText();
            assertThat(browser.text("[data-side=second] li")).startsWith(second);

            browser.choose("#file", broken);
            browser.awaitTrue("!document.querySelector('#error').hidden");
            assertThat(browser.text("#error")).contains("is not an image");
            browser.screenshot(SCREENSHOTS.resolve("error.png"));

            paste(browser, TestServer.picture(9, 120));
            browser.awaitTrue("document.querySelector('#preview').naturalWidth === 120");
            browser.awaitTrue("document.querySelectorAll('[data-side=first] li').length === 3");
            assertThat(browser.evaluate("document.querySelector('#error').hidden")
                            .asBoolean())
                    .isTrue();

            camera(browser);
            keyboard(browser);
            phone(browser);
        }
    }

    @Test
    void answersAreExplainedInABrowser(@TempDir Path folder) throws Exception {
        var program = Chromium.program();
        assumeTrue(program.isPresent(), "skipped: there is no Chromium in /usr/bin");
        var file = Files.write(folder.resolve("cat.png"), TestServer.picture(7, 200));
        try (var server = new TestServer(
                        ServerOptions.DEFAULT, Map.of("token", "vit_mini_patch4_32"), PageTest::unlabelled);
                var browser = new Chromium(program.get(), Files.createDirectory(folder.resolve("profile")))) {
            server.server.loadModels();
            size(browser, 1200, 1500, false);
            browser.open(server.uri("/"));
            browser.awaitTrue("document.querySelectorAll('#first option').length === 1");
            assertThat(browser.evaluate("document.querySelector('#explain').disabled")
                            .asBoolean())
                    .as("nothing to explain yet")
                    .isTrue();
            browser.choose("#file", file);
            browser.awaitTrue("document.querySelectorAll('[data-side=first] li').length > 0");
            browser.evaluate("document.querySelector('#explain').click()");
            browser.awaitTrue("!document.querySelector('#explanation').hidden");
            var expected =
                    TestServer.json(server.post("/v1/explain?layers=true", "image/png", Files.readAllBytes(file)));
            var label = "document.querySelector('#overlay').getAttribute('aria-label')";
            assertThat(browser.evaluate(label).asText())
                    .startsWith("relevance for " + expected.path("label").asText() + ": strongest at row");
            assertThat(browser.text("#told")).contains(expected.path("label").asText());
            assertThat(browser.evaluate("document.querySelectorAll('#heads button').length")
                            .asInt())
                    .isEqualTo(6 * 4);
            browser.screenshot(SCREENSHOTS.resolve("why.png"));

            var pixels = "document.querySelector('#overlay').toDataURL()";
            var relevance = browser.evaluate(pixels).asText();
            browser.evaluate("(s => { s.value = '3'; s.dispatchEvent(new Event('change'));"
                    + " })(document.querySelector('#layer'))");
            assertThat(browser.evaluate(label).asText())
                    .startsWith("what the class token reads, block 4, head 1: strongest at row");
            assertThat(browser.evaluate(pixels).asText()).isNotEqualTo(relevance);
            assertThat(browser.evaluate("document.querySelectorAll('#head option').length")
                            .asInt())
                    .isEqualTo(4);

            // A head of the grid by keyboard.
            browser.evaluate("document.querySelectorAll('#heads button')[6].focus()");
            enter(browser);
            assertThat(browser.evaluate(label).asText()).contains("block 2, head 3");
            browser.evaluate("(s => { s.value = '0'; s.dispatchEvent(new Event('input'));"
                    + " })(document.querySelector('#opacity'))");
            assertThat(browser.evaluate(pixels).asText()).as("the photo alone").isNotEqualTo(relevance);
            assertThat(browser.evaluate("[...document.querySelectorAll('.why select, .why input')]"
                                    + ".every(control => control.labels.length > 0)")
                            .asBoolean())
                    .as("every control has a label")
                    .isTrue();
            phone(browser);
            browser.screenshot(SCREENSHOTS.resolve("why-phone-dark.png"));

            paste(browser, TestServer.picture(9, 120));
            browser.awaitTrue("document.querySelector('#explanation').hidden");
        }
    }

    private static LoadedModel unlabelled(String name) {
        return LoadedModel.load(name, LoadOptions.DEFAULT.withClasses(5).withSeed(2));
    }

    private static void enter(Chromium browser) {
        browser.send(
                "Input.dispatchKeyEvent",
                Map.of("type", "keyDown", "key", "Enter", "code", "Enter", "windowsVirtualKeyCode", 13, "text", "\r"));
        browser.send(
                "Input.dispatchKeyEvent",
                Map.of("type", "keyUp", "key", "Enter", "code", "Enter", "windowsVirtualKeyCode", 13));
    }

    private static void size(Chromium browser, int width, int height, boolean phone) {
        browser.send(
                "Emulation.setDeviceMetricsOverride",
                Map.of("width", width, "height", height, "deviceScaleFactor", 1, "mobile", phone));
    }

    private static void paste(Chromium browser, byte[] picture) {
        browser.evaluate(
                """
                (() => {
                  const bytes = Uint8Array.from(atob('%s'), (c) => c.charCodeAt(0));
                  const transfer = new DataTransfer();
                  transfer.items.add(new File([bytes], 'pasted.png', { type: 'image/png' }));
                  document.dispatchEvent(new ClipboardEvent('paste', { clipboardData: transfer, bubbles: true }));
                })()
                """
                        .formatted(Base64.getEncoder().encodeToString(picture)));
    }

    /** Chromium's own test picture stands for a camera. */
    private static void camera(Chromium browser) {
        browser.evaluate("document.querySelector('#photograph').click()");
        browser.awaitTrue("document.querySelector('#camera').open && document.querySelector('#video').videoWidth > 0");
        browser.evaluate("document.querySelector('#shoot').click()");
        browser.awaitTrue("document.querySelector('#preview').naturalWidth > 200");
        browser.awaitTrue("document.querySelectorAll('.waiting').length === 0");
        assertThat(browser.evaluate("document.querySelector('#camera').open").asBoolean())
                .isFalse();
        assertThat(browser.evaluate("document.querySelector('#video').srcObject === null")
                        .asBoolean())
                .isTrue();
    }

    /** Every control can be reached with the tabulator, and used with Enter. */
    private static void keyboard(Chromium browser) {
        browser.evaluate("document.activeElement.blur()");
        var reached = new ArrayList<String>();
        for (int i = 0; i < 12 && !reached.contains("second"); i++) {
            browser.key("Tab", 9);
            reached.add(browser.evaluate("document.activeElement.id").asText());
        }
        assertThat(reached).containsSubsequence("file", "choose", "photograph", "again", "first", "second");
        browser.evaluate("document.querySelector('[data-side=first] .scores').replaceChildren()");
        browser.evaluate("document.querySelector('#again').focus()");
        enter(browser);
        browser.awaitTrue("document.querySelectorAll('[data-side=first] li').length === 3");
    }

    private static void phone(Chromium browser) throws IOException {
        size(browser, 360, 740, true);
        browser.send(
                "Emulation.setEmulatedMedia",
                Map.of("features", List.of(Map.of("name", "prefers-color-scheme", "value", "dark"))));
        assertThat(browser.evaluate("document.documentElement.scrollWidth").asInt())
                .isLessThanOrEqualTo(360);
        assertThat(browser.evaluate("getComputedStyle(document.body).backgroundColor")
                        .asText())
                .isEqualTo("rgb(21, 24, 29)");
        browser.screenshot(SCREENSHOTS.resolve("phone-dark.png"));
    }

    @Test
    void pageAsksForTheToken(@TempDir Path folder) throws Exception {
        var program = Chromium.program();
        assumeTrue(program.isPresent(), "skipped: there is no Chromium in /usr/bin");
        var secured = ServerOptions.DEFAULT.withSecurity(
                new ServerOptions.Security(Optional.empty(), Optional.of("client-token"), Optional.empty()));
        try (var server = TestServer.ready(secured);
                var browser = new Chromium(program.get(), Files.createDirectory(folder.resolve("profile")))) {
            browser.open(server.uri("/"));
            browser.awaitTrue("!document.querySelector('#access').hidden");
            browser.evaluate("document.querySelector('#token').value = 'client-token';"
                    + " document.querySelector('#access').requestSubmit()");
            browser.awaitTrue("document.querySelectorAll('#first option').length === 1");
            assertThat(browser.evaluate("document.querySelector('#access').hidden")
                            .asBoolean())
                    .isTrue();
        }
    }
}
