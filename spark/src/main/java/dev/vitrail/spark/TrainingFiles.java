package dev.vitrail.spark;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.parquet.ParquetFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.apache.hadoop.fs.FileUtil;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The data of a training that was given as rows: a folder of Parquet files, removed when it is closed. */
final class TrainingFiles implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(TrainingFiles.class);

    private final Path folder;

    private TrainingFiles(Path folder) {
        this.folder = folder;
    }

    /**
     * Writes rows to a folder that driver and executors see at the same path. The same ids with the same images and
     * labels give the same files, however the rows were ordered and partitioned.
     *
     * @throws VitrailException if the folder exists, the two parts do not fit, or the driver does not see what
     *     executors wrote
     */
    static TrainingFiles write(Path folder, TrainingTable training, Optional<TrainingTable> validation) {
        validation.ifPresent(training::requireCovers);
        require(
                !Files.exists(folder),
                "%s exists, and rows of a training are to be written there: remove it, or name another folder"
                        + " with setDataFolder",
                folder);
        LOG.info("the rows of the training are written to {}, which is removed when it has ended", folder);
        var files = new TrainingFiles(folder);
        try {
            files.write("train", training);
            validation.ifPresent(table -> files.write("val", table));
            return files;
        } catch (RuntimeException | Error e) {
            files.close();
            throw e;
        }
    }

    /** Spark names files by a number of its own, and here names are those of images: they must stay the same. */
    private void write(String part, TrainingTable table) {
        var written = folder.resolve("writing-" + part);
        try {
            table.write(written);
        } catch (Exception e) { // Spark's own, which is checked and not declared
            throw new VitrailException(
                    "the rows of the training could not be written to %s: %s".formatted(folder, reason(e)), e);
        }
        var files = parquet(written);
        long rows =
                files.stream().mapToLong(file -> ParquetFile.open(file).rows()).sum();
        require(
                rows == table.size(),
                "executors have written %d rows to %s, and the driver sees %d: name a folder on a file system that all"
                        + " share with setDataFolder",
                table.size(),
                folder,
                rows);
        try {
            for (int i = 0; i < files.size(); i++) {
                Files.move(files.get(i), folder.resolve("%s-%05d-of-%05d.parquet".formatted(part, i, files.size())));
            }
        } catch (IOException e) {
            throw failed(e);
        }
        FileUtil.fullyDelete(written.toFile());
    }

    /** Reason of a failure: the sentence of what a task found, else the first line of Spark's. */
    private static String reason(Exception e) {
        for (Throwable cause = e; cause != null; cause = cause.getCause()) {
            if (cause instanceof VitrailException) {
                return String.valueOf(cause.getMessage());
            }
        }
        return String.valueOf(e.getMessage()).lines().findFirst().orElse("");
    }

    private List<Path> parquet(Path written) {
        if (!Files.isDirectory(written)) {
            return List.of();
        }
        try (Stream<Path> entries = Files.list(written)) {
            return entries.filter(file -> file.toString().endsWith(".parquet"))
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw failed(e);
        }
    }

    private VitrailException failed(IOException e) {
        return new VitrailException(
                "the rows of the training could not be written to %s: %s".formatted(folder, e.getMessage()), e);
    }

    /** The files, as the option {@code data} names them. */
    Path folder() {
        return folder;
    }

    @Override
    public void close() {
        if (Files.exists(folder) && !FileUtil.fullyDelete(folder.toFile())) {
            LOG.warn("{}, which held the rows of the training, could not be removed: remove it", folder);
        }
    }
}
