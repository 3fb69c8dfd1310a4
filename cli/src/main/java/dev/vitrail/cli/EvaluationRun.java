package dev.vitrail.cli;

import dev.vitrail.data.Dataset;
import dev.vitrail.data.Loader;
import dev.vitrail.data.LoaderOptions;
import dev.vitrail.data.Sampler;
import dev.vitrail.data.Transforms;
import dev.vitrail.eval.Evaluation;
import dev.vitrail.files.ProcessEnd;
import dev.vitrail.loading.LoadedModel;
import java.util.concurrent.atomic.AtomicLong;

/** One pass of a model over labelled images, with its progress on the terminal. */
final class EvaluationRun implements AutoCloseable {
    private final LoadedModel loaded;
    private final Dataset set;
    private final Loader loader;

    /** @param set with the model's numbers of its classes */
    EvaluationRun(LoadedModel loaded, Dataset set, LoaderOptions options) {
        this.loaded = loaded;
        this.set = set;
        loader = new Loader(
                set,
                Transforms.evaluation(loaded.preprocessing()),
                Sampler.sequential(set.size()),
                options,
                broken -> System.err.println("vitrail: " + broken.sentence()));
    }

    Evaluation evaluate() {
        var done = new AtomicLong();
        Runnable ending = () -> System.err.printf("vitrail: stopped after %d of %d images%n", done.get(), set.size());
        try (var progress = new ProgressBar();
                var heartbeat = new Heartbeat(false);
                var batches = loader.epoch(0)) {
            ProcessEnd.await(ending);
            try {
                return Evaluation.of(loaded.model(), batches, images -> {
                    done.set(images);
                    progress.show("evaluating", images, set.size(), "");
                    heartbeat.show(images, 0);
                });
            } finally {
                ProcessEnd.over(ending);
            }
        }
    }

    /** Images found broken, and images whose levels were cut. */
    Loader loader() {
        return loader;
    }

    @Override
    public void close() {
        loader.close();
    }
}
