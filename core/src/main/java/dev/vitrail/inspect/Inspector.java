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
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.Function;

/**
 * Computes figures of a model: of its weights, of its behavior over images, and explanations of its decisions.
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

    /** Names of explanations. */
    static final String RELEVANCE = "relevance",
            CAM = "CAM",
            GRAD_CAM = "Grad-CAM",
            ROLLOUT = "rollout",
            ATTENTION = "last attention";

    /** Figures of an explanation that one forward pass gives for all classes. */
    private static final Set<Figure> CLASS_BLIND =
            EnumSet.of(Figure.ROLLOUT, Figure.CLASS_ATTENTION, Figure.TOKEN_NORMS, Figure.LENS);

    /** Figures that {@link LayerMaps} has. */
    private static final Set<Figure> BY_LAYER = EnumSet.of(Figure.CLASS_ATTENTION, Figure.LENS, Figure.FEATURES);

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

    /** Layout of the model for images of its preprocessing's size. */
    public ModelLayout layout() {
        return layout;
    }

    /** Reason why a figure does not apply to the model; empty where it does. */
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
                return probabilities(batch, model.apply(batch));
            }
        });
    }

    private float[] probabilities(Tensor batch, Tensor logits) {
        var found = Functional.softmax(logits, -1).toFloats();
        for (float value : found) {
            if (!Float.isFinite(value)) {
                nameTheLayer(batch);
            }
        }
        return Pass.finite("the classifier", found);
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
        return explain(image, OptionalInt.empty(), ExplanationOptions.DEFAULT);
    }

    /**
     * Explains a class of an image by every method that applies.
     *
     * @param target the class; the most probable by default
     */
    public Explanation explain(RgbImage image, OptionalInt target, ExplanationOptions options) {
        loaded.requireClassifier();
        return on(List.of(image), batch -> {
            var blind = forward(batch, options.figures(), CLASS_BLIND, pass -> classBlind(pass, options));
            return explain(batch, blind, List.of(target.orElse(top(blind.probabilities))), options)
                    .get(0);
        });
    }

    /**
     * Figures of one image.
     *
     * @param explanations one for each class
     * @param layers maps inside the model
     * @param rows what each patch attends to
     */
    record ImageFigures(List<Explanation> explanations, LayerMaps layers, List<AttentionRows> rows) {}

    /**
     * Explains classes of an image by every method that applies, the first with scores if these are wanted, and reads
     * the maps inside the model. All that does not need gradients or a changed image is read from one forward pass.
     *
     * @param classes from the probabilities of all classes to those that are explained, one or more
     * @param everyLayer whether patches' attention is read in all layers; else in the last alone
     */
    ImageFigures figures(
            RgbImage image, ExplanationOptions options, Function<float[], List<Integer>> classes, boolean everyLayer) {
        loaded.requireClassifier();
        record Read(ClassBlind blind, List<Integer> targets, LayerMaps layers, List<AttentionRows> rows) {}
        var read = EnumSet.copyOf(CLASS_BLIND);
        read.addAll(BY_LAYER);
        return on(List.of(image), batch -> {
            var found = forward(batch, options.figures(), read, pass -> {
                var blind = classBlind(pass, options);
                var targets = classes.apply(blind.probabilities);
                return new Read(
                        blind,
                        targets,
                        layerMaps(pass, targets.get(0), options.figures()),
                        wants(options.figures(), Figure.CLASS_ATTENTION)
                                ? AttentionRows.of(pass, everyLayer)
                                : List.of());
            });
            return new ImageFigures(explain(batch, found.blind, found.targets, options), found.layers, found.rows);
        });
    }

    /** Runs a batch under the hook points of those figures that are wanted, read and apply. */
    private <T> T forward(Tensor batch, Set<Figure> wanted, Set<Figure> read, Function<Pass, T> use) {
        var figures = EnumSet.copyOf(read);
        figures.retainAll(wanted);
        return Pass.forward(model, batch, size -> Figure.hookPoints(figures, model, size), use);
    }

    /**
     * Figures of one image that are the same for all classes.
     *
     * @param probabilities of all classes
     * @param maps of the methods that do not know the class
     */
    private record ClassBlind(
            float[] probabilities, List<Explanation.Method> maps, List<TokenNorms> norms, Optional<LogitLens> lens) {}

    private ClassBlind classBlind(Pass pass, ExplanationOptions options) {
        var probabilities = probabilities(pass.images(), pass.logits());
        var maps = new ArrayList<Explanation.Method>();
        if (wants(options.figures(), Figure.ROLLOUT)) {
            maps.add(method(ROLLOUT, Rollout.of(pass, options.rollout())));
        }
        if (wants(options.figures(), Figure.CLASS_ATTENTION)) {
            var layers = ClassAttention.layers(layout);
            var last = ClassAttention.of(pass, layers.get(layers.size() - 1)).get(0);
            maps.add(method(ATTENTION, List.of(last.mean())));
        }
        return new ClassBlind(
                probabilities,
                maps,
                wants(options.figures(), Figure.TOKEN_NORMS)
                        ? TokenNorms.of(pass).get(0)
                        : List.of(),
                wants(options.figures(), Figure.LENS)
                        ? Optional.of(LogitLens.of(pass).get(0))
                        : Optional.empty());
    }

    /** The explanation of each class of an image, the first with scores if these are wanted. */
    private List<Explanation> explain(
            Tensor batch, ClassBlind blind, List<Integer> targets, ExplanationOptions options) {
        int classes = blind.probabilities.length;
        var explanations = new ArrayList<Explanation>();
        for (int c : targets) {
            VitrailException.require(
                    c >= 0 && c < classes, "the model has %d classes, 0 to %d, found %d", classes, classes - 1, c);
            var maps = maps(batch, new int[] {c}, options);
            maps.addAll(blind.maps);
            if (maps.isEmpty()) {
                maps.add(method(defaultMethod(), defaultMaps(batch, new int[] {c})));
            }
            var random = options.scored() && explanations.isEmpty()
                    ? Optional.of(score(batch, c, maps, options))
                    : Optional.<Faithfulness>empty();
            explanations.add(
                    new Explanation(c, loaded.label(c), blind.probabilities[c], maps, random, blind.lens, blind.norms));
        }
        return explanations;
    }

    /** Puts scored maps in the place of maps, on the coarsest of their grids, and gives the scores of random orders. */
    private Faithfulness score(Tensor batch, int target, List<Explanation.Method> maps, ExplanationOptions options) {
        int height =
                maps.stream().mapToInt(method -> method.map().height()).min().orElse(1);
        int width = maps.stream().mapToInt(method -> method.map().width()).min().orElse(1);
        var removal = new CellRemoval(model, batch, target, height, width);
        if (options.occlusion() && removal.cells() <= CellRemoval.MOST) {
            maps.add(new Explanation.Method(Explanation.OCCLUSION, removal.occlusion(), Optional.empty()));
        }
        maps.replaceAll(method -> new Explanation.Method(
                method.name(),
                method.map(),
                Optional.of(removal.score(
                        method.map().height() == height && method.map().width() == width
                                ? method.map()
                                : method.map().averaged(height, width)))));
        return removal.random(RANDOM, options.seed());
    }

    /**
     * Maps inside the model for an image.
     *
     * @param target the class that the patch lens reads
     * @param wanted figures to compute; of them {@link Figure#CLASS_ATTENTION}, {@link Figure#LENS} and
     *     {@link Figure#FEATURES} give maps
     */
    public LayerMaps layerMaps(RgbImage image, int target, Set<Figure> wanted) {
        return on(List.of(image), batch -> forward(batch, wanted, BY_LAYER, pass -> layerMaps(pass, target, wanted)));
    }

    private LayerMaps layerMaps(Pass pass, int target, Set<Figure> wanted) {
        boolean patches = wanted.contains(Figure.LENS)
                && LogitLens.patchReason(model, layout).isEmpty();
        return new LayerMaps(
                wants(wanted, Figure.CLASS_ATTENTION) ? ClassAttention.of(pass).get(0) : List.of(),
                patches ? LogitLens.patches(pass, new int[] {target}).get(0) : List.of(),
                wanted.contains(Figure.FEATURES) ? channels(pass) : List.of());
    }

    /** The channels of one image, of the stem's stages first. */
    private static List<ChannelHealth> channels(Pass pass) {
        var found =
                new ArrayList<>(ChannelHealth.ofStem(pass, ChannelHealth.SHOWN).get(0));
        found.addAll(ChannelHealth.of(pass, ChannelHealth.SHOWN).get(0));
        return found;
    }

    /**
     * Attention of each patch of an image.
     *
     * @param everyLayer whether all layers are read; else the last alone
     * @return a figure for each layer; none for models without a class token among their patches
     */
    public List<AttentionRows> attentionRows(RgbImage image, boolean everyLayer) {
        return on(List.of(image), batch -> AttentionRows.of(model, batch, everyLayer));
    }

    private boolean wants(Set<Figure> figures, Figure figure) {
        return figures.contains(figure) && reason(figure).isEmpty();
    }

    /**
     * A map of a class by each wanted method that knows the class and needs one pass, the default explanation first.
     */
    private List<Explanation.Method> maps(Tensor batch, int[] target, ExplanationOptions options) {
        var maps = new ArrayList<Explanation.Method>();
        boolean relevance = wants(options.figures(), Figure.RELEVANCE);
        boolean gradCam = wants(options.figures(), Figure.GRAD_CAM);
        var camLayer = options.camLayer().orElseGet(() -> GradCam.layer(layout));
        if (relevance || gradCam) {
            Pass.backward(
                    model,
                    batch,
                    target,
                    size -> {
                        var names = new LinkedHashSet<>(relevance ? Relevance.hookPoints(size) : List.of());
                        names.addAll(gradCam ? List.of(camLayer) : List.of());
                        return names;
                    },
                    pass -> {
                        if (relevance) {
                            maps.add(method(RELEVANCE, Relevance.of(pass)));
                        }
                        if (gradCam) {
                            maps.add(method(GRAD_CAM, GradCam.of(pass, camLayer)));
                        }
                        return maps;
                    });
        }
        if (wants(options.figures(), Figure.CAM)) {
            maps.add(relevance ? 1 : 0, method(CAM, ClassActivationMap.of(model, batch, target)));
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
     * @param figures wanted; of them {@link Behavior#FIGURES} are measured
     */
    public Behavior behavior(Optional<Inspector> against, CkaOptions similarity, Set<Figure> figures) {
        return new Behavior(this, against, similarity, figures);
    }

    /** Starts to gather all figures of many images of this model alone, its blocks compared by unit tokens. */
    public Behavior behavior() {
        return behavior(Optional.empty(), CkaOptions.DEFAULT, Behavior.FIGURES);
    }

    /** The loaded model. */
    public LoadedModel loaded() {
        return loaded;
    }
}
