package dev.vitrail.report;

import dev.vitrail.data.Dataset;
import dev.vitrail.engine.Device;
import dev.vitrail.engine.RandomState;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.eval.Mistake;
import dev.vitrail.images.RgbImage;
import dev.vitrail.inspect.Inspector;
import dev.vitrail.loading.LoadOptions;
import dev.vitrail.loading.LoadedModel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Explanations of a model's worst mistakes: the default map of each wrong answer, over the image that the model saw.
 */
final class MistakeMaps {
    private static final Logger LOG = LoggerFactory.getLogger(MistakeMaps.class);

    private static final int BATCH = 8;

    /** After this, mistakes that are left have no map. */
    private static final Duration MOST = Duration.ofSeconds(10);

    /**
     * A mistake's explanation.
     *
     * @param photo address of the image that the model saw
     * @param coarse whether it is so small that a page shows its pixels
     */
    record Why(String photo, boolean coarse, Overlay overlay) {}

    private MistakeMaps() {}

    /**
     * Explains mistakes, those that are worst first, for at most ten seconds. The random numbers of a run that goes on
     * are left as they are.
     *
     * @param model the folder of the model that made them
     * @param set the images
     * @return by index of the image; none for models of families that cannot be inspected
     */
    static Map<Integer, Why> of(Path model, Device device, Dataset set, List<Mistake> mistakes) {
        var found = new LinkedHashMap<Integer, Why>();
        if (mistakes.isEmpty()) {
            return found;
        }
        long end = System.nanoTime() + MOST.toNanos();
        var random = RandomState.save(device);
        try (var loaded = LoadedModel.load(model.toString(), LoadOptions.DEFAULT.withDevice(device))) {
            var inspector = Inspector.of(loaded);
            for (int from = 0; from < mistakes.size() && System.nanoTime() < end; from += BATCH) {
                explain(inspector, set, mistakes.subList(from, Math.min(mistakes.size(), from + BATCH)), found);
            }
        } catch (VitrailException e) {
            LOG.debug("mistakes are shown without maps: {}", e.getMessage());
        } finally {
            RandomState.restore(device, random);
        }
        return found;
    }

    private static void explain(Inspector inspector, Dataset set, List<Mistake> mistakes, Map<Integer, Why> found) {
        var images = new ArrayList<RgbImage>();
        var readable = new ArrayList<Mistake>();
        for (var mistake : mistakes) {
            try {
                images.add(set.image(mistake.index()));
                readable.add(mistake);
            } catch (VitrailException e) {
                LOG.debug("image {} has no map: {}", mistake.index(), e.getMessage());
            }
        }
        if (images.isEmpty()) {
            return;
        }
        var maps = inspector.defaultMaps(
                images, readable.stream().mapToInt(Mistake::prediction).toArray());
        for (int i = 0; i < maps.size(); i++) {
            var label = inspector.loaded().label(readable.get(i).prediction());
            var thumbnail = Thumbnail.of(inspector.seen(images.get(i)));
            found.put(
                    readable.get(i).index(),
                    new Why(
                            thumbnail.dataUri(),
                            thumbnail.coarse(),
                            Overlay.ofDefault(inspector.defaultMethod(), label, maps.get(i))));
        }
    }
}
