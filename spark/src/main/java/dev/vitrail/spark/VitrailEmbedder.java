package dev.vitrail.spark;

import java.util.List;
import org.apache.spark.ml.param.Param;
import org.apache.spark.ml.param.ParamValidators;
import org.apache.spark.ml.util.DefaultParamsReadable;
import org.apache.spark.ml.util.Identifiable$;
import org.apache.spark.ml.util.MLReader;

/**
 * Computes the vectors before a model's classifier, for search, clustering and Spark ML's own estimators.
 *
 * <pre>{@code
 * var embedder = new VitrailEmbedder().setModel("vit_tiny_patch16_224.augreg_in21k_ft_in1k").setOutputCol("features");
 * var pipeline = new Pipeline().setStages(new PipelineStage[] {embedder, new LogisticRegression()});
 * }</pre>
 *
 * <p>They are those of {@code vitrail embed}.
 */
public final class VitrailEmbedder extends VitrailTransformer<VitrailEmbedder> {
    private static final String VECTOR = "vector";
    private static final String ARRAY = "array";

    private static final DefaultParamsReadable<VitrailEmbedder> READABLE = new DefaultParamsReadable<>() {};

    private final Param<String> outputType;

    public VitrailEmbedder() {
        this(Identifiable$.MODULE$.randomUID("vitrailEmbedder"));
    }

    /** @param uid identifies the stage in its pipeline */
    public VitrailEmbedder(String uid) {
        super(uid, "embedding");
        outputType = new Param<>(
                this,
                "outputType",
                "type of the result: vector (of Spark ML, doubles) or array (of floats)",
                ParamValidators.inArray(List.of(VECTOR, ARRAY)));
        setDefault(outputType, VECTOR);
    }

    /** Type of the result. */
    public Param<String> outputType() {
        return outputType;
    }

    public String getOutputType() {
        return $(outputType);
    }

    /** Sets the type of the result: {@code vector}, of Spark ML and the default, or {@code array}, of floats. */
    public VitrailEmbedder setOutputType(String type) {
        set(outputType, type);
        return this;
    }

    @Override
    ModelResult result() {
        return new ModelResult.Embedding(getOutputType().equals(VECTOR));
    }

    @Override
    VitrailEmbedder self() {
        return this;
    }

    /** Reads saved stages; Spark calls it for a pipeline. */
    public static MLReader<VitrailEmbedder> read() {
        return READABLE.read();
    }

    /** A stage that was saved. */
    public static VitrailEmbedder load(String path) {
        return READABLE.load(path);
    }
}
