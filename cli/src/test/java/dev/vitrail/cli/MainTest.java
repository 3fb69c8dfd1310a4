package dev.vitrail.cli;

import static dev.vitrail.cli.Cli.run;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vitrail.parquet.ParquetFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The command line as a script meets it: exit status, one sentence, one JSON object. */
final class MainTest {
    @Test
    void listsModelsAsOneJsonObject() {
        var ran = run("models", "vit_tiny_patch16_224", "--json");
        assertThat(ran.status()).isZero();
        assertThat(ran.out()).startsWith("{").contains("\"params\" : 5717416").contains("\"gmacs\" : 1.2536832");
    }

    @Test
    void answersAWrongOptionWithOneSentence() {
        var ran = run("models", "--jsno");
        assertThat(ran.status()).isEqualTo(2);
        assertThat(ran.err().lines())
                .singleElement()
                .asString()
                .contains("--jsno")
                .contains("--help");
    }

    @Test
    void saysThatAnArchitectureHasNoWeights() {
        var ran = run("predict", "--model", "vit_mini_patch4_32", "pom.xml");
        assertThat(ran.status()).isEqualTo(2);
        assertThat(ran.err()).contains("without trained weights");
    }

    @Test
    void runsGoldenCasesAndFailsWithOneThatCannotRun(@TempDir Path folder) throws Exception {
        Files.writeString(folder.resolve("unknown.json"), "{\"id\": \"unknown\", \"kind\": \"nothing\"}");
        var ran = run("parity", folder.toString());
        assertThat(ran.status()).isEqualTo(1);
        assertThat(ran.out()).contains("FAILED").contains("0 passed, 1 failed");
        assertThat(run("parity", "../core/src/test/resources/golden/misc/sincos_tables.json", "--json")
                        .out())
                .contains("\"passed\" : 1");
    }

    @Test
    void namesAFolderThatIsNoRun(@TempDir Path folder) {
        var ran = run("compare", folder.toString(), folder.resolve("missing").toString());
        assertThat(ran.status()).isEqualTo(2);
        assertThat(ran.err().lines()).singleElement().asString().contains(folder + " is no run");
        assertThat(run("compare", folder.toString()).status()).isEqualTo(2);
    }

    @Test
    void writesTablesThatParquetReadersRead(@TempDir Path folder) {
        var model = Cli.model(folder.resolve("model"), "ants", "bees");
        var photos = Cli.labelled(folder.resolve("photos"), 2, "ants", "bees");
        var found = folder.resolve("found.parquet");
        assertThat(run("predict", "--model", model, photos, "--out", found).status())
                .isZero();
        var predictions = ParquetFile.open(found);
        assertThat(predictions.rows()).isEqualTo(4 * 2);
        assertThat(predictions.columnNames()).containsExactly("image", "rank", "index", "label", "probability");
        var ranks = predictions.column("rank").orElseThrow();
        assertThat(ranks.integers(ranks.pages(fault -> {}).get(0), 0)).containsExactly(1, 2, 1, 2, 1, 2, 1, 2);
        var labels = predictions.column("label").orElseThrow();
        assertThat(labels.binaries(labels.pages(fault -> {}).get(0)))
                .extracting(bytes -> new String(bytes.orElseThrow(), StandardCharsets.UTF_8))
                .containsOnly("ants", "bees");
        var vectors = folder.resolve("vectors.parquet");
        assertThat(run("embed", "--model", model, photos, "--out", vectors).status())
                .isZero();
        assertThat(ParquetFile.open(vectors).columnNames()).containsExactly("image", "embedding.list.element");
        assertThat(run("predict", "--model", model, photos, "--format", "parquet")
                        .sentences())
                .singleElement()
                .asString()
                .contains("name a file with --out");
    }
}
