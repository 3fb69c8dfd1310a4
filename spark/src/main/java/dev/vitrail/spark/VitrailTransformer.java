package dev.vitrail.spark;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.errors.VitrailException;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.spark.ml.Transformer;
import org.apache.spark.ml.param.IntParam;
import org.apache.spark.ml.param.Param;
import org.apache.spark.ml.param.ParamMap;
import org.apache.spark.ml.param.ParamValidators;
import org.apache.spark.ml.util.DefaultParamsWritable;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.util.SerializableConfiguration;
import scala.Function1;

/**
 * A stage that adds to each row what a model finds in its image.
 *
 * <p>Rows keep their order and their partitions. An image that is null gives a null result in every mode and is no
 * error. The driver loads the model once, when a data set is transformed, to check and to ship it; an executor's
 * process loads it once, and its tasks share it.
 *
 * @param <T> the stage
 */
public abstract class VitrailTransformer<T extends VitrailTransformer<T>> extends Transformer
        implements DefaultParamsWritable {
    private static final String SHIP = "ship";
    private static final String PATH = "path";
    private static final int DEFAULT_BATCH = 16;

    private final String uid;
    private final Param<String> model;
    private final Param<String> architecture;
    private final Param<String> modelDelivery;
    private final Param<String> inputCol;
    private final Param<String> outputCol;
    private final Param<String> errorCol;
    private final Param<String> mode;
    private final IntParam batchSize;

    VitrailTransformer(String uid, String output) {
        this.uid = uid;
        model = new Param<>(
                this,
                "model",
                "folder in timm's or transformers' layout or of a run, weights file, or published weights");
        architecture =
                new Param<>(this, "architecture", "architecture of a bare weights file, by its name in the catalogue");
        modelDelivery = new Param<>(
                this,
                "modelDelivery",
                "how executors get the model: ship (Spark brings it, once for each executor) or path (they"
                        + " read it at the driver's path)",
                ParamValidators.inArray(List.of(SHIP, PATH)));
        inputCol = new Param<>(
                this,
                "inputCol",
                "column of images: binary (an image file's content), string (its path) or Spark's image struct");
        outputCol = new Param<>(this, "outputCol", "column of results");
        errorCol = new Param<>(
                this,
                "errorCol",
                "column that says why an image could not be read; of mode PERMISSIVE, null where it could");
        mode = new Param<>(
                this,
                "mode",
                "what becomes of a row whose image cannot be read: PERMISSIVE (null and a sentence), DROPMALFORMED (it"
                        + " is left out) or FAILFAST (the job fails)",
                known(name -> ErrorMode.find(name).isPresent()));
        batchSize = new IntParam(this, "batchSize", "images of a batch", ParamValidators.gtEq(1));
        setDefault(architecture, "");
        setDefault(modelDelivery, SHIP);
        setDefault(inputCol, "content");
        setDefault(outputCol, output);
        setDefault(errorCol, output + "_error");
        setDefault(mode, ErrorMode.PERMISSIVE.name());
        setDefault(batchSize, DEFAULT_BATCH);
    }

    /** A condition on a parameter's value, which is saved with it. */
    private interface Known extends Function1<String, Object>, Serializable {}

    private static Known known(Known condition) {
        return condition;
    }

    /** Conversion of the model's output into the result's column. */
    abstract ModelResult result();

    abstract T self();

    @Override
    public String uid() {
        return uid;
    }

    /** The model: a folder, a weights file, or published weights. */
    public Param<String> model() {
        return model;
    }

    /** Architecture of a bare weights file. */
    public Param<String> architecture() {
        return architecture;
    }

    /** Delivery of the model to executors. */
    public Param<String> modelDelivery() {
        return modelDelivery;
    }

    /** Column of images. */
    public Param<String> inputCol() {
        return inputCol;
    }

    /** Column of results. */
    public Param<String> outputCol() {
        return outputCol;
    }

    /** Column of sentences about images that could not be read. */
    public Param<String> errorCol() {
        return errorCol;
    }

    /** Treatment of a row whose image cannot be read. */
    public Param<String> mode() {
        return mode;
    }

    /** Images of a batch. */
    public IntParam batchSize() {
        return batchSize;
    }

    public String getModel() {
        require(isSet(model), "no model is set: name a folder or published weights with setModel");
        return $(model);
    }

    /**
     * Sets the model.
     *
     * @param name a folder in timm's or transformers' layout or of a run, a weights file, or a name of published
     *     weights, which the driver fetches once
     */
    public T setModel(String name) {
        set(model, name);
        return self();
    }

    public String getArchitecture() {
        return $(architecture);
    }

    /** Sets the architecture of a bare weights file, by its name in the catalogue. */
    public T setArchitecture(String name) {
        set(architecture, name);
        return self();
    }

    public String getModelDelivery() {
        return $(modelDelivery);
    }

    /** Sets how executors get the model: {@code ship}, the default, or {@code path}. */
    public T setModelDelivery(String how) {
        set(modelDelivery, how);
        return self();
    }

    public String getInputCol() {
        return $(inputCol);
    }

    /** Sets the column of images; {@code content} by default. */
    public T setInputCol(String column) {
        set(inputCol, column);
        return self();
    }

    public String getOutputCol() {
        return $(outputCol);
    }

    /** Sets the column of results. */
    public T setOutputCol(String column) {
        set(outputCol, column);
        return self();
    }

    public String getErrorCol() {
        return $(errorCol);
    }

    /** Sets the column of sentences about images that could not be read, which mode PERMISSIVE adds. */
    public T setErrorCol(String column) {
        set(errorCol, column);
        return self();
    }

    public String getMode() {
        return $(mode);
    }

    /**
     * Sets what becomes of a row whose image cannot be read: {@code PERMISSIVE}, the default, {@code DROPMALFORMED} or
     * {@code FAILFAST}.
     *
     * @throws VitrailException if there is no such mode
     */
    public T setMode(String name) {
        set(mode, ErrorMode.of(name).name());
        return self();
    }

    public int getBatchSize() {
        return (Integer) $(batchSize);
    }

    /** Sets the images of a batch; 16 by default. */
    public T setBatchSize(int images) {
        set(batchSize, images);
        return self();
    }

    /**
     * Adds the result's column, and in mode PERMISSIVE the errors'.
     *
     * @throws VitrailException if there is no column of images, or a column to be added is there already
     */
    @Override
    public StructType transformSchema(StructType schema) {
        InputKind.of(schema, getInputCol());
        var fields = new ArrayList<>(Arrays.asList(schema.fields()));
        fields.add(DataTypes.createStructField(getOutputCol(), result().type(), true));
        if (ErrorMode.of(getMode()) == ErrorMode.PERMISSIVE) {
            fields.add(DataTypes.createStructField(getErrorCol(), DataTypes.StringType, true));
        }
        for (var added : fields.subList(schema.size(), fields.size())) {
            require(
                    fields.stream()
                                    .filter(field -> field.name().equalsIgnoreCase(added.name()))
                                    .count()
                            == 1,
                    "the column '%s' would be there twice: choose another name with setOutputCol or setErrorCol",
                    added.name());
        }
        return new StructType(fields.toArray(StructField[]::new));
    }

    /**
     * Adds the model's results.
     *
     * @throws VitrailException if the schema does not fit, the model cannot be loaded, or executors have not the memory
     *     for it
     */
    @Override
    public Dataset<Row> transform(Dataset<?> images) {
        var schema = images.schema();
        var result = transformSchema(schema);
        var context = images.sparkSession().sparkContext();
        var source = Models.prepare(context, wanted(getBatchSize()));
        var task = new PartitionTask(
                source,
                InputKind.of(schema, getInputCol()),
                schema.fieldIndex(getInputCol()),
                getInputCol(),
                getBatchSize(),
                ErrorMode.of(getMode()),
                result(),
                new SerializableConfiguration(context.hadoopConfiguration()));
        return images.toDF().mapPartitions(task, Encoders.row(result));
    }

    Models.Wanted wanted(int batch) {
        return new Models.Wanted(
                getModel(), getArchitecture(), getModelDelivery().equals(SHIP), result().classified(), batch);
    }

    @Override
    public T copy(ParamMap extra) {
        return defaultCopy(extra);
    }
}
