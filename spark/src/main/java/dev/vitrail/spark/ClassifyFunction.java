package dev.vitrail.spark;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.images.RgbImage;
import dev.vitrail.images.decode.DecodeOptions;
import dev.vitrail.images.decode.ImageDecoder;
import java.util.ArrayList;
import java.util.Arrays;
import org.apache.spark.TaskContext;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.api.java.UDF1;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;
import org.jspecify.annotations.Nullable;

/** Classifies the content of an image file, one row at a time; a task has an instance of its own. */
final class ClassifyFunction implements UDF1<byte[], Row> {
    private static final long OUTSIDE_OF_TASKS = -1;

    private final ModelSource source;
    private final ModelResult.Classes result;
    private final boolean failFast;

    private transient @Nullable SharedModel model;
    /** The task that has the model. */
    private transient long owner;

    ClassifyFunction(ModelSource source, ModelResult.Classes result, boolean failFast) {
        this.source = source;
        this.result = result;
        this.failFast = failFast;
    }

    /** Fields of the classifier's result, and {@code error}. */
    static StructType type(ModelResult.Classes result) {
        var fields = new ArrayList<>(Arrays.asList(((StructType) result.type()).fields()));
        fields.add(DataTypes.createStructField("error", DataTypes.StringType, true));
        return new StructType(fields.toArray(StructField[]::new));
    }

    /**
     * The classes of an image.
     *
     * @param content of the file; null for no image
     * @return null for no image
     * @throws VitrailException if it cannot be read and the mode is FAILFAST
     */
    @Override
    public @Nullable Row call(byte @Nullable [] content) {
        if (content == null) {
            return null;
        }
        var shared = model();
        RgbImage image;
        try {
            image = ImageDecoder.decode(content, "the argument of the function", DecodeOptions.DEFAULT);
        } catch (VitrailException e) {
            if (failFast) {
                throw e;
            }
            return RowFactory.create(null, null, null, null, e.getMessage());
        }
        var output = shared.memory(1)
                .with(image, batch -> shared.vitrail().run(batch, true).get(0));
        var classes = result.of(shared.vitrail(), output);
        return RowFactory.create(classes.get(0), classes.get(1), classes.get(2), classes.get(3), null);
    }

    private SharedModel model() {
        var context = TaskContext.get();
        long task = context == null ? OUTSIDE_OF_TASKS : context.taskAttemptId();
        var known = model;
        if (known == null || owner != task) {
            known = SharedModel.ofTask(source);
            model = known;
            owner = task;
        }
        return known;
    }
}
