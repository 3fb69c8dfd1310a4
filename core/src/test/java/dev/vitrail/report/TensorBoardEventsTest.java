package dev.vitrail.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.vitrail.eval.Calibration;
import dev.vitrail.eval.ConfusionMatrix;
import dev.vitrail.eval.Evaluation;
import dev.vitrail.train.EpochSummary;
import dev.vitrail.train.RunFolder;
import dev.vitrail.train.TrainingListener.Step;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tensorflow.framework.Summary;
import org.tensorflow.util.Event;
import org.tensorflow.util.SessionLog.SessionStatus;

/** The files are read by TensorFlow's own classes for events. */
class TensorBoardEventsTest {
    @TempDir
    @SuppressWarnings("NullAway.Init") // set by JUnit
    Path folder;

    private static Step step(int update) {
        return new Step(1, 2, update, 40, update, 1.0 / update, 0.5, 0.25, 3, 1e-3, 200, Duration.ofSeconds(9));
    }

    private static void epoch(TensorBoardEvents events) {
        var found = new Evaluation(
                4, 3, 4, 0.7, 1, new ConfusionMatrix(2, Map.of()), new Calibration(List.of()), List.of());
        events.epochEnded(new EpochSummary(1, 1e-3, 0.9, 0.6, 0.7, 0.75, 1, 12, 210), found, true);
    }

    /** The messages of a file; a record that was cut off is left out, as TensorBoard does. */
    private static List<Event> read(Path file) throws IOException {
        var events = new ArrayList<Event>();
        var bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
        while (bytes.remaining() >= 12) {
            long length = bytes.getLong();
            bytes.getInt();
            if (bytes.remaining() < length + 4) {
                break;
            }
            var message = new byte[(int) length];
            bytes.get(message);
            bytes.getInt();
            events.add(Event.parseFrom(message));
        }
        return events;
    }

    private List<Path> files() throws IOException {
        try (var files = Files.list(folder)) {
            return files.sorted().toList();
        }
    }

    @Test
    void tensorFlowReadsWhatIsWritten() throws IOException {
        try (var events = new TensorBoardEvents(new RunFolder(folder))) {
            for (int update = 1; update <= 40; update++) {
                events.stepped(step(update));
            }
            epoch(events);
        }
        assertThat(files())
                .singleElement()
                .extracting(file -> file.getFileName().toString())
                .asString()
                .contains("tfevents");
        var read = read(files().get(0));
        assertThat(read.get(0).getFileVersion()).isEqualTo("brain.Event:2");
        assertThat(read.get(0).getWallTime()).isCloseTo(System.currentTimeMillis() / 1e3, within(60.0));
        assertThat(read).extracting(Event::getStep).containsExactly(0L, 1L, 10L, 20L, 30L, 40L, 40L);
        var twentieth = read.get(3).getSummary().getValueList();
        assertThat(twentieth)
                .extracting(Summary.Value::getTag)
                .containsExactly("train/loss", "train/learning_rate", "train/gradient_norm", "train/images_per_second");
        assertThat(twentieth).extracting(Summary.Value::getSimpleValue).containsExactly(0.05f, 1e-3f, 3f, 200f);
        var last = new TreeMap<String, Float>();
        read.get(6).getSummary().getValueList().forEach(value -> last.put(value.getTag(), value.getSimpleValue()));
        assertThat(last).containsEntry("validation/top1", 0.75f).containsEntry("epoch/loss", 0.9f);
    }

    @Test
    void lengthsAndMessagesHaveTheirChecksums() throws IOException {
        try (var events = new TensorBoardEvents(new RunFolder(folder))) {
            epoch(events);
        }
        var bytes = ByteBuffer.wrap(Files.readAllBytes(files().get(0))).order(ByteOrder.LITTLE_ENDIAN);
        int records = 0;
        for (; bytes.hasRemaining(); records++) {
            var length = new byte[8];
            bytes.get(length);
            assertThat(bytes.getInt()).isEqualTo(masked(length));
            var message = new byte
                    [(int) ByteBuffer.wrap(length)
                            .order(ByteOrder.LITTLE_ENDIAN)
                            .getLong()];
            bytes.get(message);
            assertThat(bytes.getInt()).isEqualTo(masked(message));
        }
        assertThat(records).isEqualTo(2);
    }

    /** The check value of the nine digits is the one that RFC 3720's polynomial is known by. */
    @Test
    void theChecksumOfTheTestIsCastagnolis() {
        assertThat(crc32c("123456789".getBytes(StandardCharsets.US_ASCII))).isEqualTo(0xE3069283);
    }

    private static int masked(byte[] data) {
        int crc = crc32c(data);
        return ((crc >>> 15) | (crc << 17)) + 0xa282ead8;
    }

    /** Bit by bit, so that it shares nothing with the library's. */
    private static int crc32c(byte[] data) {
        int crc = ~0;
        for (byte b : data) {
            crc ^= b & 0xFF;
            for (int bit = 0; bit < 8; bit++) {
                crc = (crc & 1) != 0 ? (crc >>> 1) ^ 0x82F63B78 : crc >>> 1;
            }
        }
        return ~crc;
    }

    @Test
    void aRunThatGoesOnSaysFromWhere() throws IOException {
        var run = new RunFolder(folder);
        try (var killed = new TensorBoardEvents(run)) {
            killed.stepped(step(10));
            killed.stepped(step(20));
        }
        var first = files().get(0);
        var whole = Files.readAllBytes(first);
        Files.write(first, Arrays.copyOf(whole, whole.length - 7));
        try (var resumed = new TensorBoardEvents(run)) {
            resumed.stepped(step(15)); // no point of the curves, yet where the session goes on
            resumed.stepped(step(20));
        }
        assertThat(files()).hasSize(2);
        assertThat(read(first)).extracting(Event::getStep).containsExactly(0L, 10L);
        var read = read(files().get(1));
        assertThat(read.get(1).getSessionLog().getStatus()).isEqualTo(SessionStatus.START);
        assertThat(read.get(1).getStep()).isEqualTo(15);
        assertThat(read.get(2).getStep()).isEqualTo(20);
    }
}
