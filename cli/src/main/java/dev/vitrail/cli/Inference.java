package dev.vitrail.cli;

import dev.vitrail.LoadedModel;
import dev.vitrail.Vitrail;
import dev.vitrail.data.BrokenImage;
import dev.vitrail.data.ImageFiles;
import dev.vitrail.data.Loader;
import dev.vitrail.data.Sampler;
import dev.vitrail.data.Transforms;
import dev.vitrail.images.ImageDecoder;
import java.nio.file.Path;
import java.util.List;
import java.util.function.BiConsumer;

/** Runs a model over image files, batch by batch, while the next are decoded; a broken file is reported and passed over. */
final class Inference {
    private Inference() {}

    /**
     * @param classified whether class scores are wanted; else the vectors before the classifier
     * @param consumer gets each readable file, in order, with its result
     * @return the files that could not be read
     * @throws dev.vitrail.VitrailException if there is a single file and it cannot be read
     */
    static List<BrokenImage> run(
            Vitrail vitrail,
            List<Path> files,
            ImageDecoder.Options decoding,
            int batch,
            boolean classified,
            BiConsumer<Path, float[]> consumer) {
        LoadedModel loaded = vitrail.loaded();
        var set = ImageFiles.unlabelled(Path.of(""), files).withDecoding(decoding);
        // Of a single image there is one thing to say if it is broken.
        var options = Loader.Options.evaluation(Math.min(batch, files.size()))
                .withOnBroken(files.size() == 1 ? Loader.OnBroken.FAIL : Loader.OnBroken.LEAVE_OUT);
        try (var loader = new Loader(
                        set,
                        Transforms.evaluation(loaded.preprocessing()),
                        Sampler.sequential(files.size()),
                        options,
                        broken -> System.err.println("vitrail: " + broken.sentence()));
                var batches = loader.epoch(0)) {
            while (batches.hasNext()) {
                var images = batches.next();
                if (images.size() == 0) {
                    continue;
                }
                var results = vitrail.run(
                        images.bytes().duplicate().order(images.bytes().order()).rewind(), images.size(), classified);
                for (int i = 0; i < images.size(); i++) {
                    consumer.accept(files.get(images.indices()[i]), results.get(i));
                }
            }
            DataFaults.tellCut(loader.cut());
            return loader.broken();
        }
    }
}
