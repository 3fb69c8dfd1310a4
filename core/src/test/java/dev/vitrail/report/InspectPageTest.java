package dev.vitrail.report;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vitrail.data.Split;
import dev.vitrail.data.StainedGlass;
import dev.vitrail.images.RgbImage;
import dev.vitrail.inspect.Cka;
import dev.vitrail.inspect.ExplanationOptions;
import dev.vitrail.inspect.Inspection;
import dev.vitrail.inspect.InspectionBuilder;
import dev.vitrail.inspect.InspectionBuilder.Request;
import dev.vitrail.inspect.Inspector;
import dev.vitrail.loading.LoadOptions;
import dev.vitrail.loading.LoadedModel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.jsoup.Jsoup;
import org.jsoup.nodes.Document;
import org.jsoup.nodes.Element;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class InspectPageTest {
    private static final int PHOTOS = 10, MOST_BYTES = 5_000_000;
    private static final StainedGlass IMAGES = StainedGlass.of(Split.VALIDATION);

    private static final List<LoadedModel> MODELS = new ArrayList<>();
    private static String ofViT = "";
    private static Document page = new Document("");

    private static Inspector load(String name) {
        var loaded = LoadedModel.load(name, LoadOptions.DEFAULT.withSeed(1));
        MODELS.add(loaded);
        return Inspector.of(loaded);
    }

    private static List<RgbImage> images(int count) {
        return IntStream.range(0, count).mapToObj(IMAGES::image).toList();
    }

    private static Inspection inspection(Inspector model, Optional<Inspector> against, Request request, int photos) {
        var builder = new InspectionBuilder(model, against, request);
        builder.measure(images(Math.max(photos, Cka.FEWEST)));
        for (var image : images(photos)) {
            builder.explain("folder/photo & <b>.png", image);
        }
        return builder.build("vitrail inspect --model it");
    }

    @BeforeAll
    static void make() {
        var scores = inspection(load("vit_mini_patch4_32"), Optional.of(load("resnet_mini_32")), Request.DEFAULT, 1);
        var others = inspection(
                load("vit_mini_patch4_32"),
                Optional.of(load("resnet_mini_32")),
                Request.DEFAULT.withExplanations(ExplanationOptions.DEFAULT.withoutScores()),
                PHOTOS - 1);
        var photos = new ArrayList<>(scores.photos());
        photos.addAll(others.photos());
        ofViT = InspectPage.html(new Inspection(
                others.inspector(), scores.chosen(), photos, others.behavior(), others.against(), false, "command"));
        page = Jsoup.parse(ofViT);
    }

    @AfterAll
    static void close() {
        MODELS.forEach(LoadedModel::close);
    }

    @Test
    void tenPhotosAreSmallAndEachIsThereOnce() {
        assertThat(ofViT.getBytes(StandardCharsets.UTF_8).length).isLessThan(MOST_BYTES);
        assertThat(page.select("section.photo")).hasSize(PHOTOS);
        for (int photo = 1; photo <= PHOTOS; photo++) {
            assertThat(ofViT.split("--photo-" + photo + ":url", -1)).hasSize(2);
        }
    }

    @Test
    void thePageAsksForNothing() {
        for (var element : page.select("[src], link, iframe, object, form, base")) {
            assertThat(element.attr("src")).as(element.tagName()).startsWith("data:image/");
        }
        assertThat(page.select("script[src]")).isEmpty();
        assertThat(page.select("a[href]").eachAttr("href")).allMatch(href -> href.startsWith("#"));
        for (var link : page.select("a[href]")) {
            assertThat(page.getElementById(link.attr("href").substring(1)))
                    .as("where %s leads", link)
                    .isNotNull();
        }
        assertThat(ofViT).doesNotContain("http:", "https:", "@import", "fetch(", "XMLHttpRequest");
        assertThat(ofViT.replace("url(data:image/", "").replace("url(${image.src})", ""))
                .doesNotContain("url(");
    }

    @Test
    void itIsReadableWithoutScript() {
        assertThat(page.select("[hidden]").not("[data-script]")).isEmpty();
        for (var hidden : page.select("[data-script]")) {
            assertThat(hidden.select("figure, table, h2, h3, h4"))
                    .as("nothing but controls and a copy needs the script")
                    .isEmpty();
        }
        assertThat(page.select(".strip figure img")).as("every depth").hasSize(PHOTOS * 7);
        assertThat(page.select("h2").eachText())
                .containsExactly(
                        "Why this decision",
                        "When it knew",
                        "Heads",
                        "What it has learned",
                        "Health",
                        "Similarity",
                        "How to read this");
    }

    @Test
    void everyPictureSaysWhatItShowsInWordsAndInASentence() {
        for (var image : page.select("img")) {
            assertThat(image.attr("alt")).as(image.parent().tagName()).hasSizeGreaterThan(12);
        }
        for (var drawing : page.select("svg").not("[aria-hidden=true]")) {
            assertThat(drawing.attr("role")).isEqualTo("img");
            assertThat(drawing.attr("aria-label")).hasSizeGreaterThan(30);
        }
        assertThat(page.select("[role=img]").eachAttr("aria-label")).allMatch(words -> !words.isBlank());
        for (var figure : page.select("figure")) {
            var sentence = figure.hasClass("chart")
                    ? figure.select("p, figcaption").text()
                    : figure.select(".how").text();
            boolean inStrip = figure.closest(".strip") != null; // whose sentence stands above it
            assertThat(sentence).as(figure.select("figcaption").text()).matches(inStrip ? ".+" : "(?s).*\\w.*\\.");
        }
        for (var table : page.select("table")) {
            assertThat(table.select("th[scope]")).as(table.text()).isNotEmpty();
        }
    }

    @Test
    void controlsAreNamedAndReachedByKeyboard() {
        for (var input : page.select("input")) {
            assertThat(input.closest("label")).as(input.outerHtml()).isNotNull();
            assertThat(input.closest("label").text()).isNotBlank();
        }
        assertThat(page.select("[onclick], [tabindex]:not([tabindex=0])")).isEmpty();
        assertThat(page.select("details > summary")).hasSameSizeAs(page.select("details"));
        assertThat(page.select("section, nav"))
                .allSatisfy(part -> assertThat(part.attr("aria-label") + part.attr("aria-labelledby"))
                        .isNotBlank());
        var levels = page.select("h1, h2, h3, h4").stream()
                .map(Element::tagName)
                .mapToInt(tag -> tag.charAt(1) - '0')
                .toArray();
        for (int i = 1; i < levels.length; i++) {
            assertThat(levels[i] - levels[i - 1]).as("heading %d", i).isLessThanOrEqualTo(1);
        }
    }

    @Test
    void namesOfFilesAreEscaped() {
        assertThat(ofViT).doesNotContain("<b>.png").contains("photo &amp; &lt;b&gt;.png");
    }

    @Test
    void thePhotoOnWhichTwoModelsDifferMostComesFirst() {
        var pairs = page.select(".pair");
        assertThat(pairs).hasSize(PHOTOS);
        var agree = pairs.stream()
                .map(pair -> pair.text().contains("Both give the same answer"))
                .toList();
        assertThat(agree).as("disagreement before agreement").isSorted();
        var correlations = pairs.stream()
                .filter(pair -> pair.text().contains("The answers differ"))
                .map(pair -> pair.text()
                        .replaceFirst(".*correlation is (−?[\\d.]+\\d).*", "$1")
                        .replace('−', '-'))
                .map(Double::valueOf)
                .toList();
        assertThat(correlations).isSorted();
    }

    @Test
    void scoresStandBesideRandomOrder() {
        var table = page.select("table.scores").first();
        assertThat(table).isNotNull();
        assertThat(table.select("tbody th").eachText())
                .contains("relevance", "rollout", "occlusion", "random order, mean of five");
        assertThat(page.select(".removed path").first().attr("d").split("z"))
                .as("a quarter of the 64 cells")
                .hasSize(16);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "swin_mini_32",
                "cait_mini_32",
                "convnext_mini_32",
                "t2t_mini_32",
                "deit_mini_distilled_patch4_32"
            })
    void otherFamiliesHaveTheirFiguresAndReasons(String name) {
        var request = Request.DEFAULT.withExplanations(ExplanationOptions.DEFAULT.withoutScores());
        var found = inspection(load(name), Optional.empty(), request, 1);
        var html = Jsoup.parse(InspectPage.html(found));
        assertThat(html.select(".windows")).hasSize(name.startsWith("swin") ? 5 : 0);
        assertThat(html.select("table.heads tr"))
                .hasSize(
                        switch (name) {
                            case "cait_mini_32" -> 2;
                            case "t2t_mini_32", "deit_mini_distilled_patch4_32" ->
                                found.inspector().layout().blocks().size();
                            default -> 0;
                        });
        var reasons = html.select("dd").eachText().stream()
                .filter(text -> text.startsWith("Left out: "))
                .toList();
        assertThat(reasons).hasSameSizeAs(found.leftOut().entrySet()).isNotEmpty();
        assertThat(html.text()).doesNotContain("NaN", "Infinity", "null");
    }

    @Test
    void theShortFormHasThePhotosAndTheFindings() {
        var request = Request.DEFAULT.withClasses(1).withExplanations(ExplanationOptions.DEFAULT.withoutScores());
        var found = inspection(load("vit_mini_patch4_gap_32"), Optional.empty(), request, 2);
        var html = Jsoup.parse(InspectPage.shortHtml(found));
        assertThat(html.select("section.photo")).hasSize(2);
        assertThat(html.text()).contains(found.photos().get(0).answer().sentence());
        assertThat(html.select(".map").eachAttr("alt")).anyMatch(words -> words.startsWith("relevance for "));
    }
}
