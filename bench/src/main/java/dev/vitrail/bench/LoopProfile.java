package dev.vitrail.bench;

import dev.vitrail.data.Batches;
import dev.vitrail.data.Dataset;
import dev.vitrail.data.Datasets;
import dev.vitrail.data.Loader;
import dev.vitrail.data.LoaderOptions;
import dev.vitrail.data.Split;
import dev.vitrail.data.StainedGlass;
import dev.vitrail.data.Transforms;
import dev.vitrail.engine.DType;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Tensor;
import dev.vitrail.images.Interpolation;
import dev.vitrail.images.Normalization;
import dev.vitrail.images.Preprocessing;
import dev.vitrail.train.Augmentation;
import dev.vitrail.train.Recipe;
import dev.vitrail.train.TrainingConfig;
import dev.vitrail.train.TrainingStep;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * Cost of loading for a training that shares the cores with it: steps of {@code vit_mini_patch4_gap_32}, batch 32, on
 * one batch again and again, on the built-in set and on a folder, in rounds that take turns.
 */
final class LoopProfile {
    private static final String MODEL = "vit_mini_patch4_gap_32";
    private static final int BATCH = 32;
    private static final int STEPS = 30;
    private static final int ROUNDS = 7;
    private static final int WARM_UP = 1;

    private LoopProfile() {}

    /** A set through a loader, read without end. */
    private static final class Endless implements AutoCloseable {
        private final Loader loader;
        private Batches batches;
        private double waited;

        Endless(Dataset set, int workers) {
            var config = Recipe.get("quick-look").apply(TrainingConfig.STANDARD);
            var input = Preprocessing.of(32, 1, Interpolation.BICUBIC, Normalization.INCEPTION);
            loader = new Loader(
                    set,
                    Transforms.training(Augmentation.of(config, input)),
                    Augmentation.sampler(config, set),
                    LoaderOptions.training(BATCH, 0).withWorkers(workers));
            batches = loader.epoch(0);
        }

        TrainingStep.Inputs next() {
            if (!batches.hasNext()) {
                waited += batches.waited().toNanos() / 1e6;
                batches = loader.epoch(0);
            }
            var batch = batches.next();
            var labels = Arrays.stream(batch.labels()).asLongStream().toArray();
            return new TrainingStep.Inputs(
                    Tensor.of(batch.bytes(), DType.F32, BATCH, batch.channels(), batch.height(), batch.width()),
                    Tensor.of(labels, BATCH));
        }

        double waitedMillis() {
            return waited + batches.waited().toNanos() / 1e6;
        }

        @Override
        public void close() {
            loader.close();
        }
    }

    public static void main(String[] arguments) {
        var sets = new LinkedHashMap<String, Dataset>();
        sets.put("built-in set", StainedGlass.of(Split.TRAIN));
        for (var folder : arguments) {
            sets.put(folder, Datasets.open(Path.of(folder), Split.TRAIN, Optional.empty()));
        }
        var sources = new LinkedHashMap<String, Endless>();
        for (int workers : new int[] {0, 1}) {
            sets.forEach(
                    (name, set) -> sources.put(name + (workers == 1 ? ", one worker" : ""), new Endless(set, workers)));
        }
        try (var step = new VitrailStep(MODEL, BATCH)) {
            Map<String, Supplier<TrainingStep.Inputs>> inputs = new LinkedHashMap<>();
            inputs.put("the same batch", () -> new TrainingStep.Inputs(step.images(), step.labels()));
            sources.forEach((name, source) -> inputs.put(name, source::next));
            measure(step, inputs);
            sources.forEach((name, source) ->
                    System.out.printf(Locale.ROOT, "%-40s waited %.0f ms in all%n", name, source.waitedMillis()));
        } finally {
            sources.values().forEach(Endless::close);
        }
    }

    private static void measure(VitrailStep step, Map<String, Supplier<TrainingStep.Inputs>> inputs) {
        var rates = new LinkedHashMap<String, List<Double>>();
        for (int round = -WARM_UP; round < ROUNDS; round++) {
            for (var input : inputs.entrySet()) {
                long start = System.nanoTime();
                for (int i = 0; i < STEPS; i++) {
                    Frame.run(() -> step.run(input.getValue().get()));
                }
                double rate = STEPS * BATCH / ((System.nanoTime() - start) / 1e9);
                if (round >= 0) {
                    rates.computeIfAbsent(input.getKey(), name -> new ArrayList<>())
                            .add(rate);
                }
            }
        }
        rates.forEach((name, measured) ->
                System.out.printf(Locale.ROOT, "%-40s %6.1f images/s%n", name, Medians.of(measured)));
    }
}
