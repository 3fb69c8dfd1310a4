package dev.vitrail.bench;

import dev.vitrail.data.ImageFiles;
import dev.vitrail.data.Loader;
import dev.vitrail.data.LoaderOptions;
import dev.vitrail.data.Sampler;
import dev.vitrail.data.Transforms;
import dev.vitrail.images.Preprocessing;
import dev.vitrail.images.augment.TrainingTransform;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * An epoch of 128 photos of 500×375 pixels through the loader, with as many workers as the machine has
 * cores; per photo.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 5, time = 2)
public class LoaderBenchmark {
    private static final int PHOTOS = 128;

    private final List<Path> files = Photos.write(PHOTOS);
    private final ImageFiles set = ImageFiles.unlabelled(Path.of(""), files);
    private final Preprocessing input = Preprocessing.imagenetDefault(224);
    private final Loader training = new Loader(
            set,
            Transforms.training(TrainingTransform.photographs(input)),
            Sampler.shuffled(PHOTOS, 0),
            LoaderOptions.training(32, 0));
    private final Loader evaluation =
            new Loader(set, Transforms.evaluation(input), Sampler.sequential(PHOTOS), LoaderOptions.evaluation(32));
    private int epoch;

    /** Random resized crops, mirrored half of the time. */
    @Benchmark
    @OperationsPerInvocation(PHOTOS)
    public double training() {
        return epoch(training);
    }

    @Benchmark
    @OperationsPerInvocation(PHOTOS)
    public double evaluation() {
        return epoch(evaluation);
    }

    private double epoch(Loader loader) {
        double sum = 0;
        try (var batches = loader.epoch(epoch++)) {
            while (batches.hasNext()) {
                sum += batches.next().pixels().get(0);
            }
        }
        return sum;
    }

    @TearDown
    public void delete() {
        training.close();
        evaluation.close();
        Photos.delete(files);
    }
}
