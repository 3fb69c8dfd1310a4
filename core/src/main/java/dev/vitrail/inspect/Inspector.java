package dev.vitrail.inspect;

import dev.vitrail.Vitrail;
import dev.vitrail.engine.Device;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Functional;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.Tensor;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.images.RgbImage;
import dev.vitrail.loading.LoadedModel;
import dev.vitrail.models.Model;
import dev.vitrail.nn.ForwardHook;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * What a model has learned, and why it decided so.
 *
 * <pre>{@code
 * try (var vitrail = Vitrail.load("runs/mine")) {
 *     var why = Inspector.of(vitrail).explain(ImageDecoder.decode(Path.of("cat.jpg")));
 *     System.out.println(why.sentence());
 * }
 * }</pre>
 *
 * <p>Images are prepared as the model wants them. The model stays the caller's, and must not run on another thread
 * meanwhile.
 */
public final class Inspector {
    /** Orders that random removal is the mean of. */
    private static final int RANDOM = 5;

    /** What explanations are called. */
    static final String RELEVANCE = "relevance",
            CAM = "CAM",
            GRAD_CAM = "Grad-CAM",
            ROLLOUT = "rollout",
            ATTENTION = "last attention";

    /** Explanations and maps that read attention and blocks of a forward pass as it is. */
    private static final Set<Figure> READERS =
            EnumSet.of(Figure.ROLLOUT, Figure.CLASS_ATTENTION, Figure.TOKEN_NORMS, Figure.FEATURES);

    private final LoadedModel loaded;
    private final Model model;
    private final ModelLayout layout;

    private Inspector(LoadedModel loaded) {
        this.loaded = loaded;
        model = loaded.model();
        layout = ModelLayout.of(
                model, loaded.preprocessing().height(), loaded.preprocessing().width());
    }

    /** Inspects the model of a front door. */
    public static Inspector of(Vitrail vitrail) {
        return of(vitrail.loaded());
    }

    /**
     * Inspects a model.
     *
     * @throws VitrailException if it is of no family that can be inspected
     */
    public static Inspector of(LoadedModel loaded) {
        return new Inspector(loaded);
    }

    /** The model. */
    public Model model() {
        return model;
    }

    /** Where the model keeps what the figures read, for images as its preprocessing makes them. */
    public ModelLayout layout() {
        return layout;
    }

    /** Why a figure does not apply to the model; empty where it does. */
    public Optional<String> reason(Figure figure) {
        return figure.reason(model, layout);
    }

    private void require(Figure figure) {
        reason(figure).ifPresent(reason -> {
            throw VitrailException.of("%s does not apply to the model '%s': %s", figure.title(), loaded.name(), reason);
        });
    }

    /**
     * Runs a figure on images, as one batch.
     *
     * @param figure a function of images {@code [B, C, H, W]}, normalized; its result holds no tensor
     */
    public <T> T on(List<RgbImage> images, Function<Tensor, T> figure) {
        return Frame.compute(() -> figure.apply(batch(images)));
    }

    /** Images as the model wants them, {@code [B, C, H, W]}, in the caller's frame. */
    Tensor batch(List<RgbImage> images) {
        VitrailException.require(
                !images.isEmpty(), "no images were given to look into the model with: give one or more");
        var input = loaded.preprocessing();
        var values = new float[Math.multiplyExact(input.values(), images.size())];
        for (int i = 0; i < images.size(); i++) {
            input.toFloats(images.get(i), values, i * input.values());
        }
        return Tensor.of(values, images.size(), input.channels(), input.height(), input.width())
                .to(device());
    }

    private Device device() {
        return model.parameters().values().iterator().next().value().device();
    }

    /** The image as the model saw it: after resizing and cropping. */
    public RgbImage seen(RgbImage image) {
        return loaded.preprocessing().apply(image);
    }

    /**
     * Class probabilities of an image.
     *
     * @throws VitrailException naming the first layer whose output is not finite
     */
    public float[] probabilities(RgbImage image) {
        loaded.requireClassifier();
        return on(List.of(image), batch -> {
            try (var off = Gradients.off()) {
                var found = Functional.softmax(model.apply(batch), -1).toFloats();
                for (float value : found) {
                    if (!Float.isFinite(value)) {
                        nameTheLayer(batch);
                    }
                }
                return Pass.finite("the classifier", found);
            }
        });
    }

    /** Refuses the first block or attention layer, in the order of computation, whose output is not finite. */
    private void nameTheLayer(Tensor batch) {
        var names = new HashSet<>(model.blocks());
        names.addAll(model.attentions());
        layout.embedding().ifPresent(names::add);
        Frame.run(() -> {
            try (var hook = ForwardHook.of(model, names::contains)) {
                model.apply(batch);
                hook.activations().forEach((name, output) -> Pass.finite(layout.title(name), output.toFloats()));
            }
        });
    }

    /** Relevance of each patch for the most probable class: the default explanation of models with attention. */
    public GridMap relevance(RgbImage image) {
        return relevance(image, top(probabilities(image)));
    }

    /** Relevance of each patch for a class. */
    public GridMap relevance(RgbImage image, int target) {
        require(Figure.RELEVANCE);
        return on(List.of(image), batch -> Relevance.of(model, batch, new int[] {target})
                .get(0));
    }

    /**
     * The default explanation of each image of a batch for a class of its own, in one forward and one backward pass:
     * relevance where there is attention, else Grad-CAM.
     *
     * @param classes one for each image
     */
    public List<GridMap> defaultMaps(List<RgbImage> images, int[] classes) {
        return on(images, batch -> defaultMaps(batch, classes));
    }

    private List<GridMap> defaultMaps(Tensor batch, int[] classes) {
        return reason(Figure.RELEVANCE).isEmpty()
                ? Relevance.of(model, batch, classes)
                : GradCam.of(model, batch, classes, GradCam.layer(layout));
    }

    /** The name of the method of {@link #defaultMaps}. */
    public String defaultMethod() {
        return reason(Figure.RELEVANCE).isEmpty() ? RELEVANCE : GRAD_CAM;
    }

    /** Explains the most probable class of an image, with scores. */
    public Explanation explain(RgbImage image) {
        return explain(image, OptionalInt.empty(), Options.DEFAULT);
    }

    /**
     * How to explain.
     *
     * @param figures explanations that are wanted; with {@link Figure#FAITHFULNESS} each map is scored, at some 60
     *     forward passes each
     * @param rollout how attention is rolled out
     * @param camLayer the module that Grad-CAM reads; empty for {@link GradCam#layer}
     * @param occlusion whether the scored maps include occlusion, at a forward pass for each cell
     * @param seed of the random orders
     */
    public record Options(
            Set<Figure> figures, Rollout.Options rollout, Optional<String> camLayer, boolean occlusion, long seed) {
        /** Every method that applies, with scores. */
        public static final Options DEFAULT =
                new Options(Set.of(Figure.values()), Rollout.Options.DEFAULT, Optional.empty(), true, 0);

        public Options {
            figures = Set.copyOf(figures);
        }

        public Options withFigures(Set<Figure> wanted) {
            return new Options(wanted, rollout, camLayer, occlusion, seed);
        }

        public Options withRollout(Rollout.Options other) {
            return new Options(figures, other, camLayer, occlusion, seed);
        }

        public Options withCamLayer(Optional<String> name) {
            return new Options(figures, rollout, name, occlusion, seed);
        }

        public Options withOcclusion(boolean wanted) {
            return new Options(figures, rollout, camLayer, wanted, seed);
        }

        public Options withSeed(long other) {
            return new Options(figures, rollout, camLayer, occlusion, other);
        }

        /** The same without scores. */
        public Options withoutScores() {
            var others = EnumSet.copyOf(figures);
            others.remove(Figure.FAITHFULNESS);
            return withFigures(others);
        }

        private boolean scored() {
            return figures.contains(Figure.FAITHFULNESS);
        }
    }

    /**
     * Explains a class of an image by every method that applies.
     *
     * @param target the class; the most probable by default
     */
    public Explanation explain(RgbImage image, OptionalInt target, Options options) {
        var probabilities = probabilities(image);
        return explain(image, probabilities, List.of(target.orElse(top(probabilities))), options)
                .get(0);
    }

    /**
     * Explains classes of an image by every method that applies, the first with scores if these are wanted. What does
     * not depend on the class is computed once.
     *
     * @param probabilities of all classes, as {@link #probabilities} gives them
     * @param targets the classes, one or more
     * @return one for each class
     */
    List<Explanation> explain(RgbImage image, float[] probabilities, List<Integer> targets, Options options) {
        for (int c : targets) {
            VitrailException.require(
                    c >= 0 && c < probabilities.length,
                    "the model has %d classes, 0 to %d, found %d",
                    probabilities.length,
                    probabilities.length - 1,
                    c);
        }
        return on(List.of(image), batch -> {
            var norms = new ArrayList<TokenNorms>();
            var blind = shared(batch, options.figures, () -> {
                if (wants(options, Figure.TOKEN_NORMS)) {
                    norms.addAll(TokenNorms.of(model, batch).get(0));
                }
                return blindMaps(batch, options);
            });
            var lens = wants(options, Figure.LENS)
                    ? Optional.of(LogitLens.of(model, batch).get(0))
                    : Optional.<LogitLens>empty();
            var explanations = new ArrayList<Explanation>();
            for (int c : targets) {
                var maps = maps(batch, new int[] {c}, options);
                maps.addAll(blind);
                if (maps.isEmpty()) {
                    maps.add(method(defaultMethod(), defaultMaps(batch, new int[] {c})));
                }
                var random = options.scored() && explanations.isEmpty()
                        ? Optional.of(score(batch, c, maps, options))
                        : Optional.<Faithfulness>empty();
                explanations.add(new Explanation(c, loaded.label(c), probabilities[c], maps, random, lens, norms));
            }
            return explanations;
        });
    }

    /** Puts scored maps in the place of maps, on the coarsest of their grids, and gives the scores of random orders. */
    private Faithfulness score(Tensor batch, int target, List<Explanation.Method> maps, Options options) {
        int height =
                maps.stream().mapToInt(method -> method.map().height()).min().orElse(1);
        int width = maps.stream().mapToInt(method -> method.map().width()).min().orElse(1);
        var removal = new CellRemoval(model, batch, target, height, width);
        if (options.occlusion && removal.cells() <= CellRemoval.MOST) {
            maps.add(new Explanation.Method(Explanation.OCCLUSION, removal.occlusion(), Optional.empty()));
        }
        maps.replaceAll(method -> new Explanation.Method(
                method.name(),
                method.map(),
                Optional.of(removal.score(
                        method.map().height() == height && method.map().width() == width
                                ? method.map()
                                : method.map().averaged(height, width)))));
        return removal.random(RANDOM, options.seed);
    }

    /**
     * Maps inside the model for an image.
     *
     * @param target the class that the patch lens reads
     * @param wanted figures to compute; of them {@link Figure#CLASS_ATTENTION}, {@link Figure#LENS} and
     *     {@link Figure#FEATURES} give maps
     */
    public LayerMaps layerMaps(RgbImage image, int target, Set<Figure> wanted) {
        return on(
                List.of(image),
                batch -> shared(
                        batch,
                        wanted,
                        () -> new LayerMaps(
                                wanted.contains(Figure.CLASS_ATTENTION)
                                                && reason(Figure.CLASS_ATTENTION)
                                                        .isEmpty()
                                        ? ClassAttention.of(model, batch).get(0)
                                        : List.of(),
                                wanted.contains(Figure.LENS)
                                                && LogitLens.patchReason(model, layout)
                                                        .isEmpty()
                                        ? LogitLens.patches(model, batch, new int[] {target})
                                                .get(0)
                                        : List.of(),
                                wanted.contains(Figure.FEATURES) ? channels(batch) : List.of())));
    }

    /** Runs figures on one forward pass, where several of them read it. */
    private <T> T shared(Tensor batch, Set<Figure> wanted, Supplier<T> figures) {
        long readers = READERS.stream()
                .filter(figure -> wanted.contains(figure) && reason(figure).isEmpty())
                .count();
        return readers > 1 ? Pass.shared(model, batch, layout.read(), figures) : figures.get();
    }

    /** The channels of one image, of the stem's stages first. */
    private List<ChannelHealth> channels(Tensor batch) {
        var found = new ArrayList<>(
                ChannelHealth.ofStem(model, batch, ChannelHealth.SHOWN).get(0));
        found.addAll(ChannelHealth.of(model, batch, ChannelHealth.SHOWN).get(0));
        return found;
    }

    /**
     * What each patch of an image attends to.
     *
     * @param everyLayer whether all layers are read; else the last alone
     * @return a figure for each layer; none for models without a class token among their patches
     */
    public List<AttentionRows> attentionRows(RgbImage image, boolean everyLayer) {
        return on(List.of(image), batch -> AttentionRows.of(model, batch, everyLayer));
    }

    private boolean wants(Options options, Figure figure) {
        return options.figures.contains(figure) && reason(figure).isEmpty();
    }

    /**
     * A map of a class by each wanted method that needs one pass and knows the class, the default explanation first.
     */
    private List<Explanation.Method> maps(Tensor batch, int[] target, Options options) {
        var maps = new ArrayList<Explanation.Method>();
        if (wants(options, Figure.RELEVANCE)) {
            maps.add(method(RELEVANCE, Relevance.of(model, batch, target)));
        }
        if (wants(options, Figure.CAM)) {
            maps.add(method(CAM, ClassActivationMap.of(model, batch, target)));
        }
        if (wants(options, Figure.GRAD_CAM)) {
            maps.add(method(
                    GRAD_CAM,
                    GradCam.of(model, batch, target, options.camLayer.orElseGet(() -> GradCam.layer(layout)))));
        }
        return maps;
    }

    /** A map by each wanted method that is the same for all classes. */
    private List<Explanation.Method> blindMaps(Tensor batch, Options options) {
        var maps = new ArrayList<Explanation.Method>();
        if (wants(options, Figure.ROLLOUT)) {
            maps.add(method(ROLLOUT, Rollout.of(model, batch, options.rollout)));
        }
        if (wants(options, Figure.CLASS_ATTENTION)) {
            var layers = ClassAttention.of(model, batch).get(0);
            maps.add(method(ATTENTION, List.of(layers.get(layers.size() - 1).mean())));
        }
        return maps;
    }

    private static Explanation.Method method(String name, List<GridMap> maps) {
        return new Explanation.Method(name, maps.get(0), Optional.empty());
    }

    /** The index of the largest value; of equal ones the first. */
    public static int top(float[] values) {
        int best = 0;
        for (int i = 1; i < values.length; i++) {
            best = values[i] > values[best] ? i : best;
        }
        return best;
    }

    /**
     * Starts to gather the figures of many images, in memory that does not grow with them.
     *
     * @param against a model whose blocks are compared with this one's on the same images
     * @param similarity how blocks are compared
     */
    public Behavior behavior(Optional<Inspector> against, Cka.Options similarity) {
        return new Behavior(this, against, similarity);
    }

    /** The same of this model alone, its blocks compared by unit tokens. */
    public Behavior behavior() {
        return behavior(Optional.empty(), Cka.Options.DEFAULT);
    }

    /** The loaded model. */
    public LoadedModel loaded() {
        return loaded;
    }
}
