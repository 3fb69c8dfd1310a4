package dev.vitrail.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.vitrail.errors.VitrailException;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class IdxTest {
    private final Path folder;

    IdxTest(@TempDir Path folder) {
        this.folder = folder;
    }

    private static byte[] images(int count, int rows, int columns, int bytes) {
        ByteBuffer file = ByteBuffer.allocate(16 + bytes);
        file.putInt(0x803).putInt(count).putInt(rows).putInt(columns);
        for (int i = 0; i < bytes; i++) {
            file.put((byte) (200 + i));
        }
        return file.array();
    }

    private static byte[] labels(int... labels) {
        ByteBuffer file = ByteBuffer.allocate(8 + labels.length);
        file.putInt(0x801).putInt(labels.length);
        for (int label : labels) {
            file.put((byte) label);
        }
        return file.array();
    }

    private void write(String name, byte[] bytes) throws IOException {
        try (OutputStream out = Files.newOutputStream(folder.resolve(name));
                OutputStream packed = name.endsWith(".gz") ? new GZIPOutputStream(out) : out) {
            packed.write(bytes);
        }
    }

    private Dataset open(Split split) {
        return Datasets.open(folder, split, Optional.empty());
    }

    private void fails(String part) {
        assertThatThrownBy(() -> open(Split.TRAIN))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining(part);
    }

    @Test
    void readsPlainAndPackedFiles() throws IOException {
        write("train-images-idx3-ubyte", images(2, 3, 2, 12));
        write("train-labels-idx1-ubyte.gz", labels(3, 11));
        write("t10k-images.idx3-ubyte.gz", images(1, 3, 2, 6));
        write("t10k-labels-idx1-ubyte", labels(0));
        Dataset train = open(Split.TRAIN);
        assertThat(train.size()).isEqualTo(2);
        assertThat(train.labels()).containsExactly(3, 11);
        assertThat(train.classes()).hasSize(12).startsWith("0", "1");
        assertThat(train.image(1).height()).isEqualTo(3);
        assertThat(train.image(1).width()).isEqualTo(2);
        byte grey = (byte) (200 + 6);
        assertThat(train.image(1).pixels()).startsWith(grey, grey, grey, (byte) (grey + 1));
        assertThat(open(Split.VALIDATION).size()).isEqualTo(1);
        assertThat(open(Split.VALIDATION).classes()).hasSize(10);
        assertThatThrownBy(() -> Datasets.trainAndValidation(folder, Optional.empty(), 0.1, 0))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("train on has 12 classes")
                .hasMessageContaining("validate on 10 classes")
                .hasMessageContaining("classes.txt");
    }

    @Test
    void namesClassesByAFile() throws IOException {
        write("train-images-idx3-ubyte", images(2, 1, 1, 2));
        write("train-labels-idx1-ubyte", labels(0, 1));
        TestImages.text(folder.resolve("classes.txt"), "yes", "no");
        assertThat(open(Split.TRAIN).classes()).containsExactly("yes", "no");
        ClassNames others = new ClassNames(List.of("right", "wrong", "none"));
        Dataset renamed = Datasets.open(folder, Split.TRAIN, Optional.empty(), others);
        assertThat(renamed.classes()).containsExactly("right", "wrong", "none");
        assertThat(renamed.labels()).containsExactly(0, 1);
        assertThatThrownBy(() -> Relabelled.byIndex(renamed, new ClassNames(List.of("all"))))
                .hasMessageContaining("labels up to 1");
        TestImages.text(folder.resolve("classes.txt"), "yes");
        fails("names 1 classes");
    }

    @Test
    void refusesFilesThatAreNotWhatTheySay() throws IOException {
        write("train-labels-idx1-ubyte", labels(1, 2));
        write("train-images-idx3-ubyte", images(2, 3, 2, 11));
        fails("states 12 bytes, found 11");
        write("train-images-idx3-ubyte", images(2, 3, 2, 13));
        fails("states 12 bytes, found more");
        write("train-images-idx3-ubyte", images(3, 2, 2, 12));
        fails("3 images and");
        write("train-images-idx3-ubyte", images(2, -3, 2, 12));
        fails("negative size, -3");
        write("train-images-idx3-ubyte", images(2, 40_000, 40_000, 12)); // wraps 32 bits to something harmless
        fails("more than one array holds");
        write("train-images-idx3-ubyte", images(2, 25_000, 40_000, 12)); // two billion bytes claimed, twelve there
        fails("states 2,000,000,000 bytes, found 12");
        write("train-images-idx3-ubyte", labels(1, 2));
        fails("expected the IDX number 0x00000803");
        write("train-images-idx3-ubyte", new byte[] {0, 0, 8});
        fails("end within the header");
        Files.delete(folder.resolve("train-images-idx3-ubyte"));
        write("train-images-idx3-ubyte.gz", images(2, 3, 2, 12));
        byte[] packed = Files.readAllBytes(folder.resolve("train-images-idx3-ubyte.gz"));
        Files.write(folder.resolve("train-images-idx3-ubyte.gz"), Arrays.copyOf(packed, packed.length - 12));
        fails("fetch");
        Files.delete(folder.resolve("train-labels-idx1-ubyte"));
        fails("lies beside no train-labels-idx1-ubyte");
    }

    @Test
    void readsTheRealFashionMnist() {
        Optional<Path> real = TestImages.real("fashion_mnist");
        assumeTrue(real.isPresent(), "shared/data/fashion_mnist is not here");
        TrainAndValidation both = Datasets.trainAndValidation(real.orElseThrow(), Optional.empty(), 0.1, 0);
        assertThat(both.train().size()).isEqualTo(60_000);
        assertThat(both.validation().size()).isEqualTo(10_000);
        assertThat(both.train().classes()).hasSize(10).contains("Ankle boot");
        assertThat(both.train().image(59_999).pixels()).hasSize(3 * 28 * 28);
        assertThat(both.train().describe()).contains("60,000 images");
    }
}
