package dev.vitrail.cli;

import static dev.vitrail.cli.Cli.run;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ProbeTest {
    @TempDir
    @SuppressWarnings("NullAway.Init") // set by JUnit
    static Path folder;

    private static Path model = Path.of("");
    private static Path data = Path.of("");

    @BeforeAll
    static void write() {
        model = Cli.model(folder.resolve("model"), "x", "y", "z");
        data = Cli.labelled(folder.resolve("data"), 10, "a", "b");
    }

    @Test
    void tellsRedFromBlackAfterAFewImages() throws Exception {
        var ran = run("probe", "--model", model, "--data", data, "--shots", "1,3,all", "--draws", 4, "--json");
        assertThat(ran.status()).as(ran.err()).isZero();
        var json = new ObjectMapper().readTree(ran.out());
        assertThat(json.get("classes").asInt()).isEqualTo(2);
        assertThat(json.get("train_images").asInt()).isEqualTo(18);
        assertThat(json.get("images").asInt()).isEqualTo(2);
        assertThat(json.get("results")).hasSize(3);
        var three = json.get("results").get(1);
        assertThat(three.get("shots").asInt()).isEqualTo(3);
        assertThat(three.get("images").asInt()).isEqualTo(6);
        assertThat(three.get("accuracies")).hasSize(4);
        assertThat(three.get("top1").asDouble()).isEqualTo(100);
        assertThat(three.get("interval95").asDouble()).isZero();
        var all = json.get("results").get(2);
        assertThat(all.get("shots").asText()).isEqualTo("all");
        assertThat(all.get("draws").asInt()).isOne();
        assertThat(all.has("interval95")).isFalse();
    }

    @Test
    void printsATable() {
        var ran = run("probe", "--model", model, "--data", data, "--shots", "2,all", "--draws", 3);
        assertThat(ran.status()).as(ran.err()).isZero();
        assertThat(ran.out().lines())
                .hasSize(5)
                .anyMatch(line -> line.matches("2 +4 +3 +100\\.00 % ± 0\\.00 +2\\^-?\\d+"))
                .anyMatch(line -> line.matches("all +18 +1 +100\\.00 % +2\\^-?\\d+"));
    }

    @Test
    void countsWhatCannotBeRead() throws Exception {
        var damaged = Cli.labelled(folder.resolve("damaged"), 10, "a", "b");
        Files.writeString(damaged.resolve("a/3.png"), "no image");
        var ran = run("probe", "--model", model, "--data", damaged, "--shots", "all", "--json");
        assertThat(ran.status()).as(ran.err()).isZero();
        assertThat(ran.out()).contains("\"broken\" : 1", "\"faults\" : 0");
        assertThat(ran.sentences()).singleElement().asString().contains("3.png is not an image");
        var strict = run("probe", "--model", model, "--data", damaged, "--strict");
        assertThat(strict.status()).isEqualTo(2);
        assertThat(strict.sentences()).singleElement().asString().contains("3.png is not an image");
    }

    @Test
    void saysWhatAreNoShots() {
        for (var shots : new String[] {"none", "0", "1,,5"}) {
            var ran = run("probe", "--model", model, "--data", data, "--shots", shots);
            assertThat(ran.status()).isEqualTo(2);
            assertThat(ran.sentences())
                    .singleElement()
                    .asString()
                    .contains("--shots")
                    .contains("all");
        }
    }
}
