package dev.vitrail.cli;

import static dev.vitrail.cli.Cli.SMALL;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.vitrail.weights.Safetensors;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/**
 * Training in several processes: what they learn, and what becomes of them when one is gone.
 * {@code -Dvitrail.train.kills=20} and {@code -Dvitrail.train.stops=5} make the series longer.
 */
@EnabledOnOs(OS.LINUX)
final class TrainProcessesTest {
    private static final int KILLS = Integer.getInteger("vitrail.train.kills", 2);
    private static final int STOPS = Integer.getInteger("vitrail.train.stops", 1);
    /** Within which all processes notice that one is gone, and end. */
    private static final Duration NOTICED = Duration.ofSeconds(10);

    /** 36 images to train on, with all that draws random numbers. */
    private static final List<String> OPTIONS = List.of(
            "val_fraction=0.25",
            "drop_path=0.2",
            "ema_decay=0.9",
            "mixup=0.8",
            "cutmix=1",
            "mix_mode=elem",
            "auto_augment=rand-m9-mstd0.5-inc1",
            "random_erasing=0.25",
            "color_jitter=0.2");

    @TempDir
    Path folder = Path.of("");

    private static Path data = Path.of("");

    @BeforeAll
    static void writeData(@TempDir Path shared) {
        data = Cli.labelled(shared.resolve("data"), 24, "ants", "bees");
    }

    private static Object[] training(Path run, Object... more) {
        var arguments =
                new ArrayList<Object>(List.of("train", "--data", data, "--model", SMALL, "--no-doctor", "--out", run));
        OPTIONS.forEach(option -> arguments.addAll(List.of("--set", option)));
        arguments.addAll(List.of(more));
        return arguments.toArray();
    }

    private Path place(String name) throws IOException {
        return Files.createDirectories(folder.resolve(name));
    }

    /** Trains to the end, one process in this one and several in processes of their own. */
    private Path trained(String name, int processes, Object... more) throws Exception {
        var run = folder.resolve(name).resolve("run");
        if (processes == 1) {
            var ran = Cli.run(training(run, more));
            assertThat(ran.status()).as(ran.err()).isZero();
            return run;
        }
        var arguments = Stream.concat(Stream.of("--processes", processes), Stream.of(more))
                .toArray();
        var place = place(name);
        var ran = Cli.end(Cli.start(place, "", training(run, arguments)), place);
        assertThat(ran.status()).as(ran.err()).isZero();
        return run;
    }

    /** ‖a − b‖ / ‖a‖ over all weights. */
    private static double distance(Path a, Path b) {
        var left = Safetensors.read(a.resolve("last/model.safetensors"));
        var right = Safetensors.read(b.resolve("last/model.safetensors"));
        double[] squares = new double[2];
        left.forEach(tensor -> {
            var mine = tensor.toFloats();
            var theirs = right.get(tensor.name()).toFloats();
            for (int i = 0; i < mine.length; i++) {
                squares[0] += Math.pow(mine[i] - theirs[i], 2);
                squares[1] += Math.pow(mine[i], 2);
            }
        });
        return Math.sqrt(squares[0] / squares[1]);
    }

    /** The losses of training and validation of all epochs. */
    private static List<double[]> losses(Path run) throws IOException {
        return Files.readAllLines(run.resolve("summary.csv")).stream()
                .skip(1)
                .map(line -> line.split(",", -1))
                .map(row -> new double[] {Double.parseDouble(row[2]), Double.parseDouble(row[4])})
                .toList();
    }

    @Test
    void oneStepGivesTheWeightsThatOneProcessGives() throws Exception {
        var alone = trained("one", 1, "--batch", 36, "--epochs", 1);
        for (int processes : new int[] {2, 4}) {
            var together = trained("with" + processes, processes, "--batch", 36, "--epochs", 1);
            assertThat(distance(alone, together)).isLessThan(1e-6);
            assertThat(losses(together).get(0)).containsExactly(losses(alone).get(0), within(1e-5));
        }
    }

    /** Three processes with 4, 4 and 2 images of each batch; steps of two batches and of one. */
    @Test
    void lossesAreThoseOfOneProcess() throws Exception {
        Object[] options = {"--batch", 10, "--epochs", 3, "--set", "gradient_accumulation=2"};
        var alone = losses(trained("one", 1, options));
        var together = losses(trained("three", 3, options));
        assertThat(together).hasSize(3);
        for (int epoch = 0; epoch < 3; epoch++) {
            assertThat(together.get(epoch)).containsExactly(alone.get(epoch), within(1e-4));
        }
        assertThat(folder.resolve("three/run/data.json.gz")).exists();
    }

    /** Classes that count differently weigh in the batch of all processes, not in each one's share. */
    @Test
    void classWeightsAreThoseOfTheWholeBatch() throws Exception {
        var uneven = folder.resolve("uneven");
        Cli.labelled(uneven, 20, "ants");
        Cli.labelled(uneven, 6, "bees");
        var found = new ArrayList<double[]>();
        for (int processes : new int[] {1, 2}) {
            var place = place("weighted" + processes);
            var run = place.resolve("run");
            var arguments = new Object[] {
                "train",
                "--data",
                uneven,
                "--model",
                SMALL,
                "--no-doctor",
                "--out",
                run,
                "--batch",
                7,
                "--epochs",
                2,
                "--set",
                "class_weights=inverse_frequency",
                "--set",
                "mixup=0",
                "--set",
                "cutmix=0",
                "--processes",
                processes
            };
            var ran = processes == 1 ? Cli.run(arguments) : Cli.end(Cli.start(place, "", arguments), place);
            assertThat(ran.status()).as(ran.err()).isZero();
            found.add(losses(run).get(1));
        }
        assertThat(found.get(1)).containsExactly(found.get(0), within(1e-4));
    }

    /**
     * The loss is not finite in one process's share or in both; the batch that is kept for replay is one that it was
     * not finite in.
     */
    @Test
    void allRanksStopAtALossThatIsNotFinite() throws Exception {
        var run = folder.resolve("run");
        var place = place("bad");
        var ran = Cli.end(
                Cli.start(
                        place,
                        "",
                        training(
                                run,
                                "--batch",
                                12,
                                "--epochs",
                                2,
                                "--lr",
                                1e20,
                                "--set",
                                "warmup_epochs=0",
                                "--processes",
                                2)),
                place);
        assertThat(ran.status()).as(ran.err()).isEqualTo(2);
        assertThat(ran.sentences()).last().asString().contains("became NaN in epoch 1, step 2 of 3, first in ");
        assertThat(ran.err()).doesNotContain("rank 1");
        var replayed = Cli.run("replay", run.resolve("failed-epoch1-step2.safetensors"));
        assertThat(replayed.status()).as(replayed.err()).isEqualTo(1); // the number is bad again
        assertThat(replayed.out()).contains("patch_embed.proj");
    }

    /** Killed or stopped at random moments and resumed, a run gives the same files, to the byte. */
    @Test
    void lostProcessesAreNoticedAndChangeNothing() throws Exception {
        int losses = KILLS + STOPS;
        Object[] options = {"--batch", 12, "--epochs", 3 * losses, "--set", "save_minutes=0.01"};
        var whole = trained("whole", 2, options);
        var run = folder.resolve("run");
        var random = new Random(losses);
        var place = place("killed");
        for (int i = 0; i < losses; i++) {
            boolean resumes = Files.exists(run.resolve("config.yaml"));
            var process = Cli.start(
                    place,
                    "",
                    resumes
                            ? new Object[] {"train", "--out", run, "--resume", "--processes", 2}
                            : training(
                                    run,
                                    Stream.concat(Stream.of(options), Stream.of("--processes", 2))
                                            .toArray()));
            awaitSession(process, run, place, i + 1);
            Thread.sleep(random.nextInt(400));
            int rank = i % 2;
            var lost = rank(process, rank);
            var other = rank(process, 1 - rank);
            boolean kills = i < KILLS;
            signal(lost, kills ? "KILL" : "STOP");
            long start = System.nanoTime();
            other.onExit().get(60, TimeUnit.SECONDS);
            var took = Duration.ofNanos(System.nanoTime() - start);
            var ran = Cli.end(process, place);
            System.out.printf(
                    "%s of rank %d: the other ended after %d ms, exit %d: %s%n",
                    kills ? "KILL" : "STOP",
                    rank,
                    took.toMillis(),
                    ran.status(),
                    ran.sentences().get(ran.sentences().size() - 1));
            assertThat(ran.status()).as(ran.err()).isEqualTo(3);
            assertThat(took).isLessThan(NOTICED);
            assertThat(ran.sentences())
                    .last()
                    .asString()
                    .contains(
                            rank == 0
                                    ? kills ? "was ended by signal 9" : "hung, and was ended"
                                    : kills
                                            ? "rank 1 of 2 has ended without a word, so the training was stopped and"
                                                    + " saved in"
                                            : "rank 1 of 2 has not answered for 6 s, so the training was stopped and"
                                                    + " saved in");
            assertThat(place.toFile().list()).noneMatch(file -> file.startsWith("hs_err") || file.startsWith("core"));
        }
        var resumed = Cli.end(Cli.start(place, "", "train", "--out", run, "--resume", "--processes", 2), place);
        assertThat(resumed.status()).as(resumed.err()).isZero();
        for (var file : List.of("summary.csv", "last/model.safetensors", "best/model.safetensors", "config.yaml")) {
            assertThat(run.resolve(file)).as(file).hasSameBinaryContentAs(whole.resolve(file));
        }
    }

    /** The process that starts the others may be told to end, or be killed; another number of processes goes on. */
    @Test
    void processesEndWithTheirLauncherAndOthersGoOn() throws Exception {
        Object[] options = {"--batch", 12, "--epochs", 6};
        var alone = losses(trained("alone", 1, options));
        var run = folder.resolve("run");
        var place = place("ended");
        var first = Cli.start(
                place,
                "",
                training(
                        run,
                        Stream.concat(Stream.of(options), Stream.of("--processes", 2))
                                .toArray()));
        awaitSession(first, run, place, 1);
        var ranks = List.of(rank(first, 0), rank(first, 1));
        first.destroy();
        var ran = Cli.end(first, place);
        assertThat(ran.status()).as(ran.err()).isEqualTo(128 + 15);
        assertThat(ran.err()).contains("vitrail: saved; go on with: vitrail train --out " + run + " --resume");
        assertThat(ranks).noneMatch(ProcessHandle::isAlive);

        var second = Cli.start(place, "", "train", "--out", run, "--resume", "--processes", 3);
        awaitSession(second, run, place, 2);
        ranks = List.of(rank(second, 0), rank(second, 1), rank(second, 2));
        second.destroyForcibly().waitFor();
        for (var rank : ranks) {
            rank.onExit().get(NOTICED.toSeconds(), TimeUnit.SECONDS);
        }

        var last = Cli.end(Cli.start(place, "", "train", "--out", run, "--resume"), place);
        assertThat(last.status()).as(last.err()).isZero();
        var found = losses(run);
        assertThat(found).hasSameSizeAs(alone);
        for (int epoch = 0; epoch < found.size(); epoch++) {
            assertThat(found.get(epoch)).containsExactly(alone.get(epoch), within(1e-4));
        }
    }

    @Test
    void ranksThatDoNotBelongTogetherAreRefused() throws Exception {
        int port = freePort();
        var started = new ArrayList<Process>();
        for (int rank = 0; rank < 2; rank++) {
            started.add(Cli.start(
                    place("rank" + rank),
                    variables(port, rank),
                    training(folder.resolve("run"), "--epochs", 2 + rank)));
        }
        for (int rank = 0; rank < 2; rank++) {
            var ran = Cli.end(started.get(rank), place("rank" + rank));
            assertThat(ran.status()).as(ran.err()).isEqualTo(2);
            assertThat(ran.sentences())
                    .singleElement()
                    .asString()
                    .startsWith("vitrail: rank 1 and rank 0 differ in what they are asked for: 'epochs: 3' there,"
                            + " 'epochs: 2' here");
        }
        assertThat(folder.resolve("run")).doesNotExist();
    }

    @Test
    void whatCannotBeginIsToldBeforeAnyWork() throws Exception {
        var run = folder.resolve("run");
        assertThat(refused("few", "", training(run, "--batch", 2, "--processes", 2)))
                .contains("a batch of 2 images, which are mixed in pairs, cannot be shared by 2 processes");
        assertThat(refused("variables", "export RANK=0 WORLD_SIZE=2", training(run)))
                .contains("MASTER_ADDR and MASTER_PORT and LOCAL_RANK are not set");
        assertThat(refused("outside", variables(29500, 2), training(run)))
                .contains("rank 2 is outside of a world of 2 processes");
        try (var taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            assertThat(refused("port", variables(taken.getLocalPort(), 0), training(run)))
                    .contains("port %d of 127.0.0.1 is taken".formatted(taken.getLocalPort()));
        }
        assertThat(refused("alone", variables(freePort(), 0), training(run, "--join-timeout", 1)))
                .contains("rank 1 did not come within 1 s");
        assertThat(run).doesNotExist();
        assertThat(Cli.run("train", "--nodes", 2, "--processes", 2).sentences())
                .singleElement()
                .asString()
                .contains("needs --master HOST:PORT");
        assertThat(Cli.run("train", "--nodes", 2).sentences())
                .singleElement()
                .asString()
                .contains("need --processes N");
        assertThat(Cli.run("train", "--processes", 0).sentences())
                .singleElement()
                .asString()
                .contains("1 or more, found 0");
    }

    /** The sentence that a command ends with. */
    private String refused(String name, String environment, Object... arguments) throws Exception {
        var place = place(name);
        var ran = Cli.end(Cli.start(place, environment, arguments), place);
        assertThat(ran.status()).as(ran.err()).isEqualTo(2);
        assertThat(ran.out()).isEmpty();
        return ran.sentences().get(ran.sentences().size() - 1);
    }

    @Test
    void theLauncherKeepsItsOwnOptions() {
        assertThat(TrainingProcesses.own(List.of(
                        "train", "--processes", "2", "--out", "x", "--nodes=1", "--node-rank", "0", "--epochs", "3")))
                .containsExactly("train", "--out", "x", "--epochs", "3");
    }

    private static String variables(int port, int rank) {
        return "export MASTER_ADDR=127.0.0.1 MASTER_PORT=%d RANK=%d WORLD_SIZE=2 LOCAL_RANK=0".formatted(port, rank);
    }

    private static int freePort() throws IOException {
        try (var socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    /** Waits until a run makes steps, in its session of this number, from 1. */
    private static void awaitSession(Process process, Path run, Path place, int session) throws Exception {
        while (events(run) < session) {
            assertThat(process.isAlive())
                    .as(Files.readString(place.resolve("err")))
                    .isTrue();
            Thread.sleep(20);
        }
    }

    private static long events(Path run) {
        var names = run.toFile().list();
        return names == null
                ? 0
                : Stream.of(names).filter(name -> name.startsWith("events")).count();
    }

    /** The process of a rank among those that a launcher has started. */
    private static ProcessHandle rank(Process launcher, int rank) {
        return launcher.children()
                .filter(child -> environment(child).contains("RANK=" + rank))
                .findFirst()
                .orElseThrow();
    }

    private static List<String> environment(ProcessHandle process) {
        try {
            return List.of(Files.readString(Path.of("/proc/" + process.pid() + "/environ"))
                    .split("\0", -1));
        } catch (IOException e) {
            return List.of();
        }
    }

    private static void signal(ProcessHandle process, String name) throws Exception {
        var sent = new ProcessBuilder("kill", "-" + name, Long.toString(process.pid())).start();
        assertThat(CompletableFuture.supplyAsync(() -> sent.onExit().join().exitValue())
                        .get(10, TimeUnit.SECONDS))
                .isZero();
    }
}
