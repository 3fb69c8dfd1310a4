package dev.vitrail.bench;

import com.sun.management.OperatingSystemMXBean;
import dev.vitrail.data.CacheLimit;
import dev.vitrail.data.Dataset;
import dev.vitrail.data.ImageCache;
import dev.vitrail.data.ImageFiles;
import dev.vitrail.data.Loader;
import dev.vitrail.data.LoaderOptions;
import dev.vitrail.data.Sampler;
import dev.vitrail.data.Transforms;
import dev.vitrail.images.Interpolation;
import dev.vitrail.images.Preprocessing;
import dev.vitrail.images.augment.AffineSettings;
import dev.vitrail.images.augment.AugmentationSpec;
import dev.vitrail.images.augment.ImageTransform;
import dev.vitrail.images.augment.RandomErasing;
import dev.vitrail.images.augment.RandomFlip;
import dev.vitrail.images.augment.RandomResizedCrop;
import dev.vitrail.images.augment.TrainingTransform;
import java.awt.RenderingHints;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Throughput of loading photographs for training, images per second of processor time, by the loader and by {@link
 * PlainImageIo}.
 *
 * <p>All chains take turns in one process, with as many threads as the machine has cores; the figure is the median over
 * the rounds of images divided by the processor time of the whole process, so that the collector's and the compiler's
 * share is counted too.
 */
final class LoadingPeers {
    private static final int SIZE = 224;
    private static final int BATCH = 32;
    private static final int GENERATED = 128;
    private static final int IMAGES = 512;
    private static final int WARM_UP = 2;
    private static final int ROUNDS = 7;
    private static final int THREADS = Runtime.getRuntime().availableProcessors();

    private LoadingPeers() {}

    /** Loads {@code images} images; the sum of some of their values, so that none is left undone. */
    private interface Chain {
        double run(int round) throws InterruptedException, ExecutionException;
    }

    public static void main(String[] arguments) throws Exception {
        var files = arguments.length > 0 ? files(Path.of(arguments[0])) : Photos.write(GENERATED);
        try {
            measure(files);
        } finally {
            if (arguments.length == 0) {
                Photos.delete(files);
            }
        }
    }

    private static List<Path> files(Path folder) throws IOException {
        try (var found = Files.walk(folder)) {
            return found.filter(ImageFiles::isImage).sorted().toList();
        }
    }

    private static void measure(List<Path> files) throws IOException, InterruptedException, ExecutionException {
        long bytes = 0;
        for (var file : files) {
            bytes += Files.size(file);
        }
        System.out.printf(
                Locale.ROOT,
                "%d photos, %d KB each on average; %d threads%n",
                files.size(),
                bytes / files.size() / 1000,
                THREADS);
        var input = Preprocessing.imagenetDefault(SIZE);
        Map<String, Chain> chains = new LinkedHashMap<>();
        chains.put("ImageIO + Graphics2D, bicubic", plain(files, input, RenderingHints.VALUE_INTERPOLATION_BICUBIC));
        chains.put("ImageIO + Graphics2D, bilinear", plain(files, input, RenderingHints.VALUE_INTERPOLATION_BILINEAR));
        var set = set(files);
        var simple = simple(input, Interpolation.BICUBIC);
        var cache = new ImageCache(CacheLimit.AUTO);
        var cached = cache.of(set);
        chains.put("Vitrail, crop and mirror", ours(set, simple));
        chains.put("Vitrail, crop and mirror, to a cache", toCache(set, simple));
        chains.put("Vitrail, crop and mirror, from it", ours(cached, simple));
        chains.put("Vitrail, crop and mirror, bilinear", ours(set, simple(input, Interpolation.BILINEAR)));
        chains.put("Vitrail, ImageNet recipe", ours(set, recipe(input)));
        chains.put("Vitrail, ImageNet recipe, to a cache", toCache(set, recipe(input)));
        chains.put("Vitrail, ImageNet recipe, from it", ours(cached, recipe(input)));
        var rates = new LinkedHashMap<String, List<Double>>();
        double sink = 0;
        for (int round = -WARM_UP; round < ROUNDS; round++) {
            for (var chain : chains.entrySet()) {
                long start = cpuNanos();
                sink += chain.getValue().run(round + WARM_UP);
                double rate = IMAGES / ((cpuNanos() - start) / 1e9);
                if (round >= 0) {
                    rates.computeIfAbsent(chain.getKey(), name -> new ArrayList<>())
                            .add(rate);
                }
            }
        }
        double first = Medians.of(rates.values().iterator().next());
        rates.forEach((name, measured) -> System.out.printf(
                Locale.ROOT,
                "%-38s %6.1f images per CPU-second  %5.2f ×%n",
                name,
                Medians.of(measured),
                Medians.of(measured) / first));
        System.out.printf(
                Locale.ROOT,
                "the cache has %d images, %d of %d MiB%n",
                cache.images(),
                cache.bytes() >> 20,
                cache.limit() >> 20);
        cache.close();
        System.out.printf(Locale.ROOT, "(%d rounds of %d images; check %.0f)%n", ROUNDS, IMAGES, sink);
    }

    private static long cpuNanos() {
        return ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime();
    }

    private static TrainingTransform simple(Preprocessing input, Interpolation interpolation) {
        return TrainingTransform.of(input, List.of(crop(interpolation), new RandomFlip(0.5, 0)));
    }

    /** timm's: {@code --aa rand-m9-mstd0.5-inc1 --reprob 0.25 --remode pixel}. */
    private static TrainingTransform recipe(Preprocessing input) {
        ImageTransform augmentation = new AugmentationSpec("rand-m9-mstd0.5-inc1")
                .transform(AffineSettings.of(input.normalization(), RandomResizedCrop.RANDOM_INTERPOLATION));
        return TrainingTransform.of(input, List.of(crop(Interpolation.BICUBIC), new RandomFlip(0.5, 0), augmentation))
                .withErasing(RandomErasing.of(0.25, RandomErasing.Mode.PIXEL, 1));
    }

    private static RandomResizedCrop crop(Interpolation interpolation) {
        return new RandomResizedCrop(
                SIZE, SIZE, RandomResizedCrop.DEFAULT_SCALE, RandomResizedCrop.DEFAULT_RATIO, List.of(interpolation));
    }

    /** The photos, some of them more than once. */
    private static Dataset set(List<Path> files) {
        var order = new ArrayList<Path>();
        for (int i = 0; i < IMAGES; i++) {
            order.add(files.get(i % files.size()));
        }
        return ImageFiles.unlabelled(Path.of(""), order);
    }

    /** A first epoch, which fills a cache. */
    private static Chain toCache(Dataset set, TrainingTransform transform) {
        return round -> {
            try (var cache = new ImageCache(CacheLimit.AUTO)) {
                return ours(cache.of(set), transform).run(round);
            }
        };
    }

    private static Chain ours(Dataset set, TrainingTransform transform) {
        var options = LoaderOptions.training(BATCH, 0).withWorkers(THREADS);
        return round -> {
            double sum = 0;
            try (var loader = new Loader(set, Transforms.training(transform), Sampler.sequential(IMAGES), options);
                    var batches = loader.epoch(round)) {
                while (batches.hasNext()) {
                    sum += batches.next().pixels().get(0);
                }
            }
            return sum;
        };
    }

    private static Chain plain(List<Path> files, Preprocessing input, Object interpolation) {
        var chain = new PlainImageIo(SIZE, interpolation, input.normalization());
        return round -> {
            var next = new AtomicInteger();
            var threads = Executors.newFixedThreadPool(THREADS);
            try {
                List<Future<Double>> sums = new ArrayList<>();
                for (int thread = 0; thread < THREADS; thread++) {
                    sums.add(threads.submit(() -> {
                        var values = new float[input.values()];
                        double sum = 0;
                        for (int i = next.getAndIncrement(); i < IMAGES; i = next.getAndIncrement()) {
                            chain.load(
                                    files.get(i % files.size()),
                                    new SplittableRandom((long) round * IMAGES + i),
                                    values);
                            sum += values[0];
                        }
                        return sum;
                    }));
                }
                double sum = 0;
                for (var part : sums) {
                    sum += part.get();
                }
                return sum;
            } finally {
                threads.shutdown();
            }
        };
    }
}
