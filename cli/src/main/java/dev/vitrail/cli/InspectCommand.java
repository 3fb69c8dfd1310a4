package dev.vitrail.cli;

import dev.vitrail.data.ImageListing;
import dev.vitrail.errors.Names;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.files.AtomicFile;
import dev.vitrail.files.PathNames;
import dev.vitrail.images.RgbImage;
import dev.vitrail.images.decode.ImageDecoder;
import dev.vitrail.inspect.Behavior;
import dev.vitrail.inspect.Explanation;
import dev.vitrail.inspect.Figure;
import dev.vitrail.inspect.Inspection;
import dev.vitrail.inspect.Inspector;
import dev.vitrail.inspect.Rollout;
import dev.vitrail.loading.LoadOptions;
import dev.vitrail.loading.LoadedModel;
import dev.vitrail.report.InspectPage;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Shows what a model has learned, and why it decided so. */
@Command(
        name = "inspect",
        description = {
            "Shows what a model has learned, why it decided so, and which explanation to trust, as one HTML page.",
            "Without images: filters, positions and other figures of the weights. With images: explanations with scores, and figures of behavior over all of them."
        },
        footer = {
            "",
            "Examples:",
            "  vitrail inspect --model runs/shapes",
            "  vitrail inspect --model runs/shapes photos/ --tables tables",
            "  vitrail inspect --model runs/shapes cat.jpg --class cat --json"
        })
final class InspectCommand implements Callable<Integer> {
    private static final Logger LOG = LoggerFactory.getLogger(InspectCommand.class);

    /** Images that are explained one by one on a page; behavior is measured over all. */
    private static final int EXPLAINED = 10;

    private static final int BATCH = 8;

    @Mixin
    private ModelOptions models = new ModelOptions();

    @Mixin
    private DecodingOptions decoding = new DecodingOptions();

    @Parameters(arity = "0..*", paramLabel = "IMAGE", description = "Image files, or folders of them.")
    private List<Path> paths = List.of();

    @Option(
            names = "--class",
            paramLabel = "C",
            description = "Class to explain: index, name or synset (default: the most probable).")
    private Optional<String> target = Optional.empty();

    @Option(
            names = "--figures",
            paramLabel = "LIST",
            description = "Figures to make: letters (a,c,e1) or names (filters,relevance); default: all that apply.")
    private Optional<String> figures = Optional.empty();

    @Option(
            names = "--max-images",
            paramLabel = "N",
            defaultValue = "64",
            description = "Images to measure behavior on; more are sampled (default ${DEFAULT-VALUE}).")
    private int maxImages;

    @Option(
            names = "--against",
            paramLabel = "M2",
            description = "Second model, whose blocks are compared with the first's (CKA).")
    private Optional<String> against = Optional.empty();

    @Option(
            names = "--rollout",
            paramLabel = "HOW",
            defaultValue = "mean",
            description = "Attention rollout: mean over heads, or sharp (maximum, 90%% discarded).")
    private String rollout = "mean";

    @Option(
            names = "--cam-layer",
            paramLabel = "NAME",
            description = "Module that Grad-CAM reads (default: by the model's pooling).")
    private Optional<String> camLayer = Optional.empty();

    @Option(names = "--no-scores", description = "Leave out the scores of explanations, which take most of the time.")
    private boolean noScores;

    @Option(
            names = "--seed",
            defaultValue = "0",
            description = "Random seed of samples and random orders (default ${DEFAULT-VALUE}).")
    private long seed;

    @Option(
            names = "--out",
            paramLabel = "FILE",
            defaultValue = "inspect.html",
            description = "Page to write (default ${DEFAULT-VALUE}).")
    private Path out = Path.of("inspect.html");

    @Option(names = "--tables", paramLabel = "DIR", description = "Folder for each figure as CSV and PNG.")
    private Optional<Path> tables = Optional.empty();

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    @Override
    public Integer call() {
        VitrailException.require(maxImages > 0, "--max-images must be at least 1, found %d", maxImages);
        VitrailException.require(
                rollout.equals("mean") || rollout.equals("sharp"), "--rollout is mean or sharp, found '%s'", rollout);
        var chosen = Figure.parse(figures.orElse("all"));
        AtomicFile.requireWritable(out);
        tables.ifPresent(folder -> AtomicFile.requireWritable(folder.resolve("filters.csv")));
        var files = sample();
        try (var loaded = models.load();
                var other = Other.load(against)) {
            var inspector = Inspector.of(loaded);
            if (figures.isPresent() && !figures.get().equals("all")) {
                requireApplicable(inspector, chosen, files.isEmpty());
            }
            var inspection = inspect(inspector, other, chosen, files);
            AtomicFile.write(out, InspectPage.html(inspection));
            tables.ifPresent(folder -> InspectTables.write(inspection, folder));
            if (json) {
                JsonOutput.print(InspectJson.of(inspection));
            } else {
                inspection
                        .photos()
                        .forEach(photo -> System.out.println(photo.name() + ": "
                                + photo.explanations().get(0).sentence()));
                inspection.behavior().ifPresent(behavior -> System.out.println("Health: " + behavior.verdict()));
                System.out.println("The page is " + PathNames.text(out));
            }
        }
        return 0;
    }

    /** The other model of {@code --against}, if there is one. */
    private record Other(Optional<LoadedModel> loaded) implements AutoCloseable {
        static Other load(Optional<String> name) {
            return new Other(name.map(other -> LoadedModel.load(other, LoadOptions.DEFAULT)));
        }

        @Override
        public void close() {
            loaded.ifPresent(LoadedModel::close);
        }
    }

    private static void requireApplicable(Inspector inspector, Iterable<Figure> chosen, boolean noImages) {
        for (var figure : chosen) {
            inspector.reason(figure).ifPresent(reason -> {
                throw VitrailException.of(
                        "figure %s (%s) does not apply to this model: %s", figure.letter(), figure.title(), reason);
            });
            VitrailException.require(
                    !noImages || figure.ofWeights(),
                    "figure %s (%s) needs images: name files or folders of them",
                    figure.letter(),
                    figure.title());
        }
    }

    private Inspection inspect(Inspector inspector, Other other, Set<Figure> chosen, List<Path> files) {
        var loaded = inspector.loaded();
        var photos = new ArrayList<Inspection.Photo>();
        var behavior = Optional.<Behavior>empty();
        if (!files.isEmpty()) {
            loaded.requireClassifier();
            var asked = target.map(name -> index(loaded, name));
            var measured = other.loaded
                    .map(Inspector::of)
                    .map(inspector::behaviorAgainst)
                    .orElseGet(inspector::behavior);
            var options = new Inspector.Options(
                    rollout.equals("sharp") ? Rollout.Options.SHARP : Rollout.Options.DEFAULT,
                    camLayer,
                    !noScores && chosen.contains(Figure.FAITHFULNESS),
                    seed);
            int read = 0;
            try (var bar = new ProgressBar()) {
                for (int from = 0; from < files.size(); from += BATCH) {
                    int to = Math.min(files.size(), from + BATCH);
                    var batch = decoded(files.subList(from, to), files.size() == 1);
                    read += batch.size();
                    if (!batch.isEmpty()) {
                        measured.add(List.copyOf(batch.values()));
                    }
                    bar.show("images", to, files.size(), "");
                    for (var image : batch.entrySet()) {
                        if (photos.size() == EXPLAINED) {
                            break;
                        }
                        photos.add(photo(inspector, image.getKey(), image.getValue(), asked, options));
                        bar.show("explained", photos.size(), Math.min(EXPLAINED, files.size()), "");
                    }
                }
            }
            VitrailException.require(read > 0, "none of the %d images could be read", files.size());
            behavior = Optional.of(measured);
        }
        return new Inspection(inspector, chosen, photos, behavior, against, command());
    }

    /** Images by file, in order; broken ones are told and left out, except one that is alone. */
    private Map<Path, RgbImage> decoded(List<Path> files, boolean alone) {
        var images = new LinkedHashMap<Path, RgbImage>();
        for (var file : files) {
            try {
                images.put(file, ImageDecoder.decode(file, decoding.options()));
            } catch (VitrailException e) {
                if (alone) {
                    throw e;
                }
                LOG.warn("{} is left out: {}", PathNames.text(file), e.getMessage());
            }
        }
        return images;
    }

    private static Inspection.Photo photo(
            Inspector inspector, Path file, RgbImage image, Optional<Integer> asked, Inspector.Options options) {
        var probabilities = inspector.probabilities(image);
        int first = asked.orElse(top(probabilities, -1));
        int second = top(probabilities, first);
        var explanations = new ArrayList<Explanation>();
        explanations.add(inspector.explain(image, OptionalInt.of(first), options));
        if (second != first) {
            var unscored = new Inspector.Options(options.rollout(), options.camLayer(), false, options.seed());
            explanations.add(inspector.explain(image, OptionalInt.of(second), unscored));
        }
        return new Inspection.Photo(PathNames.text(file), inspector.seen(image), explanations);
    }

    /** The most probable class but one; that one if there is no other. */
    private static int top(float[] probabilities, int without) {
        int best = -1;
        for (int c = 0; c < probabilities.length; c++) {
            if (c != without && (best < 0 || probabilities[c] > probabilities[best])) {
                best = c;
            }
        }
        return best < 0 ? without : best;
    }

    /** The class of an index, a name or a synset. */
    private static int index(LoadedModel loaded, String name) {
        int classes = loaded.model().config().classes();
        if (name.matches("\\d{1,9}")) {
            int index = Integer.parseInt(name);
            VitrailException.require(
                    index < classes,
                    "the model has %d classes, 0 to %d, found --class %d",
                    classes,
                    classes - 1,
                    index);
            return index;
        }
        var found = loaded.classNames().map(names -> names.indexOf(name)).orElse(OptionalInt.empty());
        return found.orElseThrow(() -> VitrailException.of(
                loaded.labels().isEmpty()
                        ? "the model names no classes, so --class takes an index from 0 to %3$d, found '%1$s'"
                        : "the model has no class '%1$s': the nearest are %2$s",
                name,
                String.join(", ", Names.nearest(name, loaded.labels(), 3)),
                classes - 1));
    }

    /** The images, or a seeded sample of them. */
    private List<Path> sample() {
        ImageInputs.requireImages(paths);
        var chosen = new ArrayList<Path>();
        long seen = 0;
        var random = new SplittableRandom(seed);
        try (var listing = new ImageListing(paths.iterator())) {
            while (listing.hasNext()) {
                var entry = listing.next();
                entry.fault().ifPresent(fault -> {
                    throw VitrailException.of("%s cannot be read: %s", PathNames.text(entry.path()), fault);
                });
                seen++;
                long place = chosen.size() < maxImages ? chosen.size() : random.nextLong(seen);
                if (place == chosen.size()) {
                    chosen.add(entry.path());
                } else if (place < maxImages) {
                    chosen.set((int) place, entry.path());
                }
            }
        }
        if (seen > chosen.size()) {
            LOG.info("{} of {} images were sampled (--max-images, seed {})", chosen.size(), seen, seed);
        }
        return chosen;
    }

    private String command() {
        var images = paths.stream().map(PathNames::text).collect(Collectors.joining(" "));
        return "vitrail inspect --model %s%s%s --rollout %s --max-images %d --seed %d%s %s"
                .formatted(
                        models.name(),
                        target.map(name -> " --class '" + name + "'").orElse(""),
                        against.map(name -> " --against " + name).orElse(""),
                        rollout,
                        maxImages,
                        seed,
                        noScores ? " --no-scores" : "",
                        images)
                .trim();
    }
}
