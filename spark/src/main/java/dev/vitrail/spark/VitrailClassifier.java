package dev.vitrail.spark;

import org.apache.spark.ml.param.IntParam;
import org.apache.spark.ml.param.ParamValidators;
import org.apache.spark.ml.util.DefaultParamsReadable;
import org.apache.spark.ml.util.Identifiable$;
import org.apache.spark.ml.util.MLReader;

/**
 * Classifies images.
 *
 * <pre>{@code
 * var photos = spark.read().format("binaryFile").load("photos");
 * new VitrailClassifier().setModel("vit_tiny_patch16_224.augreg_in21k_ft_in1k").transform(photos)
 *         .select("path", "prediction.label", "prediction.probability");
 * }</pre>
 *
 * <p>The result is a struct of {@code label} (string), {@code index} (int), {@code probability} (double, 0 to 1) and
 * {@code top}, an array of structs of these three, most probable first. They are those of {@code vitrail predict}.
 */
public final class VitrailClassifier extends VitrailTransformer<VitrailClassifier> {
    private static final int DEFAULT_TOP = 5;

    private static final DefaultParamsReadable<VitrailClassifier> READABLE = new DefaultParamsReadable<>() {};

    private final IntParam topK;

    public VitrailClassifier() {
        this(Identifiable$.MODULE$.randomUID("vitrailClassifier"));
    }

    /** @param uid identifies the stage in its pipeline */
    public VitrailClassifier(String uid) {
        super(uid, "prediction");
        topK = new IntParam(this, "topK", "classes of the array top", ParamValidators.gtEq(1));
        setDefault(topK, DEFAULT_TOP);
    }

    /** Classes of the array {@code top}. */
    public IntParam topK() {
        return topK;
    }

    public int getTopK() {
        return (Integer) $(topK);
    }

    /** Sets the number of classes of the array {@code top}; 5 by default. */
    public VitrailClassifier setTopK(int classes) {
        set(topK, classes);
        return this;
    }

    @Override
    ModelResult result() {
        return new ModelResult.Classes(getTopK());
    }

    @Override
    VitrailClassifier self() {
        return this;
    }

    /** Reads saved stages; Spark calls it for a pipeline. */
    public static MLReader<VitrailClassifier> read() {
        return READABLE.read();
    }

    /** A stage that was saved. */
    public static VitrailClassifier load(String path) {
        return READABLE.load(path);
    }
}
