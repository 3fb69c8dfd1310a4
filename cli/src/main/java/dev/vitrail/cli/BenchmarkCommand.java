package dev.vitrail.cli;

import dev.vitrail.engine.Device;
import dev.vitrail.engine.FlopCounter;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Functional;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.PeakGemm;
import dev.vitrail.engine.Tensor;
import dev.vitrail.engine.Threads;
import dev.vitrail.engine.WeightGradients;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.loading.LoadedModel;
import dev.vitrail.models.Model;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Measures the speed of a model against the machine's own ceiling. */
@Command(
        name = "benchmark",
        description = {
            "Measures throughput against the peak matrix product of this machine, in one process.",
            "fraction_of_peak compares with a 2048x2048x2048 single-precision product by the BLAS beside libtorch, on"
                    + " all threads; fraction_of_engine_peak with the same product as Vitrail computes it,"
                    + " which may be faster. Linear layers are computed plain (BLAS, one thread), blas (all"
                    + " threads), convolution or packed (oneDNN)."
        },
        footer = {"", "Example:", "  vitrail benchmark --model vit_base_patch16_224 --batch 8"})
final class BenchmarkCommand implements Callable<Integer> {
    /**
     * Batches before those that are measured, and the time that they take at least: the compiler has to have come
     * to its end.
     */
    private static final int LEAST_WARM_UP = 3;

    private static final int WARM_UP_SECONDS = 4;

    private static final Logger LOG = LoggerFactory.getLogger(BenchmarkCommand.class);

    @Option(
            names = "--model",
            required = true,
            paramLabel = "M",
            description = "Catalogue name, or weights (a folder, a file with --arch, a published name).")
    private String name = "";

    @Option(names = "--arch", paramLabel = "NAME", description = "Architecture of a weights file without config.json.")
    private Optional<String> architecture = Optional.empty();

    @Option(names = "--batch", defaultValue = "8", description = "Batch size (default ${DEFAULT-VALUE}).")
    private int batch;

    @Mixin
    private InputOptions input = new InputOptions();

    @Option(names = "--train", description = "Measure a training step (forward and backward) instead of inference.")
    private boolean train;

    @Option(
            names = "--repeat",
            defaultValue = "15",
            description = "Batches to measure after " + WARM_UP_SECONDS
                    + " s of warming up; the median counts (default ${DEFAULT-VALUE}).")
    private int repeat;

    @Option(names = "--threads", paramLabel = "N", description = "Intra-op threads (default: all cores).")
    private int threads;

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    @Override
    public Integer call() {
        VitrailException.require(batch > 0 && repeat > 0, "--batch %d and --repeat %d must be positive", batch, repeat);
        var place = input.device();
        if (threads > 0) {
            Threads.set(threads);
        }
        try (var loaded = LoadedModel.load(name, input.loading().withArchitecture(architecture))) {
            var model = loaded.model();
            model.config().adjusted().ifPresent(sentence -> LOG.info("{}", sentence));
            var cost = model.cost();
            model.train(train);
            double seconds = train ? trainingSeconds(model, place) : inferenceSeconds(model, place);
            report(model, cost, seconds, linearKernels(model, place));
        }
        return 0;
    }

    private double inferenceSeconds(Model model, Device place) {
        return Frame.compute(() -> {
            try (var off = Gradients.off()) {
                var images = images(model, place);
                return median(() -> Frame.run(() -> model.apply(images).sum().item()));
            }
        });
    }

    private double trainingSeconds(Model model, Device place) {
        return Frame.compute(() -> {
            var images = images(model, place);
            var classes = Tensor.of(new long[batch], batch).to(place);
            return median(() -> Frame.run(() -> {
                try (var weights = WeightGradients.open()) {
                    var loss = Functional.crossEntropy(model.apply(images), classes, 0);
                    loss.backward();
                    weights.compute();
                    loss.item();
                }
                model.parameters().values().stream()
                        .filter(parameter -> parameter.isTrainable())
                        .forEach(parameter -> parameter.value().clearGradient());
            }));
        });
    }

    /** The share of the linear layers' multiply–accumulates that each way of computing them has, in percent. */
    private Map<String, Double> linearKernels(Model model, Device place) {
        var counted = FlopCounter.of(() -> Frame.run(() -> {
            try (var gradients = train ? Gradients.on() : Gradients.off()) {
                model.apply(images(model, place));
            }
        }));
        double all =
                counted.linear().values().stream().mapToLong(Long::longValue).sum();
        var shares = new TreeMap<String, Double>();
        counted.linear().forEach((kernel, macs) -> shares.put(kernel.toString(), 100 * macs / all));
        return shares;
    }

    private Tensor images(Model model, Device place) {
        var config = model.config();
        return Tensor.randn(batch, config.channels(), config.imageHeight(), config.imageWidth())
                .to(place);
    }

    private double median(Runnable run) {
        long begin = System.nanoTime();
        for (int i = 0; i < LEAST_WARM_UP || System.nanoTime() - begin < WARM_UP_SECONDS * 1_000_000_000L; i++) {
            run.run();
        }
        var seconds = new double[repeat];
        for (int i = 0; i < repeat; i++) {
            long start = System.nanoTime();
            run.run();
            seconds[i] = (System.nanoTime() - start) / 1e9;
        }
        Arrays.sort(seconds);
        return seconds[repeat / 2];
    }

    private void report(Model model, FlopCounter.Count cost, double seconds, Map<String, Double> linear) {
        long macs = cost.multiplyAccumulates();
        // A backward pass does twice the forward pass's products: by inputs and by weights.
        double achieved = (train ? 3 : 1) * 2.0 * macs * batch / seconds / 1e9;
        double blas = PeakGemm.blas();
        double engine = PeakGemm.engine();
        if (json) {
            JsonOutput.print(new Result(
                    name,
                    List.of(
                            model.config().channels(),
                            model.config().imageHeight(),
                            model.config().imageWidth()),
                    batch,
                    Threads.count(),
                    train,
                    model.parameterCount(),
                    batch / seconds,
                    seconds * 1e3,
                    macs / 1e9,
                    cost.activations(),
                    achieved,
                    blas,
                    achieved / blas,
                    engine,
                    achieved / engine,
                    peakMemory()));
            return;
        }
        System.out.printf(
                Locale.ROOT, "%s, batch %d, %d threads%s%n%n", name, batch, Threads.count(), train ? ", training" : "");
        System.out.printf(
                Locale.ROOT, "  %-34s %10.1f images/s   %.2f ms a batch%n", "speed", batch / seconds, seconds * 1e3);
        System.out.printf(
                Locale.ROOT, "  %-34s %10.1f GFLOP/s    %.2f GMACs an image%n", "achieved", achieved, macs / 1e9);
        System.out.printf(
                Locale.ROOT,
                "  %-34s %10.1f million parameters, %.1f million activations an image%n",
                "size",
                model.parameterCount() / 1e6,
                cost.activations() / 1e6);
        System.out.printf(
                Locale.ROOT, "  %-34s %10.1f GFLOP/s    fraction %.2f%n", "2048³ product, BLAS", blas, achieved / blas);
        System.out.printf(
                Locale.ROOT,
                "  %-34s %10.1f GFLOP/s    fraction %.2f%n",
                "2048³ product, engine",
                engine,
                achieved / engine);
        System.out.printf(
                "  %-34s %s%n",
                "linear layers by",
                linear.entrySet().stream()
                        .map(entry -> String.format(Locale.ROOT, "%s %.0f %%", entry.getKey(), entry.getValue()))
                        .collect(Collectors.joining(", ")));
        System.out.printf(Locale.ROOT, "  %-34s %10.0f MiB%n", "peak memory of the process", peakMemory());
    }

    /** Peak resident memory of the process, MiB; NaN where the system does not say. */
    private static double peakMemory() {
        try {
            return Files.readAllLines(Path.of("/proc/self/status")).stream()
                    .filter(line -> line.startsWith("VmHWM"))
                    .mapToDouble(line -> Double.parseDouble(line.replaceAll("\\D", "")) / 1024)
                    .findFirst()
                    .orElse(Double.NaN);
        } catch (IOException e) {
            return Double.NaN;
        }
    }

    /** Output of {@code --json}. */
    private record Result(
            String model,
            List<Integer> inputSize,
            int batch,
            int threads,
            boolean training,
            long parameters,
            double imagesPerSecond,
            double msPerBatch,
            double gmacs,
            long activations,
            double achievedGflops,
            double sgemmGflops,
            double fractionOfPeak,
            double engineGflops,
            double fractionOfEnginePeak,
            double peakRssMib) {}
}
