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
 * @param command the command that makes it again
 */
public record Inspection(
        Inspector inspector,
        Set<Figure> chosen,
        List<Photo> photos,
        Optional<Behavior> behavior,
        Optional<String> against,
        String command) {
    /**
     * An explained image.
     *
     * @param name path of its file, as it was given
     * @param seen the picture that the model saw
     * @param explanations one for each class, the asked or most probable one first
     */
    public record Photo(String name, RgbImage seen, List<Explanation> explanations) {
        public Photo {
            explanations = List.copyOf(explanations);
        }
    }

    public Inspection {
        chosen = Set.copyOf(chosen);
        photos = List.copyOf(photos);
    }

    /** Whether a figure was asked for and applies. */
    public boolean has(Figure figure) {
        return chosen.contains(figure) && inspector.reason(figure).isEmpty();
    }

    /** Why figures that were asked for do not apply. */
    public Map<Figure, String> leftOut() {
        var reasons = new TreeMap<Figure, String>();
        Arrays.stream(Figure.values())
                .filter(chosen::contains)
                .forEach(figure -> inspector.reason(figure).ifPresent(reason -> reasons.put(figure, reason)));
        return reasons;
    }
}
