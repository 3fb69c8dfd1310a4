package dev.vitrail.inspect;

import dev.vitrail.errors.Names;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.inspect.ModelLayout.Query;
import dev.vitrail.models.Model;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** A figure of inspection, and the models that it applies to. */
public enum Figure {
    FILTERS("a", "Embedding filters"),
    POSITIONS("b", "Position similarity"),
    DISTANCE("c", "Mean attention distance"),
    ROLLOUT("d", "Attention rollout"),
    RELEVANCE("e1", "Relevance"),
    GRAD_CAM("e2", "Grad-CAM"),
    CAM("e3", "Class activation map"),
    CLASS_ATTENTION("f", "Class attention"),
    FEATURES("g", "Feature maps"),
    CKA("h", "Similarity of blocks (CKA)"),
    LENS("i", "Logit lens"),
    POSITION_BIAS("j", "Relative position bias"),
    LAYER_SCALE("k", "LayerScale by depth"),
    TOKEN_NORMS("l", "Token norms"),
    FAITHFULNESS("m", "Faithfulness");

    private final String letter;
    private final String title;

    Figure(String letter, String title) {
        this.letter = letter;
        this.title = title;
    }

    /** The letter by which a command line names it, such as {@code e1}. */
    public String letter() {
        return letter;
    }

    /** Its name in words. */
    public String title() {
        return title;
    }

    /** Returns true if it shows weights, and needs no image. */
    public boolean ofWeights() {
        return this == FILTERS || this == POSITIONS || this == POSITION_BIAS || this == LAYER_SCALE;
    }

    /**
     * The figures of a list of letters or names, such as {@code a,c,relevance}; {@code all} is all.
     *
     * @throws VitrailException with the nearest names, if there is no such figure
     */
    public static Set<Figure> parse(String list) {
        var found = EnumSet.noneOf(Figure.class);
        for (var word : list.split(",", -1)) {
            var name = word.trim().toLowerCase(Locale.ROOT);
            if (name.equals("all")) {
                return EnumSet.allOf(Figure.class);
            }
            found.add(Arrays.stream(values())
                    .filter(figure -> figure.letter.equals(name) || figure.key().equals(name))
                    .findFirst()
                    .orElseThrow(() -> {
                        var known = new ArrayList<String>();
                        for (var figure : values()) {
                            known.add(figure.letter);
                            known.add(figure.key());
                        }
                        return VitrailException.of(
                                "there is no figure '%s': expected letters from a to m, or names; the nearest are %s",
                                word, String.join(", ", Names.nearest(name, known, 3)));
                    }));
        }
        return found;
    }

    /** Its name in JSON and file names, such as {@code position_similarity}. */
    public String key() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** Reason why it does not apply to a model; empty where it does. */
    public Optional<String> reason(Model model, ModelLayout layout) {
        return switch (this) {
            case FILTERS, GRAD_CAM, FEATURES, CKA, FAITHFULNESS -> Optional.empty();
            case POSITIONS ->
                unless(
                        PositionSimilarity.appliesTo(model),
                        PositionBias.appliesTo(model)
                                ? "the model adds no position embedding: see its relative position bias (j)"
                                : "the model adds no position embedding");
            case DISTANCE -> unless(layout.attends(), "the model has no attention among patches");
            case ROLLOUT, RELEVANCE ->
                layout.query() == Query.MAXIMUM
                        ? Optional.of("pooling by a maximum reads another patch for each channel, so no row can be "
                                + "pushed down")
                        : unless(layout.attends(), "the model has no attention");
            case CAM -> ClassActivationMap.reason(model, layout);
            case CLASS_ATTENTION ->
                unless(
                        !ClassAttention.layers(layout).isEmpty(),
                        "the model's classifier reads no class token by attention");
            case LENS -> LogitLens.reason(model, layout);
            case POSITION_BIAS ->
                unless(PositionBias.appliesTo(model), "the model adds no bias by relative position to its attention");
            case LAYER_SCALE -> unless(!LayerScales.of(model).isEmpty(), "the model's branches have no LayerScale");
            case TOKEN_NORMS ->
                unless(
                        layout.output() != ModelLayout.Output.CHANNELS_FIRST,
                        "the model has no tokens: its feature maps (g) show what is large");
        };
    }

    private static Optional<String> unless(boolean applies, String reason) {
        return applies ? Optional.empty() : Optional.of(reason);
    }

    /** The figures that apply to a model. */
    public static List<Figure> of(Model model, ModelLayout layout) {
        return Arrays.stream(values())
                .filter(figure -> figure.reason(model, layout).isEmpty())
                .toList();
    }

    /**
     * The hook points that it reads of a forward pass; none for figures of weights, and for those that run the model
     * themselves.
     */
    Collection<String> hookPoints(Model model, ModelLayout layout) {
        return switch (this) {
            case DISTANCE -> AttentionDistance.hookPoints(layout);
            case ROLLOUT -> Rollout.hookPoints(layout);
            case CLASS_ATTENTION -> ClassAttention.hookPoints(layout);
            case FEATURES ->
                Stream.concat(ChannelHealth.stemHookPoints(layout).stream(), ChannelHealth.hookPoints(layout).stream())
                        .toList();
            case CKA -> Cka.hookPoints(layout);
            case LENS -> LogitLens.hookPoints(layout);
            case LAYER_SCALE -> BranchRatio.hookPoints(model);
            case TOKEN_NORMS -> TokenNorms.hookPoints(layout);
            case FILTERS, POSITIONS, POSITION_BIAS, RELEVANCE, GRAD_CAM, CAM, FAITHFULNESS -> List.of();
        };
    }

    /** The hook points of those figures that apply to a model, each once. */
    static Set<String> hookPoints(Collection<Figure> figures, Model model, ModelLayout layout) {
        return figures.stream()
                .filter(figure -> figure.reason(model, layout).isEmpty())
                .flatMap(figure -> figure.hookPoints(model, layout).stream())
                .collect(Collectors.toSet());
    }
}
