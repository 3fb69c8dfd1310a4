package dev.vitrail.cli;

import static dev.vitrail.cli.Cli.SMALL;
import static dev.vitrail.cli.Cli.run;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.zip.Deflater;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Bad input, as a person meets it: one sentence that says what is wrong, status 2, and nothing lost. */
final class BadInputTest {
    @TempDir
    Path folder = Path.of("");

    private static Path model = Path.of("");
    private static Path photos = Path.of("");
    private static Path photo = Path.of("");

    @BeforeAll
    static void writeModelAndPhotos(@TempDir Path shared) {
        model = Cli.model(shared.resolve("model"), "ants", "bees");
        photos = Cli.labelled(shared.resolve("photos"), 4, "ants", "bees");
        photo = photos.resolve("ants/0.png");
    }

    /** One sentence on the error stream, with these words, and status 2. */
    private static void refused(Cli.Ran ran, String... words) {
        assertThat(ran.sentences())
                .singleElement()
                .asString()
                .startsWith("vitrail: ")
                .contains(words);
        assertThat(ran.status()).isEqualTo(2);
        assertThat(ran.out()).isEmpty();
    }

    private static Cli.Ran predict(Path weights) {
        return run("predict", "--model", weights, "--arch", SMALL, photo);
    }

    // ------------------------------------------------------------------------------------------------------- weights

    @ParameterizedTest
    @ValueSource(strings = {"missing.safetensors", "missing.pth", "some/where/missing.bin"})
    void aWeightsFileThatIsMissingIsNotLookedForOnTheHub(String name) {
        refused(predict(Path.of(name)), name, "check the path");
    }

    @Test
    void truncatedWeights() throws IOException {
        byte[] whole = Files.readAllBytes(model.resolve("model.safetensors"));
        var file = Files.write(folder.resolve("short.safetensors"), Arrays.copyOf(whole, whole.length / 2));
        refused(predict(file), "short.safetensors", "cut short");
    }

    @Test
    void aHeaderThatLies() throws IOException {
        var header = "{\"head.weight\":{\"dtype\":\"F32\",\"shape\":[4611686018427387905,4],\"data_offsets\":[0,16]}}";
        var bytes = ByteBuffer.allocate(8 + header.length() + 16).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putLong(header.length()).put(header.getBytes(StandardCharsets.US_ASCII));
        var file = Files.write(folder.resolve("lie.safetensors"), bytes.array());
        refused(predict(file), "lie.safetensors", "head.weight");
    }

    @Test
    void aPickleThatNamesAForbiddenClass() throws IOException {
        var done = folder.resolve("executed");
        var command = "touch " + done;
        var pickle = "\u0080\u0002cposix\nsystem\nX" + (char) command.length() + "\0\0\0" + command + "\u0085R.";
        var file = zip("evil.pth", "archive/data.pkl", pickle.getBytes(StandardCharsets.ISO_8859_1));
        refused(predict(file), "posix.system", "nothing in a weights file is ever executed");
        assertThat(done).doesNotExist();
    }

    @Test
    void aZipBomb() throws IOException {
        refused(predict(zip("bomb.pth", "archive/data.pkl", new byte[128 << 20])), "bomb.pth", "exhaust memory");
    }

    @Test
    void weightsOfAnotherModel() {
        var weights = model.resolve("model.safetensors");
        refused(
                run("predict", "--model", weights, "--arch", "vit_tiny_patch16_224", photo),
                "patch_embed.proj.weight is [128, 3, 4, 4], expected [192, 3, 16, 16]",
                "it looks like " + SMALL);
    }

    @Test
    void anUnknownNameIsAnsweredWithTheNearest() {
        refused(run("predict", "--model", "vit_tny_patch16_224.augreg_in21k", photo), "vit_tiny_patch16_224");
        var trained = run("train", "--data", photos, "--model", "vit_mni_patch4_gap_32");
        assertThat(trained.sentences()).last().asString().contains("'vit_mni_patch4_gap_32'", SMALL);
        assertThat(trained.status()).isEqualTo(2);
        refused(run("benchmark", "--model", "convnex_tiny"), "convnext_tiny");
        refused(
                run("predict", "--model", model.resolve("model.safetensors"), "--arch", "vit_mini_patch4_gap", photo),
                SMALL);
    }

    @Test
    void benchmarkTakesWhatOtherCommandsTake() {
        var ran = run("benchmark", "--model", model, "--repeat", 1, "--batch", 1, "--json");
        assertThat(ran.status()).as(ran.err()).isZero();
        assertThat(ran.out()).contains("\"images_per_second\"", model.toString());
        var weights = model.resolve("model.safetensors");
        refused(run("benchmark", "--model", weights), "add --arch NAME");
        refused(run("benchmark", "--model", weights, "--arch", "vit_tiny_patch16_224"), "it looks like " + SMALL);
    }

    // -------------------------------------------------------------------------------------------------------- images

    @Test
    void anImageOfOnePixelIsAnImage() {
        var ran = run("predict", "--model", model, Cli.image(folder.resolve("pixel.png"), 1, 9, 9));
        assertThat(ran.status()).isZero();
        assertThat(ran.out()).contains("pixel.png", "ants", "bees");
        assertThat(ran.err()).isEmpty();
    }

    @Test
    void aTextFileCalledJpg() throws IOException {
        var text = Files.writeString(folder.resolve("text.jpg"), "no image at all");
        refused(run("predict", "--model", model, text), "text.jpg is not an image", "no image at");
        refused(run("embed", "--model", model, text, "--out", folder.resolve("e.npy")), "text.jpg is not an image");
    }

    @Test
    void thePixelLimitCanBeRaisedAndLowered() throws IOException {
        refused(
                run("predict", "--model", model, photo, "--max-pixels", 1023),
                "32×32 pixels, more than the limit of 1023",
                "--max-pixels N");
        assertThat(run("predict", "--model", model, photo, "--max-pixels", 1024).status())
                .isZero();
        refused(
                run("embed", "--model", model, photo, "--out", folder.resolve("e.npy"), "--max-pixels", 9),
                "more than the limit of 9");
        refused(run("evaluate", "--model", model, "--data", photos, "--strict", "--max-pixels", 9), "the limit of 9");
        assertThat(run("probe", "--model", model, "--data", photos, "--max-pixels", 9)
                        .sentences())
                .anyMatch(line -> line.contains("more than the limit of 9"));
        var trained = train(photos, "run", "--max-pixels", 2000, "--exif");
        assertThat(trained.status()).as(trained.err()).isZero();
        assertThat(folder.resolve("run/config.yaml")).content().contains("max_pixels: 2000", "exif: true");
        assertThat(train(photos, "other", "--max-pixels", 9).sentences())
                .last()
                .asString()
                .contains("more than the limit of 9");
    }

    @Test
    void linksToFoldersAreFollowedAndNotRoundInACircle() throws IOException {
        var album = Files.createDirectories(folder.resolve("album"));
        Files.createSymbolicLink(album.resolve("linked"), Cli.labelled(folder.resolve("all"), 4, "ants", "bees"));
        Files.createSymbolicLink(album.resolve("again"), album);
        var predicted = run("predict", "--model", model, album, "--format", "csv", "--top", "1");
        assertThat(predicted.status()).as(predicted.err()).isZero();
        assertThat(predicted.out().lines()).hasSize(1 + 8).anyMatch(line -> line.contains("linked/bees/3.png"));
        var vectors = folder.resolve("e.npy");
        assertThat(run("embed", "--model", model, album, "--out", vectors).status())
                .isZero();
        var npy = ByteBuffer.wrap(Files.readAllBytes(vectors)).order(ByteOrder.LITTLE_ENDIAN);
        assertThat(new String(npy.array(), StandardCharsets.ISO_8859_1)).contains("'shape': (8, 128), }");
        assertThat(npy.capacity()).isEqualTo(128 + 8 * 128 * 4);
        assertThat(folder.resolve("e.npy.txt")).content().hasLineCount(8).endsWith("3.png\n");
        var lines = folder.resolve("e.jsonl");
        assertThat(run("embed", "--model", model, album, "--out", lines).status())
                .isZero();
        assertThat(lines).content().hasLineCount(8).endsWith("," + npy.getFloat(npy.capacity() - 4) + "]}\n");
    }

    @Test
    void ofManyImagesABrokenOneIsReportedAndCountedAndTheOthersGoOn() throws IOException {
        Cli.labelled(folder, 3, "ants", "bees");
        Files.writeString(folder.resolve("bees/1.png"), "no image");
        var predicted = run("predict", "--model", model, folder, "--format", "csv", "--top", "1");
        assertThat(predicted.status()).isZero();
        assertThat(predicted.out().lines()).hasSize(1 + 5);
        assertThat(predicted.sentences())
                .satisfiesExactly(
                        first -> assertThat(first).contains("1.png is not an image"),
                        second -> assertThat(second).isEqualTo("vitrail: 1 of 6 images could not be read"));
        var evaluated = run("evaluate", "--model", model, "--data", folder, "--json");
        assertThat(evaluated.status()).isZero();
        assertThat(evaluated.out()).contains("\"images\" : 5", "\"broken\" : 1");
        assertThat(evaluated.sentences()).singleElement().asString().contains("1.png is not an image");
        var strict = run("evaluate", "--model", model, "--data", folder, "--strict");
        refused(strict, "1.png is not an image");
    }

    @Test
    void resultsThatAreThereAreNotReplacedByNone() throws IOException {
        var before = Files.writeString(folder.resolve("found.csv"), "the work of yesterday");
        Files.writeString(folder.resolve("a.jpg"), "no image");
        Files.writeString(folder.resolve("b.jpg"), "nor this");
        var ran = run("predict", "--model", model, folder, "--format", "csv", "--out", before);
        assertThat(ran.status()).isEqualTo(2);
        assertThat(ran.err()).endsWith("vitrail: none of the 2 images could be read\n");
        assertThat(before).hasContent("the work of yesterday");
    }

    // ---------------------------------------------------------------------------------------------------------- data

    @Test
    void anEmptyClassFolder() throws IOException {
        Files.createDirectories(Cli.labelled(folder, 2, "ants", "bees").resolve("wasps"));
        refused(run("train", "--data", folder), "'wasps'", "add some or remove the folder");
        refused(run("evaluate", "--model", model, "--data", folder), "'wasps'", "add some or remove the folder");
    }

    @Test
    void aFolderWithoutImages() throws IOException {
        Files.writeString(folder.resolve("notes.txt"), "to do");
        refused(run("predict", "--model", model, folder), "holds no images", ".jpg");
        refused(run("train", "--data", folder), "holds no images; expected CLASS/IMAGE folders");
        refused(run("train", "--data", folder.resolve("elsewhere")), "there is no folder");
    }

    @Test
    void aModelWhoseClassesAreNotTheLabels() {
        var others = Cli.labelled(folder, 1, "cats", "dogs");
        refused(run("evaluate", "--model", model, "--data", others), "'cats', 'dogs'", "'ants', 'bees'", "fine-tune");
    }

    @Test
    void classesOfWhichNothingSaysWhichOutputTheyAre() throws IOException {
        var nameless = Cli.nameless(folder.resolve("nameless"), 3);
        refused(
                run("evaluate", "--model", nameless, "--data", photos),
                "2 classes ('ants', 'bees')",
                "3 outputs without names",
                "add --classes FILE");
        var classes = Files.writeString(
                folder.resolve("classes.csv"), "index,synset,name\n2,n01,bees\n0,n02,wasps\n1,n03,flies\n");
        refused(run("evaluate", "--model", nameless, "--data", photos, "--classes", classes), "'ants'");
        var synsets = Cli.labelled(folder.resolve("synsets"), 2, "n01", "n03");
        var named = run("evaluate", "--model", nameless, "--data", synsets, "--classes", classes, "--json");
        assertThat(named.status()).as(named.err()).isZero();
        var numbers = Cli.labelled(folder.resolve("numbers"), 2, "0", "2");
        var numbered = run("evaluate", "--model", nameless, "--data", numbers, "--json");
        assertThat(numbered.status()).as(numbered.err()).isZero();
        // The same images, whose classes are outputs 0 and 2.
        var words = Cli.labelled(folder.resolve("words"), 2, "wasps", "bees");
        assertThat(correct(run("evaluate", "--model", nameless, "--data", words, "--classes", classes, "--json")))
                .isEqualTo(correct(numbered));
        refused(
                run("evaluate", "--model", nameless, "--data", Cli.labelled(folder.resolve("more"), 1, "0", "3")),
                "labels up to 3",
                "3 outputs end at 2");
    }

    private static String correct(Cli.Ran ran) {
        return ran.out()
                .lines()
                .filter(line -> line.contains("correct1") || line.contains("nll"))
                .toList()
                .toString();
    }

    @Test
    void aTarThatIsCutShortIsToldAndTheRestIsUsed() throws IOException {
        var file = cutShort(folder.resolve("0.tar"), 3);
        var ran = run("evaluate", "--model", model, "--data", file, "--json");
        assertThat(ran.status()).as(ran.err()).isZero();
        assertThat(ran.out()).contains("\"images\" : 2", "\"broken\" : 0", "\"faults\" : 2");
        assertThat(ran.sentences())
                .satisfiesExactly(
                        first -> assertThat(first).contains("0.tar/2 has no image"),
                        second -> assertThat(second).contains("0.tar is cut short or damaged"));
        refused(run("evaluate", "--model", model, "--data", file, "--strict"), "0.tar/2 has no image");
    }

    /** Writes an archive of {@code samples} images of two classes that ends within the last image. */
    private static Path cutShort(Path file, int samples) throws IOException {
        byte[] image = Files.readAllBytes(photo);
        try (var tar = new TarArchiveOutputStream(Files.newOutputStream(file), 512)) {
            for (int i = 0; i < samples; i++) {
                append(tar, i + ".cls", Integer.toString(i % 2).getBytes(StandardCharsets.US_ASCII));
                append(tar, i + ".png", image);
            }
        }
        byte[] whole = Files.readAllBytes(file);
        return Files.write(file, Arrays.copyOf(whole, whole.length - 2 * 512 - image.length / 2));
    }

    /** Adds a file to an archive. */
    private static void append(TarArchiveOutputStream tar, String name, byte[] content) throws IOException {
        var entry = new TarArchiveEntry(name);
        entry.setSize(content.length);
        tar.putArchiveEntry(entry);
        tar.write(content);
        tar.closeArchiveEntry();
    }

    // ------------------------------------------------------------------------------------------------------ training

    @Test
    void aLossThatIsNoNumberStopsTrainingAndSaysWhere() {
        var out = folder.resolve("run");
        var wild = run("train", "--data", photos, "--model", SMALL, "--out", out, "--batch", 1, "--lr", 1e30);
        assertThat(wild.status()).isEqualTo(2);
        assertThat(wild.sentences())
                .last()
                .asString()
                .startsWith("vitrail: the ")
                .containsPattern("became (NaN|-?Infinity) in epoch 1, step \\d+ of \\d+")
                .contains("lower the learning rate");
        assertThat(out.resolve("last")).doesNotExist();
        var calm =
                run("train", "--data", photos, "--model", SMALL, "--out", out, "--batch", 4, "--epochs", 1, "--json");
        assertThat(calm.status()).as(calm.err()).isZero();
    }

    private Cli.Ran train(Path data, String out, Object... more) {
        var command = new ArrayList<Object>(
                List.of("train", "--data", data, "--model", SMALL, "--batch", 4, "--epochs", 1, "--no-doctor"));
        command.addAll(List.of("--out", folder.resolve(out)));
        command.addAll(List.of(more));
        return run(command.toArray());
    }

    @Test
    void optionsThatAreNotThoseOfTheRunAreRefusedOnResume() throws IOException {
        var begun = train(photos, "run", "--set", "ema_decay=0.9");
        assertThat(begun.status()).as(begun.err()).isZero();
        var config = folder.resolve("run/config.yaml");
        var before = Files.readString(config);
        refused(
                train(photos, "run", "--resume", "--set", "ema_decay=0.5", "--seed", 3, "--pretrain", 2),
                "ema_decay 0.5 (the run's: 0.9)",
                "seed 3 (the run's: 0)",
                "pretrain 2 (the run's: none)",
                "leave them out");
        var other = Cli.labelled(folder.resolve("other"), 4, "ants", "bees");
        refused(
                run("train", "--out", folder.resolve("run"), "--resume", "--data", other, "--epochs", 7),
                "data " + other,
                "epochs 7 (the run's: 1)");
        assertThat(config).hasContent(before);
        // The command that began the run goes on with it, and what nothing depends on may change.
        var more = train(
                photos.resolve("../photos"),
                "run",
                "--resume",
                "--set",
                "ema_decay=0.9",
                "--set",
                "save_minutes=3",
                "--on-nan",
                "skip");
        assertThat(more.status()).as(more.err()).isZero();
        assertThat(config)
                .hasContent(before.replace("save_minutes: 10.0", "save_minutes: 3.0")
                        .replace("on_nan: stop", "on_nan: skip"));
    }

    @Test
    void faultsOfTheDataAreToldBeforeTrainingOrRefused() throws IOException {
        var file = cutShort(folder.resolve("0.tar"), 13);
        var ran = train(file, "run", "--json");
        assertThat(ran.status()).as(ran.err()).isZero();
        assertThat(ran.err()).contains("faults      2 in the files", "0.tar/12 has no image", "0.tar is cut short");
        assertThat(ran.out()).contains("\"faults\" : 2", "\"broken\" : 0");
        var strict = train(file, "strict", "--strict");
        assertThat(strict.status()).isEqualTo(2);
        assertThat(strict.sentences())
                .last()
                .asString()
                .contains("--strict refuses data with 2 faults", "0.tar/12 has no image");
        assertThat(folder.resolve("strict")).doesNotExist();
    }

    @Test
    void ofManyFaultsTheFirstFewAreTold() throws IOException {
        var file = folder.resolve("0.tar");
        byte[] image = Files.readAllBytes(photo);
        try (var tar = new TarArchiveOutputStream(Files.newOutputStream(file), 512)) {
            for (int i = 0; i < 130; i++) {
                append(tar, i + ".cls", Integer.toString(i % 2).getBytes(StandardCharsets.US_ASCII));
                if (i < 12) {
                    append(tar, i + ".png", image);
                }
            }
        }
        var ran = train(file, "run", "--json");
        assertThat(ran.status()).as(ran.err()).isZero();
        assertThat(ran.err())
                .contains("faults      118 in", "0.tar/12 has", "0.tar/15 has", "… and 114 more")
                .doesNotContain("0.tar/16 has");
        assertThat(ran.out()).contains("\"faults\" : 118");
    }

    @Test
    void anImageThatCannotBeReadIsCountedInTrainingOrStopsIt() throws IOException {
        Cli.labelled(folder.resolve("data"), 6, "ants", "bees");
        Files.writeString(folder.resolve("data/bees/1.png"), "no image");
        for (var cache : List.of("off", "auto")) {
            var ran = train(folder.resolve("data"), cache, "--set", "image_cache=" + cache, "--set", "epochs=2");
            assertThat(ran.status()).as(ran.err()).isZero();
            assertThat(ran.sentences())
                    .filteredOn(line -> line.contains("1.png is not an image"))
                    .hasSize(1);
            assertThat(ran.out()).contains("broken      1 of the images could not be read", "best top-1");
            assertThat(ran.err().contains("cache       up to")).isEqualTo(cache.equals("auto"));
        }
        assertThat(folder.resolve("auto/last/model.safetensors"))
                .hasSameBinaryContentAs(folder.resolve("off/last/model.safetensors"));
        var strict = train(folder.resolve("data"), "strict", "--strict");
        assertThat(strict.status()).isEqualTo(2);
        assertThat(strict.sentences()).last().asString().startsWith("vitrail: ").contains("1.png is not an image");
    }

    private Path zip(String name, String entry, byte[] content) throws IOException {
        var file = folder.resolve(name);
        try (var zip = new ZipOutputStream(Files.newOutputStream(file))) {
            zip.setLevel(Deflater.BEST_SPEED);
            zip.putNextEntry(new ZipEntry(entry));
            zip.write(content);
        }
        return file;
    }
}
