package dev.vitrail;

import dev.vitrail.data.Batch;
import dev.vitrail.data.SampleTransform;
import dev.vitrail.data.Transforms;
import dev.vitrail.engine.Tensor;
import dev.vitrail.errors.NotFiniteException;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.eval.Inference;
import dev.vitrail.images.RgbImage;
import dev.vitrail.images.decode.DecodeOptions;
import dev.vitrail.images.decode.ImageDecoder;
import dev.vitrail.loading.LoadOptions;
import dev.vitrail.loading.LoadedModel;
import dev.vitrail.models.Activations;
import dev.vitrail.models.FeatureInfo;
import dev.vitrail.models.zoo.Pretrained;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.IntStream;

/**
 * A model to classify images with.
 *
 * <pre>{@code
 * try (var vitrail = Vitrail.load("vit_tiny_patch16_224.augreg_in21k_ft_in1k")) {
 *     for (var found : vitrail.classify(Path.of("cat.jpg"))) {
 *         System.out.println(found.label() + " " + found.probability());
 *     }
 * }
 * }</pre>
 *
 * <p>It may be used from several threads at once. Decoding and resizing run side by side; the model itself runs for one
 * caller at a time, with all cores, or for all callers {@linkplain #sideBySide side by side}. What comes out for an
 * image does not depend on the images beside it.
 */
public final class Vitrail implements AutoCloseable {
    private static final int DEFAULT_COUNT = 5;

    private final LoadedModel loaded;
    private final SampleTransform transform;
    private final DecodeOptions decoding;
    /**
     * Held for a forward pass: two at once would fight for the same cores, unless callers share these out themselves.
     */
    private final Lock running;

    private final ReadWriteLock open = new ReentrantReadWriteLock();
    private boolean closed;

    /**
     * Serves a model that is loaded already, and closes it when it is itself closed. Its linear weights are kept once
     * from then on, as {@link dev.vitrail.nn.Module#keepWeightsOnce} says.
     */
    public Vitrail(LoadedModel loaded) {
        this(loaded, DecodeOptions.DEFAULT);
    }

    /**
     * Loads a model with decoding options for image files: turned as their EXIF data say, or larger than
     * the usual limit.
     */
    public Vitrail(LoadedModel loaded, DecodeOptions decoding) {
        this(loaded, decoding, false);
    }

    private Vitrail(LoadedModel loaded, DecodeOptions decoding, boolean sideBySide) {
        this.loaded = loaded;
        running = sideBySide ? open.readLock() : open.writeLock();
        transform = Transforms.evaluation(loaded.preprocessing());
        this.decoding = decoding;
        loaded.model().train(false);
        loaded.model().keepWeightsOnce();
    }

    /**
     * A model whose callers run side by side, on weights that they share. Each should have its own cores
     * ({@code Threads.set} holds for operations of the thread that calls it): that gives the most images/s, and one
     * caller with all cores the lowest latency.
     */
    public static Vitrail sideBySide(LoadedModel loaded, DecodeOptions decoding) {
        return new Vitrail(loaded, decoding, true);
    }

    /**
     * Loads a model with its weights.
     *
     * @param name a folder in timm's layout or of a run, or a tagged or hub name (see {@link LoadedModel#load})
     * @throws VitrailException if there is no such model, or it would have random weights; for one that is to have
     *     them, {@code new Vitrail(LoadedModel.load(name, options))}
     */
    public static Vitrail load(String name) {
        var loaded = LoadedModel.load(name, LoadOptions.DEFAULT);
        if (!loaded.pretrained()) {
            loaded.close();
            throw untrained(name);
        }
        return new Vitrail(loaded);
    }

    private static VitrailException untrained(String name) {
        var tagged = Pretrained.of(name).stream().map(Pretrained::name).toList();
        return VitrailException.of(
                "'%s' is an architecture without trained weights: name a folder, or %s; for random weights, call"
                        + " new Vitrail(LoadedModel.load(…))",
                name,
                tagged.isEmpty()
                        ? "published weights of another (none of it are known)"
                        : "its published weights by their tag, " + String.join(", ", tagged));
    }

    /** The model, and how it wants its images. */
    public LoadedModel loaded() {
        return loaded;
    }

    /** The five most probable classes of an image file, most probable first. */
    public List<Prediction> classify(Path image) {
        return classify(ImageDecoder.decode(image, decoding), DEFAULT_COUNT);
    }

    /** The five most probable classes of an encoded image; the caller closes the stream. */
    public List<Prediction> classify(InputStream image) {
        return classify(ImageDecoder.decode(image, "the stream", decoding), DEFAULT_COUNT);
    }

    /** The five most probable classes of an encoded image. */
    public List<Prediction> classify(byte[] encoded) {
        return classify(ImageDecoder.decode(encoded, "the array", decoding), DEFAULT_COUNT);
    }

    /** The {@code count} most probable classes of an image. */
    public List<Prediction> classify(RgbImage image, int count) {
        requireCount(count);
        return top(logits(List.of(image)).get(0), count);
    }

    /**
     * The raw class scores of images, run as one batch.
     *
     * @return for each image, {@code classes} floats
     */
    public List<float[]> logits(List<RgbImage> images) {
        return run(images, true);
    }

    /**
     * The vectors before the classifier, for search and clustering.
     *
     * @return for each image, {@link dev.vitrail.models.Model#width} floats
     */
    public List<float[]> embed(List<RgbImage> images) {
        return run(images, false);
    }

    /**
     * Class scores, with what blocks or attention layers gave on the way to them.
     *
     * <pre>{@code
     * var activations = vitrail.observe(List.of(image), "blocks.*.attn.attn_drop");
     * float fromClassToken = activations.output("blocks.11.attn.attn_drop").at(0, head, 0, 1 + patch);
     * }</pre>
     *
     * @param names of blocks or attention weights, as {@link dev.vitrail.models.Model#blocks} and
     *     {@link dev.vitrail.models.Model#attentions} list them; {@code *} stands for any name between two dots
     * @throws VitrailException if there is nothing of such a name
     */
    public Activations<FloatArray> observe(List<RgbImage> images, String... names) {
        requireSome(images);
        return onBatch(batch(images), batch -> {
            var observed = loaded.model().observe(batch, names);
            var results = new LinkedHashMap<String, FloatArray>();
            observed.outputs().forEach((name, result) -> results.put(name, FloatArray.of(result)));
            return new Activations<>(FloatArray.of(observed.logits()), results);
        });
    }

    /**
     * Feature maps, {@code [images, C, H, W]} each, by the stages or blocks that gave them.
     *
     * @param indices into {@link dev.vitrail.models.Model#featureInfo}; −1 is the last
     */
    public Map<FeatureInfo, FloatArray> featureMaps(List<RgbImage> images, List<Integer> indices) {
        requireSome(images);
        return onBatch(batch(images), batch -> {
            var maps = new LinkedHashMap<FeatureInfo, FloatArray>();
            loaded.model()
                    .featureMaps(batch, indices)
                    .forEach(found -> maps.put(found.info(), FloatArray.of(found.map())));
            return maps;
        });
    }

    private static void requireSome(List<RgbImage> images) {
        VitrailException.require(
                !images.isEmpty(), "no images were given to look into the model with: give one or more");
    }

    private List<float[]> run(List<RgbImage> images, boolean classified) {
        return images.isEmpty() ? List.of() : run(batch(images), classified);
    }

    private Batch batch(List<RgbImage> images) {
        return Batch.of(transform, images);
    }

    /**
     * Class scores, or vectors, of a batch.
     *
     * @param batch prepared by {@link Transforms#evaluation} of the model's preprocessing
     * @param classified whether class scores are wanted; else the vectors before the classifier
     * @throws NotFiniteException if the model gives NaN or infinite numbers
     */
    public List<float[]> run(Batch batch, boolean classified) {
        if (classified) {
            loaded.requireClassifier();
        }
        if (batch.size() == 0) {
            return List.of();
        }
        var model = loaded.model();
        var results = running(() -> rows(
                Inference.floats(
                        model, batch, images -> classified ? model.apply(images) : Inference.vectors(model, images)),
                batch.size()));
        NotFiniteException.requireFinite(results, "the model '%s'".formatted(loaded.name()));
        return results;
    }

    /** Runs the model; what {@code body} returns holds no tensor. */
    private <T> T onBatch(Batch batch, Function<Tensor, T> body) {
        return running(() -> Inference.of(loaded.model(), batch, body));
    }

    private <T> T running(Supplier<T> work) {
        running.lock();
        try {
            VitrailException.require(!closed, "the model '%s' is closed: load it again", loaded.name());
            return work.get();
        } finally {
            running.unlock();
        }
    }

    private static List<float[]> rows(float[] values, int count) {
        int width = values.length / count;
        var rows = new ArrayList<float[]>(count);
        for (int i = 0; i < count; i++) {
            rows.add(Arrays.copyOfRange(values, i * width, (i + 1) * width));
        }
        return rows;
    }

    /** The most probable classes of class scores, most probable first; of equal ones the first class comes first. */
    public List<Prediction> top(float[] logits, int count) {
        requireCount(count);
        var probabilities = softmax(logits);
        return IntStream.range(0, logits.length)
                .boxed()
                .sorted(Comparator.comparingDouble((Integer i) -> -probabilities[i]))
                .limit(count)
                .map(i -> new Prediction(i, loaded.label(i), probabilities[i]))
                .toList();
    }

    private static void requireCount(int count) {
        VitrailException.require(count >= 0, "the number of classes to name must not be negative, found %d", count);
    }

    private static double[] softmax(float[] logits) {
        double largest = Double.NEGATIVE_INFINITY;
        for (float logit : logits) {
            largest = Math.max(largest, logit);
        }
        var probabilities = new double[logits.length];
        double sum = 0;
        for (int i = 0; i < logits.length; i++) {
            probabilities[i] = Math.exp(logits[i] - largest);
            sum += probabilities[i];
        }
        for (int i = 0; i < logits.length; i++) {
            probabilities[i] /= sum;
        }
        return probabilities;
    }

    @Override
    public void close() {
        open.writeLock().lock();
        try {
            if (!closed) {
                closed = true;
                loaded.close();
            }
        } finally {
            open.writeLock().unlock();
        }
    }
}
