package dev.vitrail.inspect;

import dev.vitrail.errors.VitrailException;
import dev.vitrail.images.RgbImage;
import dev.vitrail.inspect.Inspection.OtherAnswer;
import dev.vitrail.inspect.Inspection.Photo;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.IntStream;

/**
 * Gathers an {@link Inspection}: photos that are explained one by one, and behavior over any number of images.
 *
 * <pre>{@code
 * var builder = new InspectionBuilder(Inspector.of(vitrail), Optional.empty(), InspectionBuilder.Request.DEFAULT);
 * builder.explain("cat.jpg", image);
 * var page = InspectPage.html(builder.build("by hand"));
 * }</pre>
 */
public final class InspectionBuilder {
    /**
     * Settings of an inspection.
     *
     * @param explanations which figures, and how to explain; scores are of the first class alone
     * @param target a class to explain, with the most probable other one; empty for the most probable classes
     * @param classes most probable classes to explain, where no class is given
     * @param similarity how blocks are compared
     * @param renormalized whether attention distances are shown with rows divided by their sums over patches
     */
    public record Request(
            ExplanationOptions explanations,
            OptionalInt target,
            int classes,
            CkaOptions similarity,
            boolean renormalized) {
        /** All figures, of the two most probable classes. */
        public static final Request DEFAULT =
                new Request(ExplanationOptions.DEFAULT, OptionalInt.empty(), 2, CkaOptions.DEFAULT, false);

        public Request {
            VitrailException.require(
                    classes > 0, "the number of classes to explain must be at least 1, found %d", classes);
        }

        public Request withExplanations(ExplanationOptions options) {
            return new Request(options, target, classes, similarity, renormalized);
        }

        public Request withClasses(int count) {
            return new Request(explanations, OptionalInt.empty(), count, similarity, renormalized);
        }

        public Request withTarget(int target) {
            return new Request(explanations, OptionalInt.of(target), classes, similarity, renormalized);
        }

        public Request withSimilarity(CkaOptions options) {
            return new Request(explanations, target, classes, options, renormalized);
        }

        public Request withRenormalized(boolean choice) {
            return new Request(explanations, target, classes, similarity, choice);
        }
    }

    private final Inspector inspector;
    private final Optional<Inspector> against;
    private final Request request;
    private final List<Photo> photos = new ArrayList<>();
    private final Behavior behavior;

    /**
     * Begins an inspection.
     *
     * @param against another model, whose maps and blocks are compared with the first's
     */
    public InspectionBuilder(Inspector inspector, Optional<Inspector> against, Request request) {
        this.inspector = inspector;
        this.against = against;
        this.request = request;
        behavior = inspector.behavior(against, request.similarity, request.explanations.figures());
    }

    /** Returns true if figures over many images are wanted and apply, so that {@link #measure} is needed. */
    public boolean measures() {
        return behavior.measures();
    }

    /** Adds images to those that behavior is measured on, as one batch. */
    public void measure(List<RgbImage> images) {
        behavior.add(images);
    }

    /** Photos that were explained so far. */
    public int explained() {
        return photos.size();
    }

    /**
     * Explains an image.
     *
     * @param name what pages call it, such as the path of its file
     */
    public void explain(String name, RgbImage image) {
        var found = inspector.figures(image, request.explanations, this::classes, photos.isEmpty());
        photos.add(new Photo(
                name,
                inspector.seen(image),
                found.explanations(),
                found.layers(),
                found.rows(),
                against.map(other -> answer(other, image, found.explanations().get(0)))));
    }

    /** The classes to explain, the most important first. */
    private List<Integer> classes(float[] probabilities) {
        var order = IntStream.range(0, probabilities.length)
                .boxed()
                .sorted(Comparator.comparingDouble((Integer c) -> -probabilities[c]))
                .toList();
        if (request.target.isEmpty()) {
            return order.subList(0, Math.min(request.classes, order.size()));
        }
        int asked = request.target.getAsInt();
        var chosen = new ArrayList<Integer>();
        chosen.add(asked);
        order.stream().filter(c -> c != asked).findFirst().ifPresent(chosen::add);
        return chosen;
    }

    private static OtherAnswer answer(Inspector other, RgbImage image, Explanation first) {
        var probabilities = other.probabilities(image);
        int top = Inspector.top(probabilities);
        var map = other.defaultMaps(List.of(image), new int[] {top}).get(0);
        return new OtherAnswer(
                other.seen(image),
                other.loaded().label(top),
                probabilities[top],
                other.defaultMethod(),
                map,
                first.methods().get(0).map().correlation(map));
    }

    /**
     * The inspection so far.
     *
     * @param command that makes it again
     */
    public Inspection build(String command) {
        return new Inspection(
                inspector,
                request.explanations.figures(),
                photos,
                behavior.images() == 0 ? Optional.empty() : Optional.of(behavior),
                against.map(other -> other.loaded().name()),
                request.renormalized,
                command);
    }
}
