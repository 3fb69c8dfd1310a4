package dev.vitrail.cli;

import static dev.vitrail.cli.Cli.run;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class InspectCommandTest {
    @TempDir
    Path folder = Path.of("");

    private static Path model = Path.of("");
    private static Path photos = Path.of("");

    @BeforeAll
    static void writeModelAndPhotos(@TempDir Path shared) {
        model = Cli.model(shared.resolve("model"), "ants", "bees");
        photos = Cli.labelled(shared.resolve("photos"), 3, "ants", "bees");
    }

    private void refused(Cli.Ran ran, String... words) {
        assertThat(ran.sentences()).singleElement().asString().contains(words);
        assertThat(ran.status()).isEqualTo(2);
        assertThat(folder.resolve("page.html")).doesNotExist();
    }

    @Test
    void showsTheWeightsWithoutImages() throws IOException {
        var page = folder.resolve("page.html");
        var ran = run("inspect", "--model", model, "--out", page);
        assertThat(ran.status()).as(ran.err()).isZero();
        assertThat(Files.readString(page)).contains("Position similarity").doesNotContain("http://", "https://");
    }

    @Test
    void explainsImagesAndWritesTables() throws IOException {
        var page = folder.resolve("page.html");
        var tables = folder.resolve("tables");
        var ran = run(
                "inspect", "--model", model, photos, "--class", "bees", "--out", page, "--tables", tables, "--json");
        assertThat(ran.status()).as(ran.err()).isZero();
        var json = new ObjectMapper().readTree(ran.out());
        assertThat(json.path("images")).hasSize(6);
        assertThat(json.at("/images/0/label").asText()).isEqualTo("bees");
        assertThat(json.at("/images/0/explanations/0/method").asText()).isEqualTo("relevance");
        assertThat(json.at("/images/0/explanations/0/deletion").isNumber()).isTrue();
        assertThat(json.at("/images/0/best").asText()).isNotEmpty();
        assertThat(json.path("cka").size()).isEqualTo(1 + json.path("blocks").size());
        assertThat(tables.resolve("distance.csv")).content().startsWith("layer,head,distance");
        // One of each folder is called alike.
        assertThat(tables.resolve("01-0.png.class1.relevance.png")).exists();
        assertThat(tables.resolve("04-0.png.class1.relevance.png")).exists();
        assertThat(Files.readString(page)).contains("Why this decision").doesNotContain("http://", "https://");
    }

    @Test
    void comparesTwoModels() throws IOException {
        var ran = run(
                "inspect",
                "--model",
                model,
                photos,
                "--against",
                model,
                "--no-scores",
                "--json",
                "--out",
                folder.resolve("page.html"));
        assertThat(ran.status()).as(ran.err()).isZero();
        var json = new ObjectMapper().readTree(ran.out());
        assertThat(json.path("cka_against").toString())
                .isEqualTo(json.path("cka").toString());
    }

    @Test
    void samplesManyImages() throws IOException {
        var ran = run(
                "inspect",
                "--model",
                model,
                photos,
                "--max-images",
                4,
                "--no-scores",
                "--json",
                "--out",
                folder.resolve("page.html"));
        assertThat(ran.err()).contains("4 of 6 images were sampled");
        assertThat(new ObjectMapper()
                        .readTree(ran.out())
                        .path("measured_images")
                        .asInt())
                .isEqualTo(4);
    }

    @Test
    void aClassThatDoesNotExistIsToldTheNearest() {
        refused(
                run("inspect", "--model", model, photos, "--class", "beez", "--out", folder.resolve("page.html")),
                "beez",
                "bees");
    }

    @Test
    void aFigureThatDoesNotApplyIsToldWhy() {
        refused(
                run("inspect", "--model", model, "--figures", "j", "--out", folder.resolve("page.html")),
                "does not apply",
                "relative position");
    }

    @Test
    void aFigureThatNeedsImagesAsksForThem() {
        refused(
                run("inspect", "--model", model, "--figures", "relevance", "--out", folder.resolve("page.html")),
                "needs images");
    }

    @Test
    void aFigureThatDoesNotExistIsToldTheNearest() {
        refused(
                run("inspect", "--model", model, "--figures", "relevanse", "--out", folder.resolve("page.html")),
                "relevance");
    }

    @Test
    void aBrokenImageIsToldAndLeftOut() throws IOException {
        var broken = Files.writeString(folder.resolve("broken.png"), "no picture");
        var page = folder.resolve("page.html");
        var ran = run("inspect", "--model", model, photos, broken, "--no-scores", "--json", "--out", page);
        assertThat(ran.status()).as(ran.err()).isZero();
        assertThat(ran.err()).contains("broken.png is left out");
        assertThat(new ObjectMapper()
                        .readTree(ran.out())
                        .path("measured_images")
                        .asInt())
                .isEqualTo(6);
        Files.delete(page);
        refused(run("inspect", "--model", model, broken, "--out", page), "broken.png");
        var none = run("inspect", "--model", model, broken, broken, "--out", page);
        assertThat(none.status()).isEqualTo(2);
        assertThat(none.err()).contains("none of the 2 images could be read");
        assertThat(page).doesNotExist();
    }

    @Test
    void tablesThatCannotBeWrittenAreRefusedFirst() {
        refused(
                run(
                        "inspect",
                        "--model",
                        model,
                        photos,
                        "--tables",
                        model.resolve("config.json/tables"),
                        "--out",
                        folder.resolve("page.html")),
                "config.json");
    }

    @Test
    void aPageThatCannotBeWrittenIsRefusedFirst() {
        refused(
                run("inspect", "--model", model, photos, "--out", model.resolve("config.json/page.html")),
                "config.json");
    }
}
