package dev.vitrail.eval;

import dev.vitrail.VitrailException;
import dev.vitrail.data.Batch;
import dev.vitrail.engine.DType;
import dev.vitrail.engine.Device;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.Tensor;
import dev.vitrail.models.Model;
import java.util.Iterator;
import java.util.function.LongConsumer;

/**
 * How well a model tells labelled images apart.
 *
 * @param images how many had a label
 * @param correct1 how many of those the model gave the highest score to the right class
 * @param correct5 how many had it among the five highest
 * @param nll mean negative log-likelihood of the right class, in nats
 * @param seconds that it took, reading included
 */
public record Evaluation(long images, long correct1, long correct5, double nll, double seconds) {
    /** Share of images whose class has the highest score, 0 to 1. */
    public double top1() {
        return images == 0 ? 0 : (double) correct1 / images;
    }

    /** Share of images whose class is among the five highest scores, 0 to 1. */
    public double top5() {
        return images == 0 ? 0 : (double) correct5 / images;
    }

    public double imagesPerSecond() {
        return seconds == 0 ? 0 : images / seconds;
    }

    /** Evaluates without watching. */
    public static Evaluation of(Model model, Iterator<Batch> batches) {
        return of(model, batches, images -> {});
    }

    /**
     * Runs a model over batches, one after another: memory does not grow with their number. The model is left as it was found,
     * training or not.
     *
     * @param batches images without a label are left out
     * @param progress told how many images are done, after every batch
     * @throws VitrailException if a label is no class of the model
     */
    public static Evaluation of(Model model, Iterator<Batch> batches, LongConsumer progress) {
        boolean training = model.training();
        model.train(false);
        var count = new Count(model.config().classes());
        long start = System.nanoTime();
        try {
            while (batches.hasNext()) {
                var batch = batches.next();
                if (batch.size() > 0) {
                    count.add(batch, logits(model, batch));
                    progress.accept(count.images);
                }
            }
        } finally {
            model.train(training);
        }
        return new Evaluation(
                count.images,
                count.correct1,
                count.correct5,
                count.images == 0 ? 0 : count.nll / count.images,
                (System.nanoTime() - start) / 1e9);
    }

    /** {@code [N · K]}, row by row. */
    private static float[] logits(Model model, Batch batch) {
        var device = deviceOf(model);
        try (var frame = Frame.open();
                var off = Gradients.off()) {
            var images = Tensor.of(
                    batch.bytes().duplicate().rewind(),
                    DType.F32,
                    batch.size(),
                    batch.channels(),
                    batch.height(),
                    batch.width());
            return model.apply(images.to(device)).toFloats();
        }
    }

    private static Device deviceOf(Model model) {
        return model.parameters().values().iterator().next().value().device();
    }

    /** Running sums; 64-bit floats keep the mean exact to more digits than anybody prints. */
    private static final class Count {
        private final int classes;
        private long images;
        private long correct1;
        private long correct5;
        private double nll;

        Count(int classes) {
            this.classes = classes;
        }

        void add(Batch batch, float[] logits) {
            for (int i = 0; i < batch.size(); i++) {
                int label = batch.labels()[i];
                if (label < 0) {
                    continue;
                }
                VitrailException.require(
                        label < classes,
                        "an image has the label %d, but the model tells %d classes apart (0 to %d): use the data that it was"
                                + " trained for, or fine-tune it",
                        label,
                        classes,
                        classes - 1);
                add(logits, i * classes, label);
            }
        }

        private void add(float[] logits, int from, int label) {
            float own = logits[from + label];
            double largest = Double.NEGATIVE_INFINITY;
            int rank = 0;
            for (int k = 0; k < classes; k++) {
                float other = logits[from + k];
                largest = Math.max(largest, other);
                // Of equal scores the first counts as the higher; a score that is no number is never right.
                if (k != label && !(other < own || (other == own && k > label))) {
                    rank++;
                }
            }
            double sum = 0;
            for (int k = 0; k < classes; k++) {
                sum += Math.exp(logits[from + k] - largest);
            }
            images++;
            correct1 += rank < 1 ? 1 : 0;
            correct5 += rank < 5 ? 1 : 0;
            nll += Math.log(sum) + largest - own;
        }
    }
}
