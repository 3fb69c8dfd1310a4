package dev.vitrail.cli;

import static dev.vitrail.train.TrainingOptions.VAL_FRACTION;

import dev.vitrail.data.Dataset;
import dev.vitrail.data.Loader;
import dev.vitrail.data.LoaderOptions;
import dev.vitrail.data.Sampler;
import dev.vitrail.data.Transforms;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.eval.Features;
import dev.vitrail.eval.FewShot;
import dev.vitrail.loading.LoadedModel;
import dev.vitrail.train.TrainingData;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Measures how good a model's features are, without training it. */
@Command(
        name = "probe",
        description = {
            "Few-shot linear probe: ridge regression on frozen features.",
            "Reports the mean validation accuracy over random draws of the training images, with its 95 %% confidence"
                    + " interval. The penalty is chosen on training images that are not drawn. Data without a part for"
                    + " validation are split: a tenth of each class is held out."
        },
        footer = {
            "",
            "Example:",
            "  vitrail probe --data photos --shots 1,5,10,all \\",
            "    --model vit_tiny_patch16_224.augreg_in21k_ft_in1k"
        })
final class ProbeCommand implements Callable<Integer> {
    private static final String ALL = "all";

    @Mixin
    private ModelOptions models = new ModelOptions();

    @Mixin
    private LabelledData data = new LabelledData();

    @Option(
            names = "--shots",
            split = ",",
            paramLabel = "N",
            defaultValue = "1,5,10,all",
            description = "Training images per class; all: every image (default ${DEFAULT-VALUE}).")
    private List<String> shots = List.of();

    @Option(
            names = "--draws",
            paramLabel = "N",
            defaultValue = "10",
            description = "Number of random draws of the training images (default ${DEFAULT-VALUE}).")
    private int draws;

    @Option(names = "--seed", paramLabel = "N", defaultValue = "0", description = "Random seed.")
    private long seed;

    @Option(names = "--batch", defaultValue = "32", description = "Batch size (default ${DEFAULT-VALUE}).")
    private int batch;

    @Option(names = "--workers", paramLabel = "N", description = "Image decoding threads (default: all cores).")
    private int workers;

    @Option(names = "--strict", description = "Fail at the first unreadable image or file.")
    private boolean strict;

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    private int broken;
    private int cut;

    @Override
    public Integer call() {
        VitrailException.require(batch > 0, "--batch %d must be positive", batch);
        VitrailException.require(draws > 0, "--draws %d must be positive", draws);
        var wanted = shots.stream().map(ProbeCommand::shots).toList();
        var sets = TrainingData.open(
                data.path().map(Path::toString).orElse(TrainingData.BUILT_IN),
                data.labels().map(Path::toString),
                VAL_FRACTION.standard(),
                seed,
                data.decoding());
        DataFaults.tell(sets.faults(), strict);
        long start = System.nanoTime();
        try (var loaded = models.load()) {
            var train = features(loaded, sets.train(), "training images");
            var validation = features(loaded, sets.validation(), "validation images");
            double seconds = (System.nanoTime() - start) / 1e9;
            int classes = sets.train().classes().size();
            DataFaults.tellCut(cut);
            if (!json) {
                System.out.printf(
                        Locale.ROOT,
                        "%d images to draw from, %d to judge by, of %d classes; %d features each, in %.1f s%n%n",
                        train.size(),
                        validation.size(),
                        classes,
                        train.width(),
                        seconds);
                if (broken > 0) {
                    System.out.printf("%d images could not be read%n%n", broken);
                }
                System.out.printf("%-7s %8s %8s   %-18s %s%n", "shots", "images", "draws", "top-1", "penalty");
            }
            var results = new ArrayList<FewShot.Result>();
            for (int each : wanted) {
                var result = FewShot.of(train, validation, classes, each, draws, seed);
                results.add(result);
                if (!json) {
                    print(result);
                }
            }
            if (json) {
                JsonOutput.print(new Result(
                        loaded.variant().name(),
                        train.size(),
                        validation.size(),
                        classes,
                        train.width(),
                        broken,
                        cut,
                        sets.faults().count(),
                        seconds,
                        loaded.notes(),
                        results.stream().map(Probe::of).toList()));
            }
        }
        return 0;
    }

    private static int shots(String text) {
        if (text.strip().equals(ALL)) {
            return FewShot.ALL;
        }
        try {
            int count = Integer.parseInt(text.strip());
            VitrailException.require(count > 0, "--shots %s must be 1 or more, or all", text);
            return count;
        } catch (NumberFormatException e) {
            throw new VitrailException(
                    "--shots '%s' is no number of images: give numbers such as 1,5,10, or all".formatted(text), e);
        }
    }

    private Features features(LoadedModel loaded, Dataset set, String what) {
        var options = LoaderOptions.evaluation(Math.min(batch, set.size())).withWorkers(workers);
        options = strict ? options.withOnBroken(Loader.OnBroken.FAIL) : options;
        try (var loader = new Loader(
                        set,
                        Transforms.evaluation(loaded.preprocessing()),
                        Sampler.sequential(set.size()),
                        options,
                        broken -> System.err.println("vitrail: " + broken.sentence()));
                var progress = new ProgressBar();
                var batches = loader.epoch(0)) {
            var features = Features.of(loaded.model(), batches, images -> progress.show(what, images, set.size(), ""));
            broken += loader.broken().size();
            cut += loader.cut();
            return features;
        }
    }

    private static String name(int shots) {
        return shots == FewShot.ALL ? ALL : Integer.toString(shots);
    }

    private static void print(FewShot.Result result) {
        var interval = result.halfInterval();
        System.out.printf(
                Locale.ROOT,
                "%-7s %8d %8d   %6.2f %%%-10s 2^%d%n",
                name(result.shots()),
                result.images(),
                result.accuracies().size(),
                100 * result.mean(),
                interval.isPresent() ? String.format(Locale.ROOT, " ± %.2f", 100 * interval.getAsDouble()) : "",
                Math.getExponent(result.penalty()));
    }

    /** Output of {@code --json}. */
    private record Result(
            String model,
            int trainImages,
            int images,
            int classes,
            int width,
            int broken,
            int cut,
            int faults,
            double seconds,
            List<String> notes,
            List<Probe> results) {}

    /** Accuracies in per cent; {@code shots} is a number or "all", and a single draw has no interval. */
    private record Probe(
            Object shots,
            int images,
            int draws,
            double top1,
            OptionalDouble interval95,
            double penalty,
            List<Double> accuracies) {
        static Probe of(FewShot.Result result) {
            var half = result.halfInterval();
            return new Probe(
                    result.shots() == FewShot.ALL ? ALL : result.shots(),
                    result.images(),
                    result.accuracies().size(),
                    100 * result.mean(),
                    half.isPresent() ? OptionalDouble.of(100 * half.getAsDouble()) : half,
                    result.penalty(),
                    result.accuracies().stream().map(a -> 100 * a).toList());
        }
    }
}
