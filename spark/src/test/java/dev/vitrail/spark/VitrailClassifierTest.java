package dev.vitrail.spark;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vitrail.errors.VitrailException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.apache.spark.ml.param.ParamMap;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** In the threads of this process. */
final class VitrailClassifierTest {
    private static final int COUNT = 50;

    @TempDir
    @SuppressWarnings("NullAway.Init") // set by JUnit
    private static Path folder;

    private static SparkSession spark;
    private static String model;
    private static List<byte[]> pictures;

    @BeforeAll
    @SuppressWarnings("NullAway") // JUnit has set the folder
    static void start() {
        spark = Fixture.local(2);
        model = Fixture.model(folder.resolve("model"), 1).toString();
        pictures = Fixture.pictures(COUNT);
    }

    @AfterAll
    static void stop() {
        spark.stop();
    }

    private static VitrailClassifier classifier() {
        return new VitrailClassifier().setModel(model).setBatchSize(8);
    }

    /** Broken, of one pixel, none, and a text file, among three good ones. */
    private static List<byte[]> mixed() {
        var broken = Arrays.copyOf(pictures.get(1), pictures.get(1).length / 2);
        var contents = new ArrayList<byte[]>(List.of(pictures.get(0), broken, Fixture.onePixel()));
        contents.add(null);
        contents.addAll(List.of(Fixture.text(), pictures.get(2), pictures.get(3)));
        return contents;
    }

    @Test
    void rowsHaveTheResultsOfTheLibraryInTheirOrderAndPartitions() {
        var rows = classifier()
                .transform(Fixture.images(spark, pictures, 3))
                .select(functions.col("id"), functions.col("prediction"), functions.spark_partition_id())
                .collectAsList();

        assertThat(rows)
                .extracting(row -> row.getInt(0))
                .containsExactlyElementsOf(IntStream.range(0, COUNT).boxed().toList());
        assertThat(rows).extracting(row -> row.getInt(2)).isSorted().contains(0, 1, 2);
        var before = Fixture.images(spark, pictures, 3)
                .select(functions.spark_partition_id())
                .collectAsList();
        assertThat(rows)
                .extracting(row -> row.getInt(2))
                .isEqualTo(before.stream().map(row -> row.getInt(0)).toList());
        Fixture.assertClassified(rows, Path.of(model), pictures);
    }

    @Test
    void tasksOfAProcessShareAModel() {
        int before = SharedModel.loads();
        var other = Fixture.model(folder.resolve("other"), 2).toString();
        var found = classifier().setModel(other).transform(Fixture.images(spark, pictures, 12));

        assertThat(found.collectAsList()).hasSize(COUNT);
        assertThat(found.collectAsList()).hasSize(COUNT);
        assertThat(SharedModel.loads() - before).isEqualTo(1);
    }

    @Test
    void permissiveSaysWhatIsWrongInAColumn() {
        var rows = classifier().transform(Fixture.images(spark, mixed(), 1)).collectAsList();

        assertThat(rows).extracting(row -> row.getInt(0)).containsExactly(0, 1, 2, 3, 4, 5, 6);
        assertThat(rows)
                .extracting(row -> row.isNullAt(2))
                .containsExactly(false, true, false, true, true, false, false);
        assertThat(rows).extracting(row -> row.isNullAt(3)).containsExactly(true, false, true, true, false, true, true);
        assertThat(rows.get(1).getString(3)).contains("column 'content'").contains("truncated");
        assertThat(rows.get(4).getString(3)).contains("is not an image").contains("class,file");
    }

    @Test
    void dropMalformedLeavesOutRows() {
        var found = classifier().setMode("dropMalformed").transform(Fixture.images(spark, mixed(), 1));

        assertThat(found.columns()).containsExactly("id", "content", "prediction");
        assertThat(found.collectAsList()).extracting(row -> row.getInt(0)).containsExactly(0, 2, 3, 5, 6);
    }

    @Test
    void failFastEndsTheJobWithTheSentence() {
        var found = classifier().setMode("FAILFAST").transform(Fixture.images(spark, mixed(), 1));

        assertThatThrownBy(found::collectAsList)
                .hasStackTraceContaining("row 1 of partition 0: the content of column 'content'");
        var good = classifier().setMode("FAILFAST").transform(Fixture.images(spark, pictures.subList(0, 2), 1));
        assertThat(good.collectAsList()).hasSize(2);
    }

    @Test
    void pathsAndImagesOfSparkGiveTheSame() throws IOException {
        var photos = Files.createDirectories(folder.resolve("photos"));
        var rows = new ArrayList<Row>();
        for (int i = 0; i < 6; i++) {
            // Of those that lose nothing: Spark's decoder of JPEG is another one.
            rows.add(RowFactory.create(
                    i,
                    Files.write(photos.resolve(i + ".png"), pictures.get(2 * i)).toString()));
        }
        rows.add(RowFactory.create(6, photos.resolve("gone.png").toString()));
        var paths = spark.createDataFrame(
                rows, new StructType().add("id", DataTypes.IntegerType).add("path", DataTypes.StringType));
        var byPath =
                classifier().setInputCol("path").transform(paths).orderBy("id").collectAsList();
        var byStruct = classifier()
                .setInputCol("image")
                .transform(spark.read().format("image").load(photos.toString()))
                .orderBy("image.origin")
                .select("prediction")
                .collectAsList();

        assertThat(byStruct).hasSize(6);
        for (int i = 0; i < 6; i++) {
            assertThat(byStruct.get(i).getStruct(0)).isEqualTo(byPath.get(i).getStruct(2));
        }
        assertThat(byPath.get(6).isNullAt(2)).isTrue();
        assertThat(byPath.get(6).getString(3)).contains("gone.png").contains("check the path");
    }

    @Test
    void anotherModelAtTheSamePathIsNoticed() {
        var place = folder.resolve("replaced");
        var images = Fixture.images(spark, pictures.subList(0, 1), 1);
        Fixture.model(place, 3);
        var first = classifier()
                .setModel(place.toString())
                .transform(images)
                .select("prediction")
                .first();
        Fixture.model(place, 4);
        var second = classifier()
                .setModel(place.toString())
                .transform(images)
                .select("prediction")
                .first();

        assertThat(second).isNotEqualTo(first);
    }

    @Test
    void parametersAreThoseOfAStageOfSparkMl() {
        var stage = classifier().setTopK(3);
        var copy = stage.copy(new ParamMap().put(stage.topK(), 2));

        assertThat(copy.getTopK()).isEqualTo(2);
        assertThat(copy.uid()).isEqualTo(stage.uid());
        assertThat(copy.getModel()).isEqualTo(model);
        assertThat(stage.getTopK()).isEqualTo(3);
        assertThat(stage.explainParams()).contains("batchSize: images of a batch (default: 16, current: 8)");
        assertThat(Arrays.stream(stage.params()).map(param -> param.name()))
                .containsExactly(
                        "architecture",
                        "batchSize",
                        "errorCol",
                        "inputCol",
                        "mode",
                        "model",
                        "modelDelivery",
                        "outputCol",
                        "topK");
        var top = copy.transform(Fixture.images(spark, pictures.subList(0, 1), 1))
                .select("prediction.top")
                .first();
        assertThat(top.getList(0)).hasSize(2);
    }

    @Test
    void aSchemaThatDoesNotFitIsRefused() {
        assertThatThrownBy(() -> classifier().setInputCol("photo").transformSchema(Fixture.IMAGES))
                .isInstanceOf(VitrailException.class)
                .hasMessage(
                        "there is no column 'photo' to take images from, found id, content: name one with setInputCol");
        assertThatThrownBy(() -> classifier().setInputCol("id").transformSchema(Fixture.IMAGES))
                .hasMessageContaining("column 'id' is of type int: expected binary");
        assertThatThrownBy(() -> classifier().setOutputCol("ID").transformSchema(Fixture.IMAGES))
                .hasMessageContaining("the column 'ID' would be there twice");
        assertThatThrownBy(() -> classifier().setErrorCol("prediction").transformSchema(Fixture.IMAGES))
                .hasMessageContaining("the column 'prediction' would be there twice");
        assertThat(classifier()
                        .setMode("FAILFAST")
                        .setErrorCol("id")
                        .transformSchema(Fixture.IMAGES)
                        .fieldNames())
                .containsExactly("id", "content", "prediction");
    }

    @Test
    void whatCannotWorkIsRefusedBeforeAnyWork() {
        var images = Fixture.images(spark, pictures, 1);
        assertThatThrownBy(() -> classifier().setMode("permisive"))
                .hasMessageContaining("mode is 'permisive'")
                .hasMessageContaining("did you mean PERMISSIVE?");
        assertThatThrownBy(() -> new VitrailClassifier().transform(images)).hasMessageContaining("no model is set");
        assertThatThrownBy(() -> classifier().setModel("vit_mini_patch4_gap_32").transform(images))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("is an architecture without trained weights");
        assertThatThrownBy(() ->
                        classifier().setModel(folder.resolve("gone").toString()).transform(images))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("gone");
        assertThatThrownBy(() -> classifier()
                        .setModel(folder.resolve("gone").toString())
                        .setModelDelivery("path")
                        .transform(images))
                .hasMessageContaining("the driver has no file or folder");
        assertThatThrownBy(() -> classifier().setBatchSize(0)).hasMessageContaining("batchSize");
    }
}
