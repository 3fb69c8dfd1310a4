package dev.vitrail.spark;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * Real photos and real weights; skipped where there are none. {@code -Dvitrail.spark.copies=10} measures 5,000 photos
 * on executors.
 */
final class PhotosTest {
    private static final Path DATA =
            Path.of(Optional.ofNullable(System.getenv("VITRAIL_TEST_DATA")).orElse("../../shared/data"));
    private static final Path PHOTOS =
            DATA.resolve("imagenet_sample").toAbsolutePath().normalize();
    private static final Path MODEL = DATA.resolve("vit_tiny_patch16_224.augreg_in21k_ft_in1k")
            .toAbsolutePath()
            .normalize();

    @BeforeAll
    static void requirePhotos() {
        assumeTrue(
                Files.isDirectory(PHOTOS) && Files.isDirectory(MODEL),
                "skipped: no photos and weights in " + DATA + ", set VITRAIL_TEST_DATA");
    }

    private static Dataset<Row> photos(SparkSession spark) {
        return spark.read().format("binaryFile").load(PHOTOS.toString()).select("path", "content");
    }

    @Test
    void photosHaveTheClassesOfTheLibrary() throws IOException {
        List<Path> files;
        try (var listed = Files.list(PHOTOS)) {
            files = listed.sorted().limit(100).toList();
        }
        var contents = new ArrayList<byte[]>();
        for (var file : files) {
            contents.add(Files.readAllBytes(file));
        }
        try (var spark = Fixture.local(2)) {
            var rows = new VitrailClassifier()
                    .setModel(MODEL.toString())
                    .transform(Fixture.images(spark, contents, 3))
                    .select("id", "prediction")
                    .collectAsList();
            assertThat(rows).hasSize(files.size());
            Fixture.assertClassified(rows, MODEL, contents);
        }
    }

    /** Prints what a photo costs; the first pass over the photos warms the executors. */
    @Test
    void photosOnExecutorsAreMeasured() throws IOException {
        int copies = Integer.getInteger("vitrail.spark.copies", 0);
        assumeTrue(copies > 0, "skipped: it takes minutes, set -Dvitrail.spark.copies=10");
        for (int executors = 1; executors <= 2; executors++) {
            try (var spark = Fixture.cluster(executors, 1, 4096).getOrCreate()) {
                var one = photos(spark);
                var all = one;
                for (int i = 1; i < copies; i++) {
                    all = all.union(one);
                }
                var classifier = new VitrailClassifier().setModel(MODEL.toString());
                measure(executors, "read", one, 500);
                measure(executors, "classify, first pass", classifier.transform(one), 500);
                measure(executors, "read again", one, 500);
                measure(executors, "classify", classifier.transform(all), 500 * copies);
            }
        }
    }

    private static void measure(int executors, String what, Dataset<Row> rows, int count) {
        double before = processorSeconds();
        long begin = System.nanoTime();
        rows.write().format("noop").mode("overwrite").save();
        double wall = (System.nanoTime() - begin) / 1e9;
        double used = processorSeconds() - before;
        assertThat(used).isPositive();
        System.out.printf(
                Locale.ROOT,
                "%d executors of 1 core, %s: %d photos, %.1f s (%.1f/s), %.1f s of processor time (%.1f photos"
                        + " a second of it)%n",
                executors,
                what,
                count,
                wall,
                count / wall,
                used,
                count / used);
    }

    private static double processorSeconds() {
        return Fixture.executors().stream()
                .mapToDouble(process ->
                        process.info().totalCpuDuration().orElseThrow().toNanos() / 1e9)
                .sum();
    }
}
