package dev.vitrail.cli;

import static dev.vitrail.cli.Cli.SMALL;
import static org.assertj.core.api.Assertions.assertThat;

import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** Commands in processes of their own: what the system can do to them. */
@EnabledOnOs(OS.LINUX)
final class ProcessTest {
    /**
     * A file that ends in the middle of the state of {@link Cli#SMALL}, 12 MB, but not of its weights, 4
     * MB: 512-byte blocks.
     */
    private static final String SMALL_DISK = "ulimit -f 16384";
    /** KiB of addresses, most of them for the libraries and what Java reserves. */
    private static final String LITTLE_MEMORY = "ulimit -v 6000000";

    @TempDir
    Path folder = Path.of("");

    private static Path model = Path.of("");
    private static Path data = Path.of("");

    @BeforeAll
    static void writeModelAndData(@TempDir Path shared) {
        model = Cli.model(shared.resolve("model"), "ants", "bees");
        data = Cli.labelled(shared.resolve("data"), 8, "ants", "bees");
    }

    @Test
    void aFullDiskSparesTheCheckpointBeforeIt() throws Exception {
        var run = folder.resolve("run");
        var begun = Cli.run("train", "--data", data, "--model", SMALL, "--out", run, "--batch", 4, "--epochs", 1);
        assertThat(begun.status()).as(begun.err()).isZero();
        var config = run.resolve("config.yaml");
        Files.writeString(config, Files.readString(config).replace("epochs: 1\n", "epochs: 2\n"));
        var before = files(run);
        var ran = Cli.end(Cli.start(folder, SMALL_DISK, "train", "--out", run, "--resume"), folder);
        assertThat(ran.status()).as(ran.err()).isEqualTo(2);
        assertThat(ran.sentences())
                .last()
                .asString()
                .startsWith("vitrail: could not write ")
                .contains("resume.safetensors", "nothing was changed, so free some space");
        var after = files(run);
        assertThat(after.keySet()).containsAll(before.keySet()).noneMatch(name -> name.endsWith(".tmp"));
        assertThat(after.get("last/resume.safetensors")).isEqualTo(before.get("last/resume.safetensors"));
    }

    /** A process of ours loads the natives by their paths, and no other binding: the BLAS is reached all the same. */
    @Test
    void benchmarkMeasuresTheBlasInAProcessOfItsOwn() throws Exception {
        var ran = Cli.end(
                Cli.start(folder, "true", "benchmark", "--model", SMALL, "--batch", 1, "--repeat", 1, "--json"),
                folder);
        assertThat(ran.status()).as(ran.err()).isZero();
        assertThat(ran.out()).contains("\"sgemm_gflops\"", "\"images_per_second\"");
    }

    private static Map<String, ByteBuffer> files(Path run) throws IOException {
        var files = new TreeMap<String, ByteBuffer>();
        try (var walk = Files.walk(run)) {
            for (var file : walk.filter(Files::isRegularFile).toList()) {
                files.put(run.relativize(file).toString(), ByteBuffer.wrap(Files.readAllBytes(file)));
            }
        }
        return files;
    }

    @Test
    void aBatchThatDoesNotFitSaysWhatToLower() throws Exception {
        var process = Cli.start(folder, LITTLE_MEMORY, "benchmark", "--model", SMALL, "--batch", 1_000_000);
        var ran = Cli.end(process, folder);
        assertThat(ran.sentences()).singleElement().asString().contains("memory ran out: lower --batch");
        assertThat(ran.status()).isEqualTo(2);
    }

    /**
     * However deep in its computations a process is: the status is that of the signal, and nothing crashes on
     * the way out.
     */
    @Test
    void aProcessThatIsToldToEndDoesSoCleanly() throws Exception {
        var often = Collections.nCopies(2000, data).toArray();
        var processes = new TreeMap<String, Process>();
        processes.put("training", started("training", "benchmark", "--model", SMALL, "--repeat", 1_000_000, "--train"));
        processes.put("train", started("train", "train", "--out", "run"));
        processes.put(
                "embed",
                started(
                        "embed",
                        Stream.concat(Stream.of("embed", "--model", model, "--out", "x.npy"), Stream.of(often))
                                .toArray()));
        var random = new Random();
        for (var entry : processes.entrySet()) {
            var place = folder.resolve(entry.getKey());
            awaitNatives(entry.getValue(), place);
            if (entry.getKey().equals("train")) {
                await(entry.getValue(), () -> events(place.resolve("run")) > 0); // from then on it is steps
            }
            Thread.sleep(300 + random.nextInt(500));
            entry.getValue().destroy(); // SIGTERM
            var ran = Cli.end(entry.getValue(), place);
            assertThat(ran.status()).as(entry.getKey() + ": " + ran.err()).isEqualTo(128 + 15);
            assertThat(place.toFile().list()).noneMatch(file -> file.startsWith("hs_err") || file.startsWith("core"));
            assertThat(ran.out()).isEmpty();
        }
        assertThat(folder.resolve("train/err"))
                .content()
                .contains("vitrail: saved; go on with: vitrail train --out run");
        assertThat(folder.resolve("train/run/last/resume.safetensors")).exists();
        assertThat(folder.resolve("embed/x.npy")).doesNotExist();
    }

    /** It has written nothing before it is told to end, and saves all the same. */
    @Test
    void aRunThatGoesOnSavesWhenItIsToldToEnd() throws Exception {
        var run = folder.resolve("run");
        var state = run.resolve("last/resume.safetensors");
        endAfterSteps("begun", "", 1, "train", "--model", SMALL, "--out", run);
        var before = Files.readAllBytes(state);
        var ran = endAfterSteps("resumed", "", 2, "train", "--out", run, "--resume");
        assertThat(ran.err()).contains("vitrail: saved; go on with: vitrail train --out " + run + " --resume");
        assertThat(Files.readAllBytes(state)).isNotEqualTo(before);
        assertThat(files(run).keySet()).noneMatch(name -> name.endsWith(".tmp"));
    }

    /** What draws the report must not need what is refused while a process ends. */
    @Test
    void aRunThatIsToldToEndInTheReportOfAnEpochSaves() throws Exception {
        var run = folder.resolve("run");
        var process = Cli.start(
                folder, "", "train", "--data", data, "--model", SMALL, "--out", run, "--batch", 4, "--epochs", 2);
        await(process, () -> Files.exists(run.resolve("best")));
        process.destroy();
        var ran = Cli.end(process, folder);
        assertThat(ran.status()).as(ran.err()).isEqualTo(128 + 15);
        assertThat(ran.err()).contains("vitrail: saved; go on with:").doesNotContain("unexpected", "Shutdown");
        assertThat(run.resolve("last/resume.safetensors")).exists();
    }

    @Test
    void aRunBelongsToOneProcess() throws Exception {
        var run = folder.resolve("run");
        var place = Files.createDirectory(folder.resolve("first"));
        var process = Cli.start(place, "", "train", "--model", SMALL, "--out", run);
        await(process, () -> events(run) == 1);
        for (var arguments : List.of(List.<Object>of("--resume"), List.<Object>of("--data", data))) {
            var command = new ArrayList<Object>(List.of("train", "--out", run));
            command.addAll(arguments);
            var second = Cli.run(command.toArray());
            assertThat(second.status()).isEqualTo(2);
            assertThat(second.sentences())
                    .last()
                    .asString()
                    .contains(run + " is in use by another process (process " + process.pid() + ")");
        }
        process.destroyForcibly();
        Cli.end(process, place);
        assertThat(Cli.run("train", "--out", run, "--resume", "--set", "epochs=1")
                        .err())
                .doesNotContain("in use");
    }

    @Test
    void whatCouldNotBeSavedIsNotCalledSaved() throws Exception {
        var run = folder.resolve("run");
        var ran = endAfterSteps("begun", SMALL_DISK, 1, "train", "--model", SMALL, "--out", run);
        assertThat(ran.err())
                .contains(
                        "vitrail: it could not be saved (could not write ", "resume.safetensors", "from the last save")
                .doesNotContain("vitrail: saved");
    }

    /** Tells a command that trains into {@code run} to end once its session, counted from 1, makes steps. */
    private Cli.Ran endAfterSteps(String name, String limit, int session, Object... arguments) throws Exception {
        var place = Files.createDirectory(folder.resolve(name));
        var process = Cli.start(place, limit, arguments);
        await(process, () -> events(folder.resolve("run")) == session);
        process.destroy();
        var ran = Cli.end(process, place);
        assertThat(ran.status()).as(ran.err()).isEqualTo(128 + 15);
        return ran;
    }

    /**
     * Between libtorch's destructors and the end of the process nothing may happen, as threads of Java go on computing.
     * Here a handler that C registered before would sleep then, for as many seconds as the status says.
     */
    @Test
    void theProcessEndsBeforeLibtorchTakesItselfApart() throws Exception {
        var process =
                Cli.startMain(folder, Sleepy.class, "benchmark", "--model", SMALL, "--repeat", 1_000_000, "--verbose");
        awaitNatives(process, folder);
        process.destroy();
        assertThat(process.waitFor(10, TimeUnit.SECONDS)).isTrue();
        assertThat(Cli.end(process, folder).status()).isEqualTo(128 + 15);
    }

    /** The command line in a process that sleeps at its very end. */
    static final class Sleepy {
        public static void main(String[] arguments) {
            var c = NativeLibrary.getProcess();
            c.getFunction("on_exit").invokeInt(new Object[] {c.getFunction("sleep"), Pointer.NULL});
            Main.main(arguments);
        }
    }

    private static void awaitNatives(Process process, Path place) throws InterruptedException {
        await(process, () -> read(place.resolve("err")).contains("libtorch is up"));
    }

    private static void await(Process process, BooleanSupplier condition) throws InterruptedException {
        while (!condition.getAsBoolean()) {
            assertThat(process.isAlive()).isTrue();
            Thread.sleep(20);
        }
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static long events(Path run) {
        var names = run.toFile().list();
        return names == null
                ? 0
                : Stream.of(names).filter(name -> name.startsWith("events")).count();
    }

    private Process started(String name, Object... arguments) throws IOException {
        var place = Files.createDirectory(folder.resolve(name));
        return Cli.start(
                place,
                "",
                Stream.concat(Stream.of(arguments), Stream.of("--verbose")).toArray());
    }
}
