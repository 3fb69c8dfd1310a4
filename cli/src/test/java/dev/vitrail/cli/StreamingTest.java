package dev.vitrail.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vitrail.files.PathNames;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/**
 * Long work in processes of its own: what is seen of it while it runs, and what is left of it when it ends
 * before its time.
 */
@EnabledOnOs(OS.LINUX)
@Timeout(900)
final class StreamingTest {
    private static final int IMAGES = 12;

    @TempDir
    Path folder = Path.of("");

    private static Path model = Path.of("");
    private static Path photos = Path.of("");

    @BeforeAll
    static void writeModelAndPhotos(@TempDir Path shared) {
        model = Cli.model(shared.resolve("model"), "猫", "狗");
        photos = shared.resolve("photos");
        for (int i = 0; i < IMAGES; i++) {
            Cli.image(photos.resolve("%02d.png".formatted(i)), 32, 20 * i, i);
        }
    }

    private static void feed(OutputStream list, int from, int to) throws IOException {
        for (int i = from; i < to; i++) {
            list.write((photos.resolve("%02d.png".formatted(i)) + "\n").getBytes(StandardCharsets.UTF_8));
        }
        list.flush();
    }

    private void awaitLines(Process process, String file, int count) throws Exception {
        while (Files.readAllLines(folder.resolve(file)).size() < count) {
            assertThat(process.isAlive()).isTrue();
            Thread.sleep(20);
        }
    }

    private Process predict(String limit, Object... more) {
        var command = new ArrayList<Object>(List.of("predict", "--model", model, "--top", 1, "--batch", 4));
        command.addAll(List.of(more));
        return Cli.start(folder, limit, command.toArray());
    }

    @Test
    void linesComeBatchByBatchAndAnInterruptionEndsWithWholeOnes() throws Exception {
        var process = predict("", "--format", "csv", "-");
        feed(process.getOutputStream(), 0, 2);
        awaitLines(process, "out", 3); // a title, and the first batch, though nobody knows how many will follow
        feed(process.getOutputStream(), 2, 7);
        awaitLines(process, "out", 7);
        process.toHandle().destroy(); // SIGTERM; Process.destroy would end the list as well
        var ran = Cli.end(process, folder);
        assertThat(ran.status()).isEqualTo(128 + 15);
        assertThat(ran.out()).endsWith("\n");
        assertThat(ran.out().lines()).hasSize(7).allMatch(line -> line.split(",", -1).length == 5);
        assertThat(ran.sentences()).containsExactly("vitrail: stopped after 6 images");
    }

    @Test
    void killedWorkGoesOnAndHasEachRowOnce() throws Exception {
        var whole = folder.resolve("whole.csv");
        assertThat(Cli.run("predict", "--model", model, "--top", 1, "--out", whole, photos)
                        .status())
                .isZero();
        var found = folder.resolve("found.csv");
        var partial = folder.resolve("found.csv.partial");
        var process = predict("", "--out", found, "-");
        feed(process.getOutputStream(), 0, 6); // batches of 2 and 4
        while (!Files.exists(partial) || count(partial, ".png") < 6) {
            assertThat(process.isAlive()).isTrue();
            Thread.sleep(20);
        }
        process.destroyForcibly(); // SIGKILL
        Cli.end(process, folder);
        assertThat(found).doesNotExist();
        // A batch that was being written is dropped.
        var bytes = Files.readAllBytes(partial);
        Files.write(partial, java.util.Arrays.copyOf(bytes, bytes.length - 3));
        var other = Cli.run("predict", "--model", model, "--top", 2, "--out", found, "--resume", photos);
        assertThat(other.status()).isEqualTo(2);
        assertThat(other.err()).contains("was begun with top 1, and now it is 2");
        var others =
                Cli.run("predict", "--model", model, "--top", 1, "--out", found, "--resume", photos.resolve("01.png"));
        assertThat(others.err()).contains("image 1 of ", "00.png, and now it is ");
        var resumed = Cli.run("predict", "--model", model, "--top", 1, "--out", found, "--resume", photos);
        assertThat(resumed.status()).as(resumed.err()).isZero();
        assertThat(found).hasSameTextualContentAs(whole);
        assertThat(partial).doesNotExist();
    }

    private static int count(Path file, String text) throws IOException {
        return Files.readString(file, StandardCharsets.ISO_8859_1).split(java.util.regex.Pattern.quote(text), -1).length
                - 1;
    }

    @Test
    void whatCannotBeWrittenToStdoutIsAFailureOfTheCommand() throws Exception {
        for (var command : List.of(
                List.<Object>of("models", "vit_tiny_patch16_224", "--json"),
                List.<Object>of("predict", "--help"),
                List.<Object>of("recipes"),
                List.<Object>of("predict", "--model", model, "--format", "csv", photos))) {
            var full = Cli.end(Cli.start(folder, "exec > /dev/full", command.toArray()), folder);
            assertThat(full.status()).as(command.toString()).isEqualTo(2);
            assertThat(full.sentences()).containsExactly("vitrail: could not write to stdout: No space left on device");
        }
        var closed = Cli.end(Cli.start(folder, "exec >&-", "recipes"), folder);
        assertThat(closed.status()).isEqualTo(2);
        assertThat(closed.sentences()).singleElement().asString().startsWith("vitrail: could not write to stdout: ");
    }

    @Test
    void aReaderThatHasGoneEndsTheWorkInSilence() throws Exception {
        Files.createFile(folder.resolve("first"));
        var process = predict("mkfifo gone && { head -n 1 < gone > first & } && exec > gone", "--format", "csv", "-");
        feed(process.getOutputStream(), 0, 4);
        awaitLines(process, "first", 1);
        feed(process.getOutputStream(), 4, 8); // and the list stays open: the command ends of itself
        var ran = Cli.end(process, folder);
        assertThat(ran.status()).isZero();
        assertThat(ran.err()).isEmpty();
    }

    @Test
    void outputsThatCannotBeWrittenAreRefusedBeforeTheWork() {
        for (var place :
                List.of(Path.of("/proc/found.csv"), Path.of("/dev/full"), folder, photos.resolve("00.png/x.csv"))) {
            var ran = Cli.run("predict", "--model", "nothing of that name", "--out", place, photos);
            assertThat(ran.status()).isEqualTo(2);
            assertThat(ran.sentences()).singleElement().asString().startsWith("vitrail: cannot write " + place);
        }
    }

    @Test
    void namesSurviveALocaleOfAscii() throws Exception {
        var image = folder.resolve(PathNames.path("图/写真 é.png"));
        Files.createDirectories(image.getParent());
        Files.copy(photos.resolve("00.png"), image);
        var ascii = "unset LANG && export LC_ALL=C";
        for (var format : List.of("csv", "json", "jsonl", "text")) {
            var ran = Cli.end(predict(ascii, "--format", format, "."), folder);
            assertThat(ran.status()).as(ran.err()).isZero();
            assertThat(ran.out()).contains("图/写真 é.png").containsAnyOf("猫", "狗");
        }
        var process = predict(ascii, "--format", "csv", "-");
        try (var list = process.getOutputStream()) {
            list.write("图/写真 é.png\n".getBytes(StandardCharsets.UTF_8));
        }
        assertThat(Cli.end(process, folder).out()).contains("\n图/写真 é.png,1,");
        var named = Cli.end(predict(ascii + " && set -- \"$@\" 图", "--format", "csv"), folder);
        assertThat(named.status()).isEqualTo(2);
        assertThat(named.sentences()).singleElement().asString().contains("run with LC_ALL=C.UTF-8");
    }
}
