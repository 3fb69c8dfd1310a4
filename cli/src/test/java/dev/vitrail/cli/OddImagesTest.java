package dev.vitrail.cli;

import static dev.vitrail.cli.Cli.run;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What commands say of images of sixteen bits, and of files whose endings are not those of images. */
final class OddImagesTest {
    @TempDir
    Path folder = Path.of("");

    private Path model = Path.of("");
    private Path photos = Path.of("");

    @BeforeEach
    void writeModelAndPhotos() throws IOException {
        model = Cli.model(folder.resolve("model"), "ants", "bees");
        photos = folder.resolve("photos");
        for (var name : new String[] {"ants", "bees"}) {
            Files.createDirectories(photos.resolve(name));
            for (int i = 0; i < 3; i++) {
                Files.writeString(photos.resolve(name).resolve(i + ".pgm"), "P2 2 2 65535 " + i + " 400 5000 60000\n");
            }
        }
        Files.writeString(photos.resolve("bees/9.xyz"), "no image");
    }

    @Test
    void predictAndEmbedCountWhatWasCut() {
        var predicted = run("predict", "--model", model, photos);
        assertThat(predicted.status()).isZero();
        assertThat(predicted.err())
                .containsOnlyOnce("6 images of sixteen bits were cut to white")
                .containsOnlyOnce("1 file .xyz was left out")
                .contains("--sixteen-bit scale");
        var embedded = run("embed", "--model", model, photos.resolve("ants/0.pgm"), "--out", folder.resolve("e.npy"));
        assertThat(embedded.err()).containsOnlyOnce("1 image of sixteen bits was cut to white");
        var scaled = run("predict", "--model", model, photos, "--sixteen-bit", "range");
        assertThat(scaled.err()).doesNotContain("sixteen bits");
        assertThat(scaled.out()).isNotEqualTo(predicted.out());
    }

    @Test
    void evaluateCountsWhatWasCut() {
        var evaluated = run("evaluate", "--model", model, "--data", photos, "--json");
        assertThat(evaluated.err())
                .containsOnlyOnce("6 images of sixteen bits were cut to white")
                .containsOnlyOnce("1 file .xyz in ");
        assertThat(evaluated.out()).contains("\"cut\" : 6");
        assertThat(run("evaluate", "--model", model, "--data", photos, "--sixteen-bit", "scale")
                        .err())
                .doesNotContain("sixteen bits");
    }

    @Test
    void anotherTreatmentIsRefusedByName() {
        var ran = run("predict", "--model", model, photos, "--sixteen-bit", "stretch");
        assertThat(ran.status()).isEqualTo(2);
        assertThat(ran.err()).contains("--sixteen-bit stretch is none of clip, scale, range");
    }

    @Test
    void trainCountsWhatWasCutAndKeepsTheChoice() {
        var out = folder.resolve("run");
        var trained = run(
                "train",
                "--data",
                photos,
                "--model",
                "resnet20_mini_32",
                "--epochs",
                1,
                "--batch",
                2,
                "--workers",
                1,
                "--out",
                out);
        assertThat(trained.status()).isZero();
        assertThat(trained.err())
                .contains("sixteen bits, and what is above level 255 was cut to white")
                .containsOnlyOnce("6 images of sixteen bits were cut to white")
                .contains("1 file .xyz in ");
        assertThat(out.resolve("config.yaml")).content().contains("sixteen_bit: clip");
    }
}
