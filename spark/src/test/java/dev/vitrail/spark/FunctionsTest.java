package dev.vitrail.spark;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class FunctionsTest {
    @TempDir
    @SuppressWarnings("NullAway.Init") // set by JUnit
    private Path folder;

    @Test
    void sqlFindsWhatTheLibraryFinds() throws IOException {
        var model = Fixture.model(folder, 1);
        var pictures = new ArrayList<>(Fixture.pictures(6));
        try (var spark = Fixture.local(2)) {
            VitrailFunctions.register(spark, model.toString());
            Fixture.images(spark, pictures, 2).createOrReplaceTempView("photos");
            Fixture.assertClassified(
                    spark.sql("SELECT id, vitrail_classify(content) FROM photos")
                            .collectAsList(),
                    model,
                    pictures);

            pictures.add(null);
            pictures.add(Fixture.text());
            Fixture.images(spark, pictures, 2).createOrReplaceTempView("photos");
            var odd = spark.sql("SELECT vitrail_classify(content) FROM photos WHERE id > 5 ORDER BY id")
                    .collectAsList();
            assertThat(odd.get(0).isNullAt(0)).isTrue();
            assertThat(odd.get(1).getStruct(0).isNullAt(0)).isTrue();
            assertThat(odd.get(1).getStruct(0).getString(4)).contains("is not an image");

            VitrailFunctions.register(
                    spark,
                    "strict",
                    new VitrailClassifier().setModel(model.toString()).setMode("FAILFAST"));
            assertThatThrownBy(() ->
                            spark.sql("SELECT strict(content) FROM photos").collectAsList())
                    .hasStackTraceContaining("the argument of the function is not an image");
            assertThatThrownBy(() -> VitrailFunctions.register(
                            spark,
                            "dropping",
                            new VitrailClassifier().setModel(model.toString()).setMode("DROPMALFORMED")))
                    .hasMessageContaining("a function of SQL leaves out no rows");
        }
    }

    @Test
    void anExtensionGivesTheFunctionToEverySession() throws IOException {
        var model = Fixture.model(folder, 1);
        var pictures = Fixture.pictures(4);
        try (var spark = Fixture.session("local[2]")
                .config("spark.sql.extensions", VitrailExtensions.class.getName())
                .getOrCreate()) {
            Fixture.images(spark, pictures, 2).createOrReplaceTempView("photos");
            assertThatThrownBy(() -> spark.sql("SELECT vitrail_classify(content) FROM photos"))
                    .hasStackTraceContaining("set spark.vitrail.model");
            spark.conf().set("spark.vitrail.model", model.toString());
            Fixture.assertClassified(
                    spark.sql("SELECT id, vitrail_classify(content) FROM photos")
                            .collectAsList(),
                    model,
                    pictures);
            assertThatThrownBy(() -> spark.sql("SELECT vitrail_classify(id) FROM photos"))
                    .hasStackTraceContaining("takes one argument, the content of an image file as binary, found int");
        }
    }
}
