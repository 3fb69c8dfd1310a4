package dev.vitrail.spark;

import java.util.Iterator;
import org.apache.spark.api.java.function.MapPartitionsFunction;
import org.apache.spark.sql.Row;
import org.apache.spark.util.SerializableConfiguration;

/**
 * Work on a partition; it goes to executors with each task.
 *
 * @param source of the model
 * @param kind what the column holds images as
 * @param column place of that column
 * @param name of that column
 * @param batch images of a batch
 * @param mode what becomes of an image that cannot be read
 * @param result what becomes of the model's output
 * @param hadoop how file systems are reached
 */
record PartitionTask(
        ModelSource source,
        InputKind kind,
        int column,
        String name,
        int batch,
        ErrorMode mode,
        ModelResult result,
        SerializableConfiguration hadoop)
        implements MapPartitionsFunction<Row, Row> {
    @Override
    public Iterator<Row> call(Iterator<Row> rows) {
        // A partition without rows needs no model.
        return rows.hasNext() ? new PartitionRows(this, rows) : rows;
    }
}
