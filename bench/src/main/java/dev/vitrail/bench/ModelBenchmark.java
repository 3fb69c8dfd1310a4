package dev.vitrail.bench;

import dev.vitrail.engine.Device;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.Tensor;
import dev.vitrail.models.Model;
import dev.vitrail.models.zoo.Catalog;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** ViT-Tiny at 224 pixels: logits, and a training step. */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Fork(1)
@Warmup(iterations = 2, time = 4)
@Measurement(iterations = 5, time = 4)
public class ModelBenchmark {
    private static final String MODEL = "vit_tiny_patch16_224";

    /** A model without gradients. */
    @State(Scope.Benchmark)
    public static class Inference {
        private final Model model = Catalog.get(MODEL).create();
        private final Tensor one = images(1);
        private final Tensor many = images(32);

        public Inference() {
            model.initialise(0, Device.CPU);
            model.train(false);
        }

        private static Tensor images(int count) {
            return Frame.compute(() -> Tensor.randn(count, 3, 224, 224).keep());
        }

        private double run(Tensor images) {
            try (var off = Gradients.off()) {
                return Frame.compute(() -> model.apply(images).sum().item());
            }
        }
    }

    /** A model that trains. */
    @State(Scope.Benchmark)
    public static class Training {
        private final VitrailStep step = new VitrailStep(MODEL, 16);
    }

    @Benchmark
    public double logitsOfOneImage(Inference inference) {
        return inference.run(inference.one);
    }

    @Benchmark
    public double logitsOf32Images(Inference inference) {
        return inference.run(inference.many);
    }

    /** Forward, backward and AdamW for 16 images. */
    @Benchmark
    public double trainingStepOf16Images(Training training) {
        return training.step.run();
    }
}
