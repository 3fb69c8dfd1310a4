package dev.vitrail.eval;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.data.Batch;
import dev.vitrail.engine.DType;
import dev.vitrail.engine.Tensor;
import dev.vitrail.errors.NotFiniteException;
import dev.vitrail.models.Model;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.function.LongConsumer;

/** Features of labelled images by a frozen model: a vector each, computed once. */
public final class Features {
    private final List<float[]> vectors;
    private final int[] labels;

    /**
     * @param vectors one of each image, all of one length
     * @param labels {@code [images]}, class indices from 0
     */
    public Features(List<float[]> vectors, int[] labels) {
        require(
                !vectors.isEmpty() && vectors.size() == labels.length,
                "features need a label for each of one or more vectors, found %d vectors and %d labels",
                vectors.size(),
                labels.length);
        this.vectors = List.copyOf(vectors);
        this.labels = labels.clone();
    }

    /**
     * Runs a model over batches. Of class and distillation token the mean is taken. The model is left as it was found,
     * training or not.
     *
     * @param batches images without a label are left out
     * @param progress told how many images are done, after every batch
     */
    public static Features of(Model model, Iterator<Batch> batches, LongConsumer progress) {
        boolean training = model.training();
        model.train(false);
        var vectors = new ArrayList<float[]>();
        var labels = new ArrayList<Integer>();
        try {
            while (batches.hasNext()) {
                var batch = batches.next();
                if (batch.size() > 0) {
                    var rows = Inference.floats(model, batch, images -> Inference.vectors(model, images));
                    int width = rows.length / batch.size();
                    for (int i = 0; i < batch.size(); i++) {
                        if (batch.labels()[i] >= 0) {
                            vectors.add(Arrays.copyOfRange(rows, i * width, (i + 1) * width));
                            labels.add(batch.labels()[i]);
                        }
                    }
                    progress.accept(vectors.size());
                }
            }
        } finally {
            model.train(training);
        }
        NotFiniteException.requireFinite(vectors, "the model");
        require(!vectors.isEmpty(), "none of the images has a label: features of labelled images are needed");
        return new Features(vectors, labels.stream().mapToInt(Integer::intValue).toArray());
    }

    /** Number of images. */
    public int size() {
        return labels.length;
    }

    /** Numbers in a vector. */
    public int width() {
        return vectors.get(0).length;
    }

    /** The class of each image, {@code [images]}. */
    public int[] labels() {
        return labels.clone();
    }

    /** The classes of some images. */
    int[] labels(int[] indices) {
        return Arrays.stream(indices).map(i -> labels[i]).toArray();
    }

    /** The vectors of some images, {@code [n, D]}, F64, in the caller's frame. */
    Tensor rows(int[] indices) {
        int width = width();
        var values = new float[Math.multiplyExact(indices.length, width)];
        for (int i = 0; i < indices.length; i++) {
            System.arraycopy(vectors.get(indices[i]), 0, values, i * width, width);
        }
        return Tensor.of(values, indices.length, width).to(DType.F64);
    }
}
