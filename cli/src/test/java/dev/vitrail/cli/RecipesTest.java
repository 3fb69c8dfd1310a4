package dev.vitrail.cli;

import static dev.vitrail.cli.Cli.SMALL;
import static dev.vitrail.cli.Cli.run;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vitrail.train.Recipe;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Recipes on the command line, and what the doctor says before training by them. */
final class RecipesTest {
    @TempDir
    Path folder = Path.of("");

    private Path photos = Path.of("");
    private Path out = Path.of("");

    @BeforeEach
    void writePhotos() {
        photos = Cli.labelled(folder.resolve("photos"), 6, "ants", "bees");
        out = folder.resolve("run");
    }

    @Test
    void theyAreListedAndShown() {
        var list = run("recipes");
        Recipe.shipped().forEach(recipe -> assertThat(list.out()).contains(recipe.name(), recipe.source()));
        assertThat(run("recipes", "deit").out()).isEqualTo(Recipe.get("deit").yaml());
    }

    @Test
    void eachOptionOfARecipeGivesWayToTheCommandLineAndTheRunKeepsWhatCameOut() throws IOException {
        var ran = run(
                "train",
                "--data",
                photos,
                "--out",
                out,
                "--recipe",
                "deit-small-data",
                "--model",
                SMALL,
                "--epochs",
                1,
                "--batch",
                4,
                "--set",
                "flip=0.25");
        assertThat(ran.status()).as(ran.err()).isZero();
        assertThat(Files.readString(out.resolve("config.yaml")))
                .contains(
                        "model: " + SMALL, "epochs: 1\n", "batch_size: 4\n", "flip: 0.25\n", "label_smoothing: 0.1\n");
    }

    @Test
    void autoSaysWhy() {
        var ran = run("train", "--data", photos, "--out", out, "--epochs", 1, "--batch", 4, "--json");
        assertThat(ran.status()).as(ran.err()).isZero();
        assertThat(ran.err())
                .contains(
                        "recipe      quick-look: the model starts from random weights on 10 small images (32 pixels)");
        assertThat(ran.err()).contains("doctor      10 images are few for a model that starts from random weights");
    }

    @Test
    void whatCannotWorkIsRefusedBeforeAnythingIsWritten() {
        Object[] command = {
            "train",
            "--data",
            photos,
            "--out",
            out,
            "--model",
            "vit_tiny_patch16_224",
            "--size",
            32,
            "--epochs",
            1,
            "--batch",
            4,
            "--recipe",
            "quick-look"
        };
        var refused = run(command);
        assertThat(refused.status()).isEqualTo(2);
        assertThat(refused.sentences()).singleElement().asString().contains("2×2 patches of 16 pixels", "--no-doctor");
        assertThat(out).doesNotExist();
        var all = Arrays.copyOf(command, command.length + 1);
        all[command.length] = "--no-doctor";
        var trained = run(all);
        assertThat(trained.status()).as(trained.err()).isZero();
        assertThat(trained.err()).doesNotContain("doctor ");
    }

    @Test
    void aRecipeWithAnUnknownOptionNamesTheNearest() throws IOException {
        var mine = Files.writeString(folder.resolve("mine.yaml"), "warmup_epoch: 1\n");
        var ran = run("train", "--data", photos, "--out", out, "--recipe", mine);
        assertThat(ran.status()).isEqualTo(2);
        assertThat(ran.sentences()).singleElement().asString().contains("'warmup_epoch'", "warmup_epochs");
        assertThat(out).doesNotExist();
    }

    @Test
    void dataThatChangedIsNamedWhenARunGoesOn() throws IOException {
        var begun = run("train", "--data", photos, "--out", out, "--epochs", 1, "--batch", 4);
        assertThat(begun.status()).as(begun.err()).isZero();
        var config = out.resolve("config.yaml");
        Files.writeString(config, Files.readString(config).replace("epochs: 1\n", "epochs: 2\n"));
        var image = photos.resolve("ants/3.png");
        var before = Files.readAllBytes(image);
        Cli.image(image, 16, 0, 0);
        var ran = run("train", "--out", out, "--resume");
        assertThat(ran.status()).isEqualTo(2);
        assertThat(ran.sentences())
                .singleElement()
                .asString()
                .contains("not what the run began with: 1 image is changed", "ants/3.png");
        Files.write(image, before);
        Files.delete(photos.resolve("bees/5.png"));
        assertThat(run("train", "--out", out, "--resume").err()).contains("1 image is gone", "bees/5.png");
        Cli.image(photos.resolve("bees/5.png"), 32, 80, 5);
        var resumed = run("train", "--out", out, "--resume", "--json");
        assertThat(resumed.out()).as(resumed.err()).contains("\"finished\" : true");
    }
}
