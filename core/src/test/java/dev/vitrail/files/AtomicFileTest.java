package dev.vitrail.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vitrail.errors.VitrailException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class AtomicFileTest {
    @TempDir
    Path folder = Path.of("");

    private Path target = Path.of("");

    @BeforeEach
    void anOldFile() {
        target = folder.resolve("weights.bin");
        AtomicFile.write(target, "old");
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 4, 9})
    void aFullDiskLeavesTheOldFileAndNothingElse(int room) throws IOException {
        assertThatThrownBy(() -> AtomicFile.write(
                        target,
                        out -> AtomicFile.writeFully(out, ByteBuffer.wrap(new byte[10])),
                        file -> new FullDisk(file, room)))
                .isExactlyInstanceOf(VitrailException.class)
                .hasMessageContaining("No space left on device")
                .hasMessageContaining("weights.bin");
        assertThat(target).hasContent("old");
        assertThat(folder).isDirectoryNotContaining(path -> !path.equals(target));
    }

    @Test
    void anExceptionOfTheWriterLeavesTheOldFileAndNothingElse() throws IOException {
        assertThatThrownBy(() -> AtomicFile.write(target, out -> {
                    AtomicFile.writeFully(out, ByteBuffer.wrap(new byte[3]));
                    throw new IllegalStateException("fault of the caller");
                }))
                .isInstanceOf(IllegalStateException.class);
        assertThat(target).hasContent("old");
        assertThat(folder).isDirectoryNotContaining(path -> !path.equals(target));
    }

    @Test
    void anInterruptedThreadLeavesTheOldFileAndNothingElse() throws IOException {
        Thread.currentThread().interrupt();
        assertThatThrownBy(() -> AtomicFile.write(target, "new")).isExactlyInstanceOf(VitrailException.class);
        assertThat(Thread.interrupted()).isTrue();
        assertThat(target).hasContent("old");
        assertThat(folder).isDirectoryNotContaining(path -> !path.equals(target));
    }

    @Test
    void replacesAndMakesFolders() throws IOException {
        AtomicFile.write(target, "new");
        assertThat(target).hasContent("new");
        var deep = folder.resolve("a/b/c");
        AtomicFile.write(deep, new byte[] {'x'});
        assertThat(deep).hasContent("x");
        assertThat(deep.getParent()).isDirectoryNotContaining(path -> !path.equals(deep));
    }

    @Test
    void whatAKilledProcessLeftIsRemovedAndNothingElse() throws IOException {
        var left = Files.writeString(folder.resolve(".weights.bin.0f8fad5b-d9cb-469f-a165-70867728950e.tmp"), "half");
        var others = List.of(target, folder.resolve("notes.tmp"), folder.resolve(".hidden.tmp"));
        for (var other : others) {
            Files.writeString(other, "x");
        }
        AtomicFile.write(target, out -> {
            try (var files = Files.list(folder)) { // the pattern is that of the names that are given
                assertThat(files.map(file -> String.valueOf(file.getFileName()))
                                .filter(name -> name.matches("\\.weights\\.bin\\.[-0-9a-f]{36}\\.tmp")))
                        .hasSize(2);
            }
            AtomicFile.writeFully(out, ByteBuffer.wrap(new byte[] {'x'}));
        });
        AtomicFile.removeUnfinished(folder);
        assertThat(left).doesNotExist();
        assertThat(others).allSatisfy(other -> assertThat(other).hasContent("x"));
    }

    @Test
    void refusesAFolderAsTarget() {
        assertThatThrownBy(() -> AtomicFile.write(folder, "x"))
                .isExactlyInstanceOf(VitrailException.class)
                .hasMessageContaining("folder");
    }

    @Test
    void replacesALinkAndLeavesWhatItPointsTo() throws IOException {
        var link = Files.createSymbolicLink(folder.resolve("link"), target);
        AtomicFile.write(link, "new");
        assertThat(link).hasContent("new");
        assertThat(Files.isSymbolicLink(link)).isFalse();
        assertThat(target).hasContent("old");
    }

    /** Takes {@code room} bytes and then fails as a full disk does, after having taken a part of the last write. */
    private static final class FullDisk implements WritableByteChannel {
        private final FileChannel file;
        private int room;

        FullDisk(FileChannel file, int room) {
            this.file = file;
            this.room = room;
        }

        @Override
        public int write(ByteBuffer bytes) throws IOException {
            if (room == 0) {
                throw new IOException("No space left on device");
            }
            int taken = Math.min(room, bytes.remaining());
            room -= taken;
            file.write(bytes.slice(bytes.position(), taken));
            bytes.position(bytes.position() + taken);
            return taken;
        }

        @Override
        public boolean isOpen() {
            return file.isOpen();
        }

        @Override
        public void close() throws IOException {
            file.close();
        }
    }
}
