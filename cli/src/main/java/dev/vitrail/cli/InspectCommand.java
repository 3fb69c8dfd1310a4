package dev.vitrail.cli;

import dev.vitrail.data.ImageListing;
import dev.vitrail.engine.Device;
import dev.vitrail.errors.Names;
import dev.vitrail.errors.NotFiniteException;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.files.AtomicFile;
import dev.vitrail.files.PathNames;
import dev.vitrail.images.RgbImage;
import dev.vitrail.images.decode.ImageDecoder;
import dev.vitrail.inspect.Behavior;
import dev.vitrail.inspect.Cka;
import dev.vitrail.inspect.CkaOptions;
import dev.vitrail.inspect.ExplanationOptions;
import dev.vitrail.inspect.Figure;
import dev.vitrail.inspect.Inspection;
import dev.vitrail.inspect.InspectionBuilder;
import dev.vitrail.inspect.InspectionBuilder.Request;
import dev.vitrail.inspect.Inspector;
import dev.vitrail.inspect.RolloutOptions;
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
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Shows what a model has learned, and why it decided so. */
@Command(
        name = "inspect",
        description = {
            "Shows what a model has learned, why it decided so, and which explanation to trust, as one HTML page.",
            "Without images: filters, positions and other figures of the weights. With images: explanations with "
                    + "scores, and figures of behavior over all of them."
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

    private static final Pattern MOST_PROBABLE = Pattern.compile("all:(\\d{1,4})");

    @Mixin
    private ModelOptions models = new ModelOptions();

    @Mixin
    private DecodingOptions decoding = new DecodingOptions();

    @Parameters(arity = "0..*", paramLabel = "IMAGE", description = "Image files, or folders of them.")
    private List<Path> paths = List.of();

    @Option(
            names = "--class",
            paramLabel = "C",
            description = "Class to explain: index, name or synset; all:N for the N most probable (default: all:2).")
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
            description = "Second model: maps side by side, and blocks compared with the first's (CKA).")
    private Optional<String> against = Optional.empty();

    @Option(
            names = "--cka",
            paramLabel = "HOW",
            defaultValue = "unit",
            description = "CKA: unit (each token by its norm), raw, or biased (raw, by centered Gram matrices).")
    private String cka = "unit";

    @Option(
            names = "--renormalise",
            description = "Divide rows of attention by their sums over patches for distances; tables have both.")
    private boolean renormalise;

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

    @Option(names = "--tables", paramLabel = "DIR", description = "Folder for each figure as CSV, .npy and PNG.")
    private Optional<Path> tables = Optional.empty();

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    @Spec
    @SuppressWarnings("NullAway.Init") // set by picocli
    private CommandSpec spec;

    @Override
    public Integer call() {
        VitrailException.require(maxImages > 0, "--max-images must be at least 1, found %d", maxImages);
        VitrailException.require(
                rollout.equals("mean") || rollout.equals("sharp"), "--rollout is mean or sharp, found '%s'", rollout);
        var chosen = Figure.parse(figures.orElse("all"));
        var explanations = ExplanationOptions.DEFAULT
                .withFigures(chosen)
                .withRollout(rollout.equals("sharp") ? RolloutOptions.SHARP : RolloutOptions.DEFAULT)
                .withCamLayer(camLayer)
                .withSeed(seed);
        var request = Request.DEFAULT
                .withSimilarity(similarity())
                .withRenormalized(renormalise)
                .withExplanations(noScores ? explanations.withoutScores() : explanations);
        AtomicFile.requireWritable(out);
        tables.ifPresent(folder -> AtomicFile.requireWritable(folder.resolve("filters.csv")));
        var images = sample();
        try (var loaded = models.load();
                var other = Other.load(against, models.device())) {
            var inspector = Inspector.of(loaded);
            if (figures.isPresent() && !figures.get().equals("all")) {
                requireApplicable(inspector, chosen, images.isEmpty());
            }
            var inspection = inspect(inspector, other, request, images);
            AtomicFile.write(out, InspectPage.html(inspection));
            var files = tables.map(folder -> InspectTables.write(inspection, folder))
                    .orElse(Map.of());
            if (json) {
                JsonOutput.print(InspectJson.of(inspection, files, seed));
            } else {
                inspection
                        .photos()
                        .forEach(photo -> System.out.println(photo.name() + ": "
                                + photo.explanations().get(0).sentence()));
                inspection
                        .behavior()
                        .map(Behavior::verdict)
                        .filter(verdict -> !verdict.isEmpty())
                        .ifPresent(verdict -> System.out.println("Health: " + verdict));
                System.out.println("The page is " + PathNames.text(out));
            }
        } catch (NotFiniteException e) {
            throw new VitrailException(e.getMessage(), e); // weights that cannot be inspected are bad input here
        }
        return 0;
    }

    /** The other model of {@code --against}, if there is one. */
    private record Other(Optional<LoadedModel> loaded) implements AutoCloseable {
        static Other load(Optional<String> name, Device device) {
            return new Other(name.map(other -> {
                var loaded = LoadedModel.load(other, LoadOptions.DEFAULT.withDevice(device));
                if (!loaded.pretrained()) {
                    loaded.close();
                    throw VitrailException.of(
                            "--against '%s' is an architecture without trained weights: name a folder, a weights file, "
                                    + "or published weights",
                            other);
                }
                return loaded;
            }));
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

    private CkaOptions similarity() {
        return switch (cka) {
            case "unit" -> CkaOptions.DEFAULT;
            case "raw" -> CkaOptions.RAW;
            case "biased" -> CkaOptions.BIASED;
            default -> throw VitrailException.of("--cka is unit, raw or biased, found '%s'", cka);
        };
    }

    private Inspection inspect(Inspector inspector, Other other, Request request, List<Path> files) {
        var second = other.loaded.map(Inspector::of);
        if (!files.isEmpty()) {
            inspector.loaded().requireClassifier();
            second.ifPresent(model -> model.loaded().requireClassifier());
        }
        var builder = new InspectionBuilder(inspector, second, classes(inspector.loaded(), request));
        boolean unbiased = request.similarity().unbiased();
        if (!unbiased && !files.isEmpty() && files.size() < Cka.FEW) {
            LOG.warn(
                    "biased CKA of {} images is near 1 whatever is compared: give {} or more, or leave out --cka "
                            + "biased",
                    files.size(),
                    Cka.FEW);
        }
        int batchSize = unbiased ? BATCH : Cka.FEW;
        int read = 0;
        try (var bar = new ProgressBar()) {
            // Without figures of behavior, no image is read beyond those that are explained.
            for (int from = 0;
                    from < files.size() && (builder.measures() || builder.explained() < EXPLAINED);
                    from += batchSize) {
                int to = Math.min(files.size(), from + batchSize);
                var batch = decoded(files.subList(from, to), files.size() == 1);
                read += batch.size();
                if (!batch.isEmpty()) {
                    builder.measure(List.copyOf(batch.values()));
                }
                if (builder.measures()) {
                    bar.show("images", to, files.size(), "");
                }
                for (var image : batch.entrySet()) {
                    if (builder.explained() == EXPLAINED) {
                        break;
                    }
                    builder.explain(PathNames.text(image.getKey()), image.getValue());
                    bar.show("explained", builder.explained(), Math.min(EXPLAINED, files.size()), "");
                }
            }
        }
        VitrailException.require(files.isEmpty() || read > 0, "none of the %d images could be read", files.size());
        return builder.build(command());
    }

    /** The request with the classes that --class names. */
    private Request classes(LoadedModel loaded, Request request) {
        if (target.isEmpty()) {
            return request;
        }
        var several = MOST_PROBABLE.matcher(target.get());
        if (!several.matches()) {
            return request.withTarget(index(loaded, target.get()));
        }
        int count = Integer.parseInt(several.group(1));
        VitrailException.require(count > 0, "--class all:N takes 1 class or more, found '%s'", target.get());
        return request.withClasses(count);
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
                if (chosen.size() < maxImages) {
                    chosen.add(entry.path());
                    continue;
                }
                long place = random.nextLong(seen);
                if (place < maxImages) {
                    chosen.set((int) place, entry.path());
                }
            }
        }
        if (seen > chosen.size()) {
            LOG.info("{} of {} images were sampled (--max-images, seed {})", chosen.size(), seen, seed);
        }
        return chosen;
    }

    /** The command that was given. */
    private String command() {
        return spec.commandLine().getParseResult().originalArgs().stream()
                .map(argument -> argument.matches("[\\w./:,=@%+-]+") ? argument : "'" + argument + "'")
                .collect(Collectors.joining(" ", "vitrail inspect ", ""))
                .strip();
    }
}
