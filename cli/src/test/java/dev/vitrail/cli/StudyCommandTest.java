package dev.vitrail.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code vitrail study}: what it prints, and its exit status. */
final class StudyCommandTest {
    @TempDir
    Path folder = Path.of("");

    @Test
    void saysWhatIsMissingAndGoesOnWithIt() throws IOException {
        var data = Cli.labelled(folder.resolve("data"), 8, "ants", "bees");
        var study = Files.writeString(
                folder.resolve("tiny.yaml"),
                """
                models: [resnet_mini_32]
                shares: [0.5, 1]
                options: {epochs: 1, samples_per_epoch: 8, batch_size: 8, warmup_epochs: 0, val_fraction: 0.5}
                """);
        var out = folder.resolve("out");

        var plan = Cli.run("study", study, "--data", data, "--out", out, "--plan");
        assertThat(plan.status()).as(plan.err()).isZero();
        assertThat(plan.out()).contains("resnet_mini_32  quick-look       4     0  missing", "2 runs");
        assertThat(out).doesNotExist();

        var cut = Cli.run("study", study, "--data", data, "--out", out, "--budget", 1e-9, "--json");
        assertThat(cut.status()).as(cut.err()).isEqualTo(1);
        assertThat(cut.out()).contains("\"finished\" : false", "\"missing\" : 2");

        var whole = Cli.run("study", study, "--data", data, "--out", out);
        assertThat(whole.status()).as(whole.err()).isZero();
        assertThat(whole.err()).contains("run 2 of 2  resnet_mini_32, quick-look, 100 % of the images, seed 0");
        assertThat(whole.out()).contains("4 images", "8 images").doesNotContain("missing");
        assertThat(out.resolve("index.html")).exists();
    }

    @Test
    void countsWhatCannotBeRead() throws IOException {
        var data = Cli.labelled(folder.resolve("data"), 8, "ants", "bees");
        for (int i = 0; i < 8; i += 4) {
            Files.writeString(data.resolve("ants/" + i + ".png"), "no image " + i);
        }
        var study = Files.writeString(
                folder.resolve("tiny.yaml"),
                """
                models: [resnet_mini_32]
                seeds: [0, 1]
                options: {epochs: 1, batch_size: 8, warmup_epochs: 0, val_fraction: 0.5}
                """);
        var ran = Cli.run("study", study, "--data", data, "--out", folder.resolve("out"), "--json");
        assertThat(ran.status()).as(ran.err()).isZero();
        assertThat(ran.out()).contains("\"broken\" : 2", "\"faults\" : 0");
        var strict = Cli.run("study", study, "--data", data, "--out", folder.resolve("strict"), "--strict", "--json");
        assertThat(strict.status()).isEqualTo(1);
        assertThat(strict.out()).contains("\"failed\" : 2", "is not an image");
    }

    @Test
    void aFolderThatCannotBeWrittenIsToldBeforeTheDataIsRead() throws IOException {
        var study = Files.writeString(folder.resolve("tiny.yaml"), "models: [resnet_mini_32]");
        var file = Files.writeString(folder.resolve("file"), "");
        var ran = Cli.run("study", study, "--data", folder.resolve("missing"), "--out", file.resolve("out"));
        assertThat(ran.status()).isEqualTo(2);
        assertThat(ran.sentences())
                .singleElement()
                .asString()
                .contains("cannot write " + file.resolve("out/study.csv"))
                .doesNotContain("missing");
    }

    @Test
    void whatIsNoStudyIsWrongUse() {
        var ran = Cli.run("study", "dta");
        assertThat(ran.status()).isEqualTo(2);
        assertThat(ran.err()).contains("there is no study 'dta'", "backbone and data");
    }
}
