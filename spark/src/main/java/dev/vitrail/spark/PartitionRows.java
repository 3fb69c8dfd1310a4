package dev.vitrail.spark;

import dev.vitrail.data.ImageStream;
import dev.vitrail.data.ImageStreamOptions;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.images.RgbImage;
import dev.vitrail.images.decode.DecodeOptions;
import java.util.ArrayDeque;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.Queue;
import org.apache.spark.TaskContext;
import org.apache.spark.TaskKilledException;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.util.TaskCompletionListener;
import org.jspecify.annotations.Nullable;

/**
 * The rows of a partition with the model's results, in their order: the task's thread reads rows and computes, batch by
 * batch, while threads of the same number as the task's cores decode the images of the next batch.
 */
final class PartitionRows implements Iterator<Row> {
    private final PartitionTask task;
    private final TaskContext context = TaskContext.get();
    private final SharedModel model;
    private final ImageStream<Row> stream;
    private final Queue<Row> ready = new ArrayDeque<>();
    /** Rows of this partition that were begun. */
    private long row;

    PartitionRows(PartitionTask task, Iterator<Row> rows) {
        this.task = task;
        model = SharedModel.ofTask(task.source());
        stream = ImageStream.onCallersThread(
                rows,
                this::decode,
                model.transform(),
                new ImageStreamOptions(task.batch(), DecodeOptions.DEFAULT, false, context.cpus()),
                model.memory(task.batch()));
        // Listeners are called from the last to the first: the stream ends before the model is given back.
        context.addTaskCompletionListener((TaskCompletionListener) ended -> stream.close());
    }

    /** A row without an image takes no place in the batch; {@link #add} knows it again. */
    private RgbImage decode(Row item, DecodeOptions decoding) {
        if (item.isNullAt(task.column())) {
            throw new VitrailException("no image");
        }
        return task.kind()
                .decode(
                        item.get(task.column()),
                        task.name(),
                        decoding,
                        task.hadoop().value());
    }

    @Override
    public boolean hasNext() {
        while (ready.isEmpty()) {
            if (context.isInterrupted()) {
                throw new TaskKilledException("the task is no longer wanted");
            }
            if (!stream.hasNext()) {
                return false;
            }
            var images = stream.next();
            var outputs = model.vitrail()
                    .run(images.batch(), task.result().classified())
                    .iterator();
            for (int i = 0; i < images.items().size(); i++) {
                var item = images.items().get(i);
                var fault = images.faults().get(i);
                if (fault.isEmpty()) {
                    add(item, task.result().of(model.vitrail(), outputs.next()), null);
                } else if (item.isNullAt(task.column())) {
                    add(item, null, null);
                } else {
                    fault(item, fault.get());
                }
                row++;
            }
        }
        return true;
    }

    private void fault(Row item, String sentence) {
        switch (task.mode()) {
            case PERMISSIVE -> add(item, null, sentence);
            case DROPMALFORMED -> {}
            case FAILFAST ->
                throw VitrailException.of(
                        "row %d of partition %d: %s (or take mode PERMISSIVE or DROPMALFORMED)",
                        row, context.partitionId(), sentence);
        }
    }

    private void add(Row item, @Nullable Object result, @Nullable String error) {
        boolean told = task.mode() == ErrorMode.PERMISSIVE;
        var values = new @Nullable Object[item.size() + (told ? 2 : 1)];
        for (int i = 0; i < item.size(); i++) {
            values[i] = item.get(i);
        }
        values[item.size()] = result;
        if (told) {
            values[item.size() + 1] = error;
        }
        ready.add(RowFactory.create(values));
    }

    @Override
    public Row next() {
        if (!hasNext()) {
            throw new NoSuchElementException();
        }
        return ready.remove();
    }
}
