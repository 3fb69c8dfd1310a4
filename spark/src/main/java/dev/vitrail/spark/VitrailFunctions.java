package dev.vitrail.spark;

import dev.vitrail.errors.VitrailException;
import org.apache.spark.SparkContext;
import org.apache.spark.sql.SparkSession;

/**
 * Functions of Spark SQL.
 *
 * <pre>{@code
 * VitrailFunctions.register(spark, "vit_tiny_patch16_224.augreg_in21k_ft_in1k");
 * spark.sql("SELECT path, vitrail_classify(content).label FROM photos");
 * }</pre>
 *
 * <p>{@code vitrail_classify(content)} takes the bytes of an image file and gives a struct of {@code label}, {@code
 * index}, {@code probability}, {@code top} and {@code error}. Of an image that cannot be read, {@code error} says why
 * and the other fields are null; a null gives null. A function sees one row at a time, so that it runs the model for
 * one image at a time: for many images, {@link VitrailClassifier} is faster.
 */
public final class VitrailFunctions {
    /** The function's name. */
    static final String CLASSIFY = "vitrail_classify";

    private VitrailFunctions() {}

    /**
     * Registers {@code vitrail_classify} for a session.
     *
     * @param model as for {@link VitrailClassifier#setModel}
     * @throws VitrailException if the model cannot be loaded, or executors have not the memory for it
     */
    public static void register(SparkSession spark, String model) {
        register(spark, CLASSIFY, new VitrailClassifier().setModel(model));
    }

    /**
     * Registers a function for a session, to have several models or other parameters.
     *
     * @param name of the function
     * @param classifier whose model, number of classes and mode are used
     * @throws VitrailException if the mode is DROPMALFORMED, as a function leaves out no rows, or for the model's sake
     */
    public static void register(SparkSession spark, String name, VitrailClassifier classifier) {
        var result = new ModelResult.Classes(classifier.getTopK());
        spark.udf().register(name, function(spark.sparkContext(), classifier), ClassifyFunction.type(result));
    }

    static ClassifyFunction function(SparkContext context, VitrailClassifier classifier) {
        var mode = ErrorMode.of(classifier.getMode());
        VitrailException.require(
                mode != ErrorMode.DROPMALFORMED,
                "a function of SQL leaves out no rows, as mode DROPMALFORMED would: take PERMISSIVE and WHERE"
                        + " …error IS NULL, or FAILFAST");
        return new ClassifyFunction(
                Models.prepare(context, classifier.wanted(1)),
                new ModelResult.Classes(classifier.getTopK()),
                mode == ErrorMode.FAILFAST);
    }
}
