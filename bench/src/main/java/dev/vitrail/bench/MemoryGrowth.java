package dev.vitrail.bench;

import dev.vitrail.RunOptions;
import dev.vitrail.TrainingRun;
import dev.vitrail.Vitrail;
import dev.vitrail.engine.NativeMemory;
import dev.vitrail.loading.LoadOptions;
import dev.vitrail.loading.LoadedModel;
import dev.vitrail.train.Recipe;
import dev.vitrail.train.RunFolder;
import dev.vitrail.train.TrainingConfig;
import dev.vitrail.train.TrainingData;
import dev.vitrail.train.TrainingListener;
import dev.vitrail.train.TrainingOptions;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;

/**
 * Resident memory over a long run: training steps of {@code vit_mini_patch4_gap_32} on the built-in set by
 * {@code quick-look}, validation and checkpoints included; then predictions of ViT-Tiny from encoded photographs, one
 * at a time.
 *
 * <p>The heap is part of what is resident. Run with {@code -Xms300m -Xmx300m -XX:+AlwaysPreTouch}, so that it neither
 * grows nor shrinks and what changes is native.
 */
final class MemoryGrowth {
    private static final int LINES = 10;
    private static final int PHOTOS = 20;

    private final String what;
    private final int calls;
    private long atHalf;
    private long last;

    private MemoryGrowth(String what, int calls) {
        this.what = what;
        this.calls = calls;
        System.out.printf("%-12s resident MiB%n", what);
    }

    public static void main(String[] arguments) {
        if (arguments.length != 2) {
            throw new IllegalArgumentException("expected training steps and predictions, such as: memory 2000 5000");
        }
        train(Integer.parseInt(arguments[0]));
        predict(Integer.parseInt(arguments[1]));
    }

    private static void train(int steps) {
        var growth = new MemoryGrowth("steps", steps);
        var recipe = Recipe.get("quick-look")
                .apply(TrainingConfig.STANDARD)
                .with(TrainingOptions.MODEL, "vit_mini_patch4_gap_32")
                .with(TrainingOptions.DATA, TrainingData.BUILT_IN);
        int perEpoch = TrainingData.open(recipe).train().size() / recipe.get(TrainingOptions.BATCH_SIZE);
        var config = recipe.with(TrainingOptions.EPOCHS, steps / perEpoch + 1);
        var folder = temporaryFolder();
        try (var run = TrainingRun.begin(config, new RunFolder(folder.resolve("run")), RunOptions.DEFAULT)) {
            run.trainer().listener(new TrainingListener() {
                @Override
                public void stepped(Step step) {
                    growth.called((int) step.update());
                    if (step.update() == steps) {
                        run.trainer().requestStop();
                    }
                }
            });
            run.run();
        } finally {
            delete(folder);
        }
        growth.conclude();
    }

    private static void predict(int predictions) {
        var photos = Photos.write(PHOTOS);
        try (var vitrail = new Vitrail(LoadedModel.load("vit_tiny_patch16_224", LoadOptions.DEFAULT))) {
            var encoded = photos.stream().map(MemoryGrowth::bytes).toList();
            var growth = new MemoryGrowth("predictions", predictions);
            for (int i = 1; i <= predictions; i++) {
                vitrail.classify(encoded.get(i % PHOTOS));
                growth.called(i);
            }
            growth.conclude();
        } finally {
            Photos.delete(photos);
        }
    }

    private void called(int count) {
        if (count % Math.max(1, calls / LINES) == 0) {
            last = resident();
            System.out.printf(Locale.ROOT, "%12d %.1f%n", count, last / (double) (1 << 20));
        }
        if (count == calls / 2) {
            atHalf = resident();
        }
    }

    private void conclude() {
        System.out.printf(
                Locale.ROOT, "%s: %+.1f MiB over the second half%n%n", what, (last - atHalf) / (double) (1 << 20));
    }

    private static long resident() {
        return NativeMemory.residentBytes()
                .orElseThrow(() -> new IllegalStateException(
                        "resident memory is read from /proc/self/status, which this system has not: run on Linux"));
    }

    private static Path temporaryFolder() {
        try {
            return Files.createTempDirectory("vitrail-bench");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static byte[] bytes(Path file) {
        try {
            return Files.readAllBytes(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void delete(Path folder) {
        try (var files = Files.walk(folder)) {
            List<Path> deepestFirst = files.sorted(Comparator.reverseOrder()).toList();
            for (var file : deepestFirst) {
                Files.delete(file);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
