package dev.vitrail.cli;

import static dev.vitrail.cli.Cli.run;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Gradients;
import dev.vitrail.loading.LoadOptions;
import dev.vitrail.loading.LoadedModel;
import dev.vitrail.weights.Checkpoint;
import dev.vitrail.weights.ModelFolder;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

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
        assertThat(tables.resolve("token_norm_histogram.csv")).content().startsWith("block,norm_from,norm_to,share");
        // An array is what the table beside it says, in NumPy's format.
        var array = Files.readAllBytes(tables.resolve("positions.npy"));
        assertThat(new String(array, StandardCharsets.ISO_8859_1)).contains("NUMPY", "'<f4'", "(64, 64)");
        assertThat(array).hasSize(128 + 4 * 64 * 64);
        assertThat(tables.resolve("01-0.png.class1.relevance.npy")).isNotEmptyFile();
        assertThat(tables.resolve("01-0.png.faithfulness.csv")).content().contains("method,", "random,", "relevance,");
        var files = json.at("/figures/0/files");
        assertThat(json.at("/figures/0/file").asText()).isEqualTo("filters.csv");
        for (var name : files) {
            assertThat(tables.resolve(name.asText())).exists();
        }
        var ranks = json.at("/images/0/lens_ranks");
        assertThat(ranks).hasSize(2);
        for (var one : ranks) {
            assertThat(one.path("ranks")).hasSameSizeAs(json.at("/images/0/lens_depths"));
        }
        assertThat(ranks.get(0)
                        .path("ranks")
                        .get(json.at("/images/0/lens_depths").size() - 1)
                        .asInt())
                .isEqualTo(1);
        assertThat(json.path("channel_blocks")).hasSameSizeAs(json.path("dead"));
        assertThat(json.at("/norm_histogram/blocks")).hasSameSizeAs(json.path("outlier_share"));
        // One of each folder is called alike.
        assertThat(tables.resolve("01-0.png.class1.relevance.png")).exists();
        assertThat(tables.resolve("04-0.png.class1.relevance.png")).exists();
        assertThat(Files.readString(page)).contains("Why this decision").doesNotContain("http://", "https://");
    }

    @Test
    void figuresThatAreNotAskedForAreNotComputed() throws IOException {
        var page = folder.resolve("page.html");
        var tables = folder.resolve("tables");
        Object[] given = {"inspect", "--model", model, photos, "--no-scores", "--out", page, "--tables", tables};
        var relevance = run(Stream.concat(Stream.of(given), Stream.of("--figures", "e1", "--json"))
                .toArray());
        assertThat(relevance.status()).as(relevance.err()).isZero();
        var json = new ObjectMapper().readTree(relevance.out());
        assertThat(json.path("images")).hasSize(6);
        for (var measured : List.of("measured_images", "distance", "cka", "dead", "outlier_share", "verdict")) {
            assertThat(json.has(measured)).as(measured).isFalse();
        }
        assertThat(page)
                .content()
                .doesNotContain("id=\"health\"", "images measured")
                .contains("Relevance");
        assertThat(tables.resolve("distance.csv")).doesNotExist();

        var distances = run(Stream.concat(Stream.of(given), Stream.of("--figures", "c", "--json"))
                .toArray());
        assertThat(distances.status()).as(distances.err()).isZero();
        json = new ObjectMapper().readTree(distances.out());
        assertThat(json.path("measured_images").asInt()).isEqualTo(6);
        assertThat(json.path("distance")).isNotEmpty();
        assertThat(json.path("dead")).isEmpty();
        assertThat(page).content().contains("Mean attention distance").doesNotContain("id=\"health\"");
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

    @ParameterizedTest
    @CsvSource({"4, 6", "1, 6", "9, 14"})
    void neverMoreImagesThanAskedForAreMeasuredOrExplained(int most, int given) throws IOException {
        Object[] images = given == 6
                ? new Object[] {photos}
                : new Object[] {photos, Cli.labelled(folder.resolve("more"), 4, "ants", "bees")};
        var ran = run(Stream.concat(
                        Stream.of("inspect", "--model", model, "--max-images", most, "--no-scores", "--json"),
                        Stream.concat(Stream.of("--out", folder.resolve("page.html")), Stream.of(images)))
                .toArray());
        assertThat(ran.status()).as(ran.err()).isZero();
        assertThat(ran.err()).contains("%d of %d images were sampled".formatted(most, given));
        var json = new ObjectMapper().readTree(ran.out());
        assertThat(json.path("measured_images").asInt()).isEqualTo(most);
        assertThat(json.path("images")).hasSize(Math.min(10, most));
        var names = new HashSet<String>();
        json.path("images").forEach(image -> names.add(image.path("image").asText()));
        assertThat(names).as("each image once").hasSize(most);
    }

    @Test
    void optionsOfFiguresReachThem() throws IOException {
        var page = folder.resolve("page.html");
        Object[] given = {"inspect", "--model", model, photos, "--no-scores", "--json", "--out", page};
        var plain = new ObjectMapper().readTree(run(given).out());
        var changed = run(Stream.concat(
                        Stream.of(given),
                        Stream.of("--cka", "raw", "--renormalise", "--class", "all:1", "--rollout", "sharp"))
                .toArray());
        assertThat(changed.status()).as(changed.err()).isZero();
        var json = new ObjectMapper().readTree(changed.out());
        assertThat(json.path("cka")).hasSameSizeAs(plain.path("cka")).isNotEqualTo(plain.path("cka"));
        assertThat(plain.at("/images/0/other_classes")).hasSize(1);
        assertThat(json.at("/images/0/other_classes")).isEmpty();
        assertThat(page)
                .content()
                .contains("rows divided by their sums over patches", "--renormalise", "Tokens count by their norms");
        var biased = run(
                Stream.concat(Stream.of(given), Stream.of("--cka", "biased")).toArray());
        assertThat(biased.err()).contains("biased CKA of 6 images is near 1");
    }

    @Test
    void optionsThatDoNotExistAreRefused() {
        var page = folder.resolve("page.html");
        refused(
                run("inspect", "--model", model, photos, "--cka", "cooked", "--out", page),
                "--cka is unit, raw or biased");
        refused(run("inspect", "--model", model, photos, "--class", "all:0", "--out", page), "all:N");
        refused(
                run("inspect", "--model", model, photos, "--rollout", "soft", "--out", page),
                "--rollout is mean or sharp");
    }

    @Test
    void anArchitectureWithoutWeightsIsNotComparedWith() {
        refused(
                run("inspect", "--model", model, photos, "--against", Cli.SMALL, "--out", folder.resolve("page.html")),
                "--against",
                "without trained weights");
    }

    @Test
    void predictExplainsItsAnswers() throws IOException {
        var page = folder.resolve("why.html");
        var broken = Files.writeString(folder.resolve("broken.png"), "no picture");
        var ran = run("predict", "--model", model, photos, broken, "--explain", page);
        assertThat(ran.status()).as(ran.err()).isZero();
        assertThat(ran.out()).contains("0.png");
        assertThat(ran.err()).contains("explains 6 images");
        assertThat(page)
                .content()
                .contains("Relevance", "Rollout", "deletion")
                .doesNotContain("http:", "https:", "broken.png", "Occlusion");
    }

    @Test
    void anExplanationThatCannotBeWrittenIsRefusedFirst() {
        var ran = run("predict", "--model", model, photos, "--explain", model.resolve("config.json/why.html"));
        refused(ran, "config.json");
        assertThat(ran.out()).isEmpty();
        refused(
                run("predict", "--model", model, photos, "--backend", "onnx", "--explain", folder.resolve("why.html")),
                "--explain needs gradients");
        assertThat(folder.resolve("why.html")).doesNotExist();
    }

    @Test
    void aClassThatDoesNotExistIsToldTheNearest() {
        refused(
                run("inspect", "--model", model, photos, "--class", "beez", "--out", folder.resolve("page.html")),
                "beez",
                "bees");
    }

    @Test
    void aLayerWhoseNumbersAreNotFiniteIsNamed() {
        var wild = folder.resolve("wild");
        try (var loaded = LoadedModel.load(Cli.SMALL, LoadOptions.DEFAULT.withClasses(2))) {
            Frame.run(() -> {
                try (var off = Gradients.off()) {
                    Objects.requireNonNull(loaded.model().parameters().get("blocks.1.attn.qkv.weight"))
                            .value()
                            .fillInPlace(1e38);
                }
            });
            ModelFolder.write(wild, loaded.description(List.of()), Checkpoint.of(loaded.model()));
        }
        refused(
                run(
                        "inspect",
                        "--model",
                        wild,
                        photos,
                        "--tables",
                        folder.resolve("tables"),
                        "--out",
                        folder.resolve("page.html")),
                "blocks.1",
                "not finite");
        assertThat(folder.resolve("tables")).doesNotExist();
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
