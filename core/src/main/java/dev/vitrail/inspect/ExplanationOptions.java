package dev.vitrail.inspect;

import java.util.EnumSet;
import java.util.Optional;
import java.util.Set;

/**
 * Settings of {@link Inspector#explain}.
 *
 * @param figures explanations that are wanted; with {@link Figure#FAITHFULNESS} each map is scored, at some 60 forward
 *     passes each
 * @param rollout settings of attention rollout
 * @param camLayer the module that Grad-CAM reads; empty for {@link GradCam#layer}
 * @param occlusion whether the scored maps include occlusion, at a forward pass for each cell
 * @param seed of the random orders
 */
public record ExplanationOptions(
        Set<Figure> figures, RolloutOptions rollout, Optional<String> camLayer, boolean occlusion, long seed) {
    /** Every method that applies, with scores. */
    public static final ExplanationOptions DEFAULT =
            new ExplanationOptions(Set.of(Figure.values()), RolloutOptions.DEFAULT, Optional.empty(), true, 0);

    public ExplanationOptions {
        figures = Set.copyOf(figures);
    }

    public ExplanationOptions withFigures(Set<Figure> wanted) {
        return new ExplanationOptions(wanted, rollout, camLayer, occlusion, seed);
    }

    public ExplanationOptions withRollout(RolloutOptions other) {
        return new ExplanationOptions(figures, other, camLayer, occlusion, seed);
    }

    public ExplanationOptions withCamLayer(Optional<String> name) {
        return new ExplanationOptions(figures, rollout, name, occlusion, seed);
    }

    public ExplanationOptions withOcclusion(boolean wanted) {
        return new ExplanationOptions(figures, rollout, camLayer, wanted, seed);
    }

    public ExplanationOptions withSeed(long other) {
        return new ExplanationOptions(figures, rollout, camLayer, occlusion, other);
    }

    /** Leaves out the scores. */
    public ExplanationOptions withoutScores() {
        var others = EnumSet.noneOf(Figure.class);
        others.addAll(figures);
        others.remove(Figure.FAITHFULNESS);
        return withFigures(others);
    }

    /** Returns true if maps are scored. */
    boolean scored() {
        return figures.contains(Figure.FAITHFULNESS);
    }
}
