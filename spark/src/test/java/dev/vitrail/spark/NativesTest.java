package dev.vitrail.spark;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Executors on a platform for which no native libraries are on the class path. */
final class NativesTest {
    @TempDir
    @SuppressWarnings("NullAway.Init") // set by JUnit
    private Path folder;

    @Test
    void executorsWithoutNativesForTheirPlatformSayWhatIsMissing() throws IOException {
        var model = Fixture.model(folder, 1);
        try (var spark = Fixture.cluster(1, 1, 1024)
                .config("spark.executor.extraJavaOptions", "-Dorg.bytedeco.javacpp.platform=linux-riscv64")
                .getOrCreate()) {
            var found = new VitrailClassifier()
                    .setModel(model.toString())
                    .transform(Fixture.images(spark, Fixture.pictures(2), 1));

            assertThatThrownBy(found::collectAsList)
                    .hasStackTraceContaining("no native libraries for the platform linux-riscv64 were found");
        }
    }
}
