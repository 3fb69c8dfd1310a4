package dev.vitrail.spark;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Executors in processes of their own. */
final class ClusterTest {
    @TempDir
    Path folder;

    @Test
    void executorsFindWhatTheLibraryFinds() throws IOException {
        var model = Fixture.model(folder, 1);
        var pictures = Fixture.pictures(60);
        try (var spark = Fixture.cluster(2, 1, 1024).getOrCreate()) {
            var rows = new VitrailClassifier()
                    .setModel(model.toString())
                    .transform(Fixture.images(spark, pictures, 4))
                    .select("id", "prediction")
                    .collectAsList();
            assertThat(rows).hasSize(60);
            Fixture.assertClassified(rows, model, pictures);
        }
    }
}
