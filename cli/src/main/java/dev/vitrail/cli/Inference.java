package dev.vitrail.cli;

import dev.vitrail.Vitrail;
import dev.vitrail.data.ImageListing;
import dev.vitrail.data.ImageStream;
import dev.vitrail.data.ImageStreamOptions;
import dev.vitrail.data.Transforms;
import dev.vitrail.loading.LoadedModel;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.function.Consumer;

/**
 * Runs a model over image files, batch by batch, while the next are found and decoded; a broken file is told and passed
 * over. Memory does not grow with the number of files.
 */
final class Inference implements AutoCloseable {
    private final Vitrail vitrail;
    private final ImageStream<ImageListing.Entry> stream;
    private final boolean classified;

    /**
     * @param classified whether class scores are wanted; else the vectors before the classifier
     */
    Inference(Vitrail vitrail, Iterator<ImageListing.Entry> files, ImageStreamOptions options, boolean classified) {
        LoadedModel loaded = vitrail.loaded();
        this.vitrail = vitrail;
        this.classified = classified;
        stream = ImageStream.ofFiles(files, Transforms.evaluation(loaded.preprocessing()), options);
    }

    /**
     * Runs to the end, or until {@link #stop}.
     *
     * @param consumer gets what became of the files of each batch, in order
     * @throws dev.vitrail.errors.VitrailException if a file cannot be read and that is to end the work
     */
    void run(Consumer<List<Outcome>> consumer) {
        while (stream.hasNext()) {
            var images = stream.next();
            var batch = images.batch();
            var results = vitrail.run(batch, classified);
            var outcomes = new ArrayList<Outcome>();
            int read = 0;
            for (int i = 0; i < images.items().size(); i++) {
                var fault = images.faults().get(i);
                fault.ifPresent(sentence -> System.err.println("vitrail: " + sentence));
                outcomes.add(new Outcome(
                        images.items().get(i).path(), fault, fault.isPresent() ? new float[0] : results.get(read++)));
            }
            consumer.accept(outcomes);
        }
    }

    /** Number of images of sixteen bits cut to white so far. */
    int cut() {
        return stream.cut();
    }

    /** Asks the work to end after the batch that it is at. May be called from any thread. */
    void stop() {
        stream.stop();
    }

    @Override
    public void close() {
        stream.close();
    }
}
