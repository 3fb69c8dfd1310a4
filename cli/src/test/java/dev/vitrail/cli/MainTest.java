package dev.vitrail.cli;

import static dev.vitrail.cli.Cli.run;
import static org.assertj.core.api.Assertions.assertThat;

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
}
