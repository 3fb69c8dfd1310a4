package dev.vitrail.spark;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.data.Offset.offset;

import dev.vitrail.Vitrail;
import dev.vitrail.images.decode.DecodeOptions;
import dev.vitrail.images.decode.ImageDecoder;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.apache.spark.ml.Pipeline;
import org.apache.spark.ml.PipelineModel;
import org.apache.spark.ml.PipelineStage;
import org.apache.spark.ml.classification.LogisticRegression;
import org.apache.spark.ml.linalg.Vector;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.functions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class PipelineTest {
    @TempDir
    @SuppressWarnings("NullAway.Init") // set by JUnit
    private Path folder;

    @Test
    void aPipelineWithAnEstimatorOfSparkIsLoadedInANewSession() throws IOException {
        var model = Fixture.model(folder.resolve("model"), 1).toString();
        var pictures = Fixture.pictures(24);
        var saved = folder.resolve("pipeline").toString();
        List<Row> before;
        try (var spark = Fixture.local(2)) {
            var images =
                    Fixture.images(spark, pictures, 2).withColumn("label", functions.expr("cast(id % 2 as double)"));
            var pipeline = new Pipeline().setStages(new PipelineStage[] {
                new VitrailClassifier().setModel(model).setOutputCol("found").setTopK(2),
                new VitrailEmbedder().setModel(model).setOutputCol("features").setMode("FAILFAST"),
                new LogisticRegression().setMaxIter(5)
            });
            var fitted = pipeline.fit(images);
            before = fitted.transform(images)
                    .select("id", "found", "features", "probability")
                    .collectAsList();
            fitted.write().overwrite().save(saved);
            pipeline.write().overwrite().save(folder.resolve("unfitted").toString());
        }
        try (var spark = Fixture.local(2)) {
            var images = Fixture.images(spark, pictures, 2);
            var loaded = PipelineModel.load(saved);

            assertThat(loaded.transform(images)
                            .select("id", "found", "features", "probability")
                            .collectAsList())
                    .isEqualTo(before);
            assertThat(((VitrailClassifier) loaded.stages()[0]).getTopK()).isEqualTo(2);
            assertThat(((VitrailEmbedder) loaded.stages()[1]).getMode()).isEqualTo("FAILFAST");
            var unfitted = Pipeline.load(folder.resolve("unfitted").toString());
            assertThat(((VitrailClassifier) unfitted.getStages()[0]).getModel()).isEqualTo(model);
        }
    }

    @Test
    void vectorsAreThoseOfTheLibraryInBothTypes() throws IOException {
        var model = Fixture.model(folder, 1).toString();
        var pictures = Fixture.pictures(5);
        try (var spark = Fixture.local(2);
                var vitrail = Vitrail.load(model)) {
            var images = Fixture.images(spark, pictures, 1);
            var embedder = new VitrailEmbedder().setModel(model);
            var vectors = embedder.transform(images).select("embedding").collectAsList();
            var arrays = embedder.setOutputType("array")
                    .transform(images)
                    .select("embedding")
                    .collectAsList();
            var expected = vitrail.embed(pictures.stream()
                    .map(each -> ImageDecoder.decode(each, "picture", DecodeOptions.DEFAULT))
                    .toList());

            for (int i = 0; i < pictures.size(); i++) {
                var array = arrays.get(i).<Float>getList(0);
                var vector = vectors.get(i).<Vector>getAs(0);
                assertThat(array).hasSize(expected.get(i).length);
                for (int j = 0; j < array.size(); j++) {
                    assertThat(array.get(j)).isCloseTo(expected.get(i)[j], offset(1e-5f));
                    assertThat(vector.apply(j)).isEqualTo((double) array.get(j));
                }
            }
        }
    }
}
