package dev.vitrail.spark;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.data.Offset.offset;

import dev.vitrail.Vitrail;
import dev.vitrail.data.StainedGlass;
import dev.vitrail.images.ImageEncoder;
import dev.vitrail.images.RgbImage;
import dev.vitrail.loading.LoadOptions;
import dev.vitrail.loading.LoadedModel;
import dev.vitrail.weights.Checkpoint;
import dev.vitrail.weights.ModelFolder;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;

/** Sessions, a small model, and images for it. */
final class Fixture {
    static final StructType IMAGES =
            new StructType().add("id", DataTypes.IntegerType).add("content", DataTypes.BinaryType);

    private Fixture() {}

    /** A session in this process, with so many threads. */
    static SparkSession local(int threads) {
        return session("local[%d]".formatted(threads)).getOrCreate();
    }

    static SparkSession.Builder session(String master) {
        return SparkSession.builder()
                .master(master)
                .appName("vitrail-test")
                .config("spark.ui.enabled", false)
                .config("spark.driver.bindAddress", "127.0.0.1")
                .config("spark.driver.host", "127.0.0.1")
                .config("spark.sql.shuffle.partitions", 2)
                .config(
                        "spark.sql.warehouse.dir",
                        Path.of("target", "warehouse").toAbsolutePath().toString());
    }

    /** Spark's home, with links to the jars of this process, as its workers start executors from there. */
    static Path sparkHome() {
        var home = System.getenv("SPARK_HOME");
        if (home == null) {
            throw new IllegalStateException("SPARK_HOME is not set: the build sets it to a folder below target");
        }
        try {
            var jars = Files.createDirectories(Path.of(home, "jars"));
            for (var entry : classPath()) {
                var link = jars.resolve(entry.getFileName());
                if (Files.isRegularFile(entry) && !Files.exists(link)) {
                    Files.deleteIfExists(link);
                    Files.createSymbolicLink(link, entry);
                }
            }
            return Path.of(home);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static List<Path> classPath() {
        return Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
                .map(entry -> Path.of(entry).toAbsolutePath())
                .toList();
    }

    /** Executors in processes of their own, on this machine. */
    static SparkSession.Builder cluster(int executors, int cores, int mebibytes) {
        sparkHome();
        var folders = classPath().stream()
                .filter(Files::isDirectory)
                .map(Path::toString)
                .toList();
        return session("local-cluster[%d,%d,%d]".formatted(executors, cores, mebibytes))
                .config("spark.executor.memory", mebibytes + "m")
                .config("spark.executor.extraClassPath", String.join(File.pathSeparator, folders));
    }

    /** The processes of executors that this one has started. */
    static List<ProcessHandle> executors() {
        return ProcessHandle.current()
                .descendants()
                .filter(process -> process.info().commandLine().orElse("").contains("CoarseGrainedExecutorBackend"))
                .toList();
    }

    /** A folder with a small model of random weights, ten classes and images of 32×32 pixels. */
    static Path model(Path folder, long seed) {
        try (var loaded = LoadedModel.load("vit_mini_patch4_gap_32", LoadOptions.DEFAULT.withSeed(seed))) {
            var labels = IntStream.range(0, loaded.model().config().classes())
                    .mapToObj(i -> "colour " + i)
                    .toList();
            ModelFolder.write(folder, loaded.description(labels), Checkpoint.of(loaded.model()));
            return folder;
        }
    }

    /** Encoded images, all different. */
    static List<byte[]> pictures(int count) {
        var glass = StainedGlass.trainAndValidation().validation();
        var files = new ArrayList<byte[]>();
        for (int i = 0; i < count; i++) {
            files.add(i % 2 == 0 ? ImageEncoder.png(glass.image(i)) : ImageEncoder.jpeg(glass.image(i)));
        }
        return files;
    }

    /** An image of one pixel. */
    static byte[] onePixel() {
        return ImageEncoder.png(new RgbImage(1, 1, new byte[] {1, 2, 3}));
    }

    static byte[] text() {
        return "class,file\n1,cat.jpg\n".getBytes(StandardCharsets.UTF_8);
    }

    /** Rows of an id, from 0, and the content of a file. */
    static Dataset<Row> images(SparkSession spark, List<byte[]> contents, int partitions) {
        var rows = new ArrayList<Row>();
        for (int i = 0; i < contents.size(); i++) {
            rows.add(RowFactory.create(i, contents.get(i)));
        }
        return spark.createDataFrame(new JavaSparkContext(spark.sparkContext()).parallelize(rows, partitions), IMAGES);
    }

    /** Asserts that rows of an id and a classifier's struct are what the library itself finds in the images. */
    static void assertClassified(List<Row> rows, Path model, List<byte[]> contents) {
        try (var vitrail = Vitrail.load(model.toString())) {
            for (var row : rows) {
                var expected = vitrail.classify(contents.get(row.getInt(0)));
                var found = row.getStruct(1);
                assertThat(found.getString(0))
                        .as("row %d", row.getInt(0))
                        .isEqualTo(expected.get(0).label());
                assertThat(found.getInt(1)).isEqualTo(expected.get(0).index());
                assertThat(found.getDouble(2)).isCloseTo(expected.get(0).probability(), offset(1e-5));
                var top = found.<Row>getList(3);
                assertThat(top).hasSameSizeAs(expected);
                for (int i = 0; i < top.size(); i++) {
                    assertThat(top.get(i).getDouble(2))
                            .isCloseTo(expected.get(i).probability(), offset(1e-5));
                }
            }
        }
    }
}
