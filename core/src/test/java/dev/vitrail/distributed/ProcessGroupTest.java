package dev.vitrail.distributed;

import static dev.vitrail.distributed.Ranks.SETTINGS;
import static dev.vitrail.distributed.Ranks.place;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vitrail.engine.CollectiveStore;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Tensor;
import dev.vitrail.errors.VitrailException;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(180)
class ProcessGroupTest {
    /** What the work of a rank threw. */
    private static Throwable thrown(CompletableFuture<?> rank) {
        try {
            rank.join();
            throw new AssertionError("a rank ended well");
        } catch (CompletionException e) {
            return Objects.requireNonNull(e.getCause());
        }
    }

    @Test
    void tensorsAreAddedUpGatheredAndSpread() {
        var found = Ranks.run(
                3,
                group -> Frame.compute(() -> {
                    var sum = Tensor.ones(5).timesInPlace(1 + group.rank());
                    group.sum(sum);
                    var spread = Tensor.ones(2, 2).timesInPlace(group.rank());
                    group.broadcast(List.of(spread), 2);
                    var gathered = group.gather(new double[group.rank()]);
                    return List.of(
                            sum.toFloats(),
                            spread.toFloats(),
                            new float[] {gathered.get(0).length, gathered.get(1).length, gathered.get(2).length},
                            new float[] {(float) group.sum(0.5, group.rank())[1]},
                            new float[] {Float.parseFloat(group.share(() -> "7"))});
                }));
        for (var rank : found) {
            assertThat(rank.get(0)).containsOnly(6).hasSize(5);
            assertThat(rank.get(1)).containsOnly(2).hasSize(4);
            assertThat(rank.get(2)).containsExactly(0, 1, 2);
            assertThat(rank.get(3)).containsExactly(3);
            assertThat(rank.get(4)).containsExactly(7);
        }
    }

    /** As under torchrun, whose agent serves a store of keys at the address and port that all are given. */
    @Test
    void aStoreThatIsServedTellsWhereRankZeroWaits() {
        try (var agent = CollectiveStore.serve("127.0.0.1", Duration.ofSeconds(30))) {
            var places = IntStream.range(0, 2)
                    .mapToObj(rank -> new Rendezvous("127.0.0.1", agent.port(), rank, 2, rank, Optional.of("0")))
                    .toList();
            var ranks = Ranks.start(
                    places, place -> ProcessGroup.run(place, SETTINGS, group -> group.sum(3)[0], lost -> {}));
            assertThat(ranks).allSatisfy(rank -> assertThat(rank.join()).isEqualTo(6));
        }
    }

    @Test
    void aGroupOfOneDoesNothing() {
        var single = ProcessGroup.single();
        single.requireSame("options", "a");
        assertThat(single.sum(1, 2)).containsExactly(1, 2);
        assertThat(single.gather(new double[] {3})).containsExactly(new double[] {3});
        assertThat(single.share(() -> "own")).isEqualTo("own");
        assertThat(single.isFirst() && single.isSingle()).isTrue();
    }

    @Test
    void ranksThatDifferNameTheLine() {
        int port = Ranks.freePort();
        var ranks = Ranks.start(
                List.of(place(port, 0, 2), place(port, 1, 2)),
                place -> ProcessGroup.run(
                        place,
                        SETTINGS,
                        group -> {
                            group.requireSame("the data", "same");
                            group.requireSame("the options", "seed: 1\nepochs: " + (2 + group.rank()));
                            return 0;
                        },
                        lost -> {}));
        for (var rank : ranks) {
            assertThat(thrown(rank))
                    .isExactlyInstanceOf(VitrailException.class)
                    .hasMessage(
                            "rank 1 and rank 0 differ in the options: 'epochs: 3' there, 'epochs: 2' here; start all"
                                    + " processes with the same");
        }
    }

    @Test
    void unequalWorldsAndEqualRanksAreRefused() {
        int port = Ranks.freePort();
        for (var rank : Ranks.start(
                List.of(place(port, 0, 2), place(port, 1, 3)),
                place -> ProcessGroup.run(place, SETTINGS, group -> 0, lost -> {}))) {
            assertThat(thrown(rank))
                    .isExactlyInstanceOf(VitrailException.class)
                    .hasMessageContaining("rank 1 was started with WORLD_SIZE 3 and rank 0 with 2");
        }
        int other = Ranks.freePort();
        var ranks = Ranks.start(
                List.of(place(other, 0, 3), place(other, 1, 3), place(other, 1, 3)),
                place -> ProcessGroup.run(place, SETTINGS, group -> 0, lost -> {}));
        assertThat(ranks).allSatisfy(rank -> assertThat(thrown(rank))
                .isExactlyInstanceOf(VitrailException.class)
                .hasMessageContaining("two processes were started with RANK 1"));
    }

    @Test
    void aTakenPortAndMissingRanksAreTold() throws IOException {
        try (var taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            assertThatThrownBy(() -> ProcessGroup.open(place(taken.getLocalPort(), 0, 2), SETTINGS))
                    .isInstanceOf(VitrailException.class)
                    .hasMessageContaining("port %d of 127.0.0.1 is taken".formatted(taken.getLocalPort()));
        }
        var soon = SETTINGS.withJoin(Duration.ofSeconds(1));
        assertThatThrownBy(() -> ProcessGroup.open(place(Ranks.freePort(), 0, 3), soon))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("ranks 1, 2 did not come within 1 s (1 of 3 are here)");
        assertThatThrownBy(() -> ProcessGroup.open(place(Ranks.freePort(), 1, 2), soon))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("no process with rank 0 answered at 127.0.0.1");
    }

    private static void pause() {
        try {
            Thread.sleep(20);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Whatever connects to a port that is open. */
    @Test
    void strangersAreSentAway() throws Exception {
        int port = Ranks.freePort();
        var stranger = CompletableFuture.supplyAsync(() -> {
            while (true) {
                try (var socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
                    socket.getOutputStream().write("GET / HTTP/1.1\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
                    return socket.getInputStream().read();
                } catch (ConnectException e) {
                    pause();
                } catch (IOException e) {
                    return -1;
                }
            }
        });
        var ranks = Ranks.start(List.of(place(port, 0, 2), place(port, 1, 2)), place -> {
            if (place.rank() == 1) {
                assertThat(stranger.join()).isNegative();
            }
            return ProcessGroup.run(place, SETTINGS, group -> group.sum(1)[0], lost -> {});
        });
        assertThat(ranks).allSatisfy(rank -> assertThat(rank.join()).isEqualTo(2));
    }

    @Test
    void whoCannotBeginTellsTheOthers() {
        int port = Ranks.freePort();
        var ranks = Ranks.start(
                List.of(place(port, 0, 3), place(port, 1, 3), place(port, 2, 3)),
                place -> ProcessGroup.run(
                        place,
                        SETTINGS,
                        group -> {
                            if (group.rank() == 1) {
                                throw new VitrailException("there is no folder photos");
                            }
                            group.requireSame("the data", "same");
                            return 0;
                        },
                        lost -> {}));
        for (int rank : new int[] {0, 2}) {
            assertThat(thrown(ranks.get(rank)))
                    .isExactlyInstanceOf(VitrailException.class)
                    .hasMessage("rank 1 of 3 cannot begin: there is no folder photos");
        }
    }

    /** The sum of the others fails at once or is given up; none waits for ever. */
    @Test
    void whoEndsInTheMiddleIsMissedByAll() {
        int port = Ranks.freePort();
        long start = System.nanoTime();
        var ranks = Ranks.start(
                List.of(place(port, 0, 3), place(port, 1, 3), place(port, 2, 3)),
                place -> ProcessGroup.run(
                        place,
                        SETTINGS,
                        group -> {
                            group.sum(1);
                            if (group.rank() == 2) {
                                throw new IllegalStateException("out of luck");
                            }
                            group.sum(1);
                            return 0;
                        },
                        lost -> {}));
        for (int rank : new int[] {0, 1}) {
            assertThat(thrown(ranks.get(rank)))
                    .isInstanceOf(PeerLostException.class)
                    .hasMessageContaining("rank 2 of 3 cannot go on: java.lang.IllegalStateException: out of luck");
        }
        assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(60));
    }
}
