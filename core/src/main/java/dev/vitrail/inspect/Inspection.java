package dev.vitrail.inspect;

import dev.vitrail.images.RgbImage;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/**
 * Everything that was computed of one model, for pages and tables.
 *
 * @param inspector of the model
 * @param chosen the figures that were asked for
 * @param photos explained images
 * @param behavior figures of many images; empty without images
 * @param against name of the other model, if there is one
 * @param renormalized whether attention distances are shown with rows divided by their sums over patches
 * @param command the command that makes it again
 */
public record Inspection(
        Inspector inspector,
        Set<Figure> chosen,
        List<Photo> photos,
        Optional<Behavior> behavior,
        Optional<String> against,
        boolean renormalized,
        String command) {
    /**
     * An explained image.
     *
     * @param name path of its file, as it was given
     * @param seen the image as the model saw it
     * @param explanations one for each class, the asked or most probable one first
     * @param layers maps inside the model
     * @param rows what each patch attends to, in all layers or the last alone; none where that does not apply
     * @param other what the other model says of the image; empty without one
     */
    public record Photo(
            String name,
            RgbImage seen,
            List<Explanation> explanations,
            LayerMaps layers,
            List<AttentionRows> rows,
            Optional<OtherAnswer> other) {
        public Photo {
            explanations = List.copyOf(explanations);
            rows = List.copyOf(rows);
        }

        /** The first explanation: of the asked or most probable class. */
        public Explanation answer() {
            return explanations.get(0);
        }
    }

    /**
     * Answer of another model to an image.
     *
     * @param seen the image as it saw it
     * @param label of its most probable class
     * @param probability of that class, 0 to 1
     * @param method of its map
     * @param map its default explanation of that class
     * @param correlation of its map with the first model's default explanation, −1 to 1
     */
    public record OtherAnswer(
            RgbImage seen, String label, double probability, String method, GridMap map, double correlation) {}

    public Inspection {
        chosen = Set.copyOf(chosen);
        photos = List.copyOf(photos);
    }

    /** Returns true if a figure was asked for and applies. */
    public boolean has(Figure figure) {
        return chosen.contains(figure) && inspector.reason(figure).isEmpty();
    }

    /** Figures that were asked for and do not apply, with the reasons. */
    public Map<Figure, String> leftOut() {
        var reasons = new TreeMap<Figure, String>();
        Arrays.stream(Figure.values())
                .filter(chosen::contains)
                .forEach(figure -> inspector.reason(figure).ifPresent(reason -> reasons.put(figure, reason)));
        return reasons;
    }
}
