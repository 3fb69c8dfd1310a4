package dev.vitrail.eval;

import dev.vitrail.data.Batch;
import dev.vitrail.engine.RandomState;
import dev.vitrail.engine.SharedBatch;
import dev.vitrail.errors.NotFiniteException;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.models.MaskedPatches;
import dev.vitrail.models.Model;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.function.LongConsumer;
import java.util.stream.IntStream;

/**
 * Accuracy and loss of a model on labelled images.
 *
 * @param images how many had a label
 * @param correct1 how many of those the model gave the highest score to the right class
 * @param correct5 how many had it among the five highest
 * @param nll mean negative log-likelihood of the right class, in nats
 * @param seconds that it took, reading included
 * @param confusion which class was taken for which
 * @param calibration whether it is right as often as it says
 * @param mistakes those it was surest of, the surest first, at most {@link #MISTAKES}
 */
public record Evaluation(
        long images,
        long correct1,
        long correct5,
        double nll,
        double seconds,
        ConfusionMatrix confusion,
        Calibration calibration,
        List<Mistake> mistakes) {
    /** Largest number of mistakes that are kept, as many as a person looks at. */
    public static final int MISTAKES = 24;

    public Evaluation {
        mistakes = List.copyOf(mistakes);
    }

    /** Share of images whose class has the highest score, 0 to 1. */
    public double top1() {
        return images == 0 ? 0 : (double) correct1 / images;
    }

    /** Share of images whose class is among the five highest scores, 0 to 1. */
    public double top5() {
        return images == 0 ? 0 : (double) correct5 / images;
    }

    /**
     * Refuses figures of a model whose scores are no numbers.
     *
     * @throws NotFiniteException if the loss is NaN or infinite
     */
    public void requireFinite() {
        if (images > 0 && !Double.isFinite(nll)) {
            throw new NotFiniteException(
                    "the model gives scores that are not finite (NaN or infinite), so its figures would be none: its"
                            + " weights are too large for its arithmetic, so load another checkpoint");
        }
    }

    public double imagesPerSecond() {
        return seconds == 0 ? 0 : images / seconds;
    }

    /** Combines the counts of processes that each evaluate a part of the images. */
    @FunctionalInterface
    public interface Together {
        /** Counts of this process. */
        Together ALONE = List::of;

        /** Counts of every process, in an order that all share. */
        List<double[]> gather(double[] counted);
    }

    /** Evaluates without watching. */
    public static Evaluation of(Model model, Iterator<Batch> batches) {
        return of(model, batches, images -> {});
    }

    /**
     * Runs a model over batches, one after another: memory does not grow with their number. The model is left as it was
     * found, training or not.
     *
     * @param batches images without a label are left out
     * @param progress told how many images are done, after every batch
     * @throws VitrailException if a label is no class of the model
     */
    public static Evaluation of(Model model, Iterator<Batch> batches, LongConsumer progress) {
        return of(model, batches, progress, Together.ALONE);
    }

    /**
     * Evaluates where several processes have a part of each batch; the result is that of all, in each of them.
     *
     * @param together is called once, after the last batch
     */
    public static Evaluation of(Model model, Iterator<Batch> batches, LongConsumer progress, Together together) {
        boolean training = model.training();
        model.train(false);
        var tally = new MetricAccumulator(model.config().classes());
        long start = System.nanoTime();
        try {
            while (batches.hasNext()) {
                var batch = batches.next();
                if (batch.size() > 0) {
                    tally.add(
                            Inference.floats(model, batch, model::apply),
                            batch.labels(),
                            batch.indices(),
                            batch.size());
                    progress.accept(tally.images());
                }
            }
        } finally {
            model.train(training);
        }
        return tally.together(together).evaluation((System.nanoTime() - start) / 1e9);
    }

    /** Seed of the patches that are hidden when a model is judged: the same ones every time. */
    private static final long MASK_SEED = 0;

    /**
     * Evaluates the prediction of masked patches' colours. Patches are counted, not images; always the same ones are
     * hidden. The model and the engine's random numbers are left as they were found.
     *
     * @param progress told how many images are done, after every batch
     */
    public static Evaluation ofMaskedPatches(MaskedPatches model, Iterator<Batch> batches, LongConsumer progress) {
        return ofMaskedPatches(model, batches, progress, Together.ALONE);
    }

    /**
     * Evaluates masked patches where several processes have a part of each batch: the patches that are hidden are those
     * that one process would hide.
     */
    public static Evaluation ofMaskedPatches(
            MaskedPatches model, Iterator<Batch> batches, LongConsumer progress, Together together) {
        boolean training = model.training();
        var device = model.device();
        var random = RandomState.save(device);
        model.train(false);
        RandomState.seed(MASK_SEED);
        var tally = new MetricAccumulator(model.colors());
        long start = System.nanoTime();
        long images = 0;
        try {
            while (batches.hasNext()) {
                var batch = batches.next();
                if (batch.size() > 0) {
                    try (var shared = batch.whole() == batch.size()
                            ? null
                            : SharedBatch.open(batch.whole(), batch.places(), Optional.empty())) {
                        images += Inference.of(model, batch, pixels -> add(tally, model.guess(pixels), batch));
                    }
                    progress.accept(images);
                }
            }
        } finally {
            RandomState.restore(device, random);
            model.train(training);
        }
        return tally.together(together).evaluation((System.nanoTime() - start) / 1e9);
    }

    private static int add(MetricAccumulator tally, MaskedPatches.Guess guess, Batch batch) {
        var colors = Arrays.stream(guess.colors().toLongs())
                .mapToInt(Math::toIntExact)
                .toArray();
        int each = colors.length / batch.size();
        var indices = IntStream.range(0, colors.length)
                .map(i -> batch.indices()[i / each])
                .toArray();
        tally.add(guess.logits().toFloats(), colors, indices, colors.length);
        return batch.size();
    }
}
