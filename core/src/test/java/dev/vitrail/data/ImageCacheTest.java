package dev.vitrail.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vitrail.data.Loader.OnBroken;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.images.Preprocessing;
import dev.vitrail.images.RgbImage;
import dev.vitrail.images.augment.AffineSettings;
import dev.vitrail.images.augment.AugmentationSpec;
import dev.vitrail.images.augment.ColorJitter;
import dev.vitrail.images.augment.RandomErasing;
import dev.vitrail.images.augment.RandomFlip;
import dev.vitrail.images.augment.RandomResizedCrop;
import dev.vitrail.images.augment.TrainingTransform;
import java.io.IOException;
import java.lang.ref.WeakReference;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class ImageCacheTest {
    private static final long PLENTY = 1L << 40;

    @TempDir
    @SuppressWarnings("NullAway.Init") // set by JUnit
    Path folder;

    private static ImageCache cache(long bytes) {
        return new ImageCache(bytes, () -> PLENTY, 0);
    }

    /** Images of noise, as a decoder would give them; some are broken. */
    private static final class Noise implements Dataset {
        final AtomicInteger decoded = new AtomicInteger();
        private final int size;
        private final int side;
        private final List<Integer> broken;

        Noise(int size, int side, Integer... broken) {
            this.size = size;
            this.side = side;
            this.broken = List.of(broken);
        }

        @Override
        public int size() {
            return size;
        }

        @Override
        public boolean decodes() {
            return true;
        }

        @Override
        public RgbImage image(int index) {
            decoded.incrementAndGet();
            if (broken.contains(index)) {
                throw VitrailException.of("image %d is cut off", index);
            }
            var pixels = new byte[3 * side * (side + 1)];
            new Random(index).nextBytes(pixels);
            return new RgbImage(side, side + 1, pixels);
        }

        @Override
        public int label(int index) {
            return index % 2;
        }

        @Override
        public List<String> classes() {
            return List.of("a", "b");
        }

        @Override
        public String name(int index) {
            return index + ".png";
        }

        @Override
        public String describe() {
            return "noise";
        }
    }

    /** In a process with a heap of 64 MiB: keeps what it can, and then needs most of the heap for something else. */
    public static void main(String[] arguments) {
        var set = new Noise(100, 400); // 48 MB
        try (var cache = cache(36 << 20)) {
            var cached = cache.of(set);
            for (int i = 0; i < 100; i++) {
                cached.image(i);
            }
            int before = cache.images();
            var other = new byte[44 << 20];
            boolean same = true;
            for (int i = 0; i < 100; i++) {
                same &= Arrays.equals(cached.image(i).pixels(), set.image(i).pixels());
            }
            System.out.printf("%d %d %s %d", before, cache.images(), same, other.length >> 20);
        }
    }

    @Test
    void itGivesWayBeforeTheHeapRunsOut() throws IOException, InterruptedException {
        var said = folder.resolve("said");
        var process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xmx64m",
                        "-XX:+UseG1GC",
                        "-cp",
                        System.getProperty("java.class.path"),
                        ImageCacheTest.class.getName())
                .redirectOutput(said.toFile())
                .redirectError(folder.resolve("errors").toFile())
                .start();
        assertThat(process.waitFor())
                .as(Files.readString(folder.resolve("errors")))
                .isZero();
        assertThat(said).hasContent("78 0 true 44");
    }

    /** Three epochs of training batches, with every augmentation that might change an image where it lies. */
    private static List<FloatBuffer> epochs(Dataset set, int workers, List<BrokenImage> told) {
        var input = Preprocessing.imagenetDefault(16);
        var steps = List.of(
                new RandomResizedCrop(16),
                new RandomFlip(0.5, 0.5),
                new AugmentationSpec("rand-m9-n4-p1-mstd0.5-inc1").transform(AffineSettings.of(input)),
                new AugmentationSpec("augmix").transform(AffineSettings.of(input)),
                ColorJitter.of(0.4));
        var transform = Transforms.training(
                TrainingTransform.of(input, steps).withErasing(RandomErasing.of(0.5, RandomErasing.Mode.PIXEL, 2)));
        var sampler = Sampler.shuffled(set.size(), 3).repeated(2);
        var options = LoaderOptions.training(10, 9).withWorkers(workers);
        List<FloatBuffer> all = new ArrayList<>();
        try (var loader = new Loader(set, transform, sampler, options, told::add)) {
            for (int epoch = 0; epoch < 3; epoch++) {
                try (var batches = loader.epoch(epoch)) {
                    while (batches.hasNext()) {
                        var pixels = batches.next().pixels();
                        all.add(FloatBuffer.allocate(pixels.remaining())
                                .put(pixels)
                                .flip());
                    }
                }
            }
        }
        return all;
    }

    @Test
    void batchesAreTheSameWithAndWithoutIt() throws IOException {
        new StainedGlass(Split.TRAIN, 40, 5, StainedGlass.Difficulty.STANDARD).write(folder, 40);
        try (var files = Files.walk(folder)) {
            Files.writeString(
                    files.filter(ImageFiles::isImage).sorted().toList().get(7), "no image");
        }
        var set = ImageFolder.open(folder);
        List<BrokenImage> told = new ArrayList<>();
        var without = epochs(set, 1, told);
        assertThat(told).hasSize(1);
        for (int workers : new int[] {1, 3}) {
            for (long limit : new long[] {PLENTY, 60_000}) { // all of them, and about half
                try (var cache = cache(limit)) {
                    List<BrokenImage> toldWith = new ArrayList<>();
                    assertThat(epochs(cache.of(set), workers, toldWith)).isEqualTo(without);
                    assertThat(toldWith).isEqualTo(told);
                    assertThat(cache.images()).isBetween(limit == PLENTY ? 30 : 10, limit == PLENTY ? 39 : 25);
                    assertThat(cache.bytes()).isLessThanOrEqualTo(limit);
                }
            }
        }
    }

    @Test
    void anImageIsDecodedOnceAndNoBrokenOneTwice() {
        var set = new Noise(20, 5, 3, 11);
        try (var cache = cache(PLENTY);
                var loader = new Loader(
                        cache.of(set),
                        new TestImages.IndexAndChance(),
                        Sampler.shuffled(20, 1),
                        new LoaderOptions(4, 3, 2, false, OnBroken.LEAVE_OUT, 0))) {
            for (int epoch = 0; epoch < 3; epoch++) {
                try (var batches = loader.epoch(epoch)) {
                    TestImages.print(batches);
                }
            }
            assertThat(set.decoded).hasValue(20);
            assertThat(loader.broken()).hasSize(2);
            assertThat(cache.images()).isEqualTo(18);
        }
    }

    @Test
    void largeImagesComeBackAsTheyWere() {
        // One piece, exactly one, one and a bit, several.
        for (int side : new int[] {1, 100, 295, 296, 700}) {
            var set = new Noise(3, side);
            try (var cache = cache(PLENTY)) {
                var cached = cache.of(set);
                for (int i = 0; i < 6; i++) {
                    var image = cached.image(i % 3);
                    assertThat(image.width()).isEqualTo(side);
                    assertThat(image.height()).isEqualTo(side + 1);
                    assertThat(image.pixels()).isEqualTo(set.image(i % 3).pixels());
                }
                assertThat(set.decoded).hasValue(3 + 6);
            }
        }
    }

    @Test
    void theFirstThatFitAreKeptAndTheLimitHolds() {
        var set = new Noise(10, 200);
        long each = 3 * 200 * 201;
        try (var cache = cache(5 * each)) { // each takes a little more than its pixels
            var cached = cache.of(set);
            for (int epoch = 0; epoch < 3; epoch++) {
                for (int i = 0; i < 10; i++) {
                    cached.image(i);
                }
            }
            assertThat(cache.images()).isEqualTo(4);
            assertThat(cache.bytes()).isBetween(4 * each, 4 * each + 1000).isLessThan(cache.limit());
            assertThat(set.decoded).hasValue(10 + 6 + 6);
        }
    }

    @Test
    void theLimitHoldsForManyThreadsAndBothParts() throws InterruptedException {
        var train = new Noise(200, 20);
        var validation = new Noise(200, 20);
        long each = 3 * 20 * 21;
        try (var cache = cache(100 * each)) {
            var sets = List.of(cache.of(train), cache.of(validation));
            var threads = new ArrayList<Thread>();
            for (int t = 0; t < 6; t++) {
                var set = sets.get(t % 2);
                var thread = new Thread(() -> {
                    for (int i = 0; i < 2000; i++) {
                        set.image(i % 200);
                    }
                });
                thread.start();
                threads.add(thread);
            }
            for (var thread : threads) {
                thread.join();
            }
            assertThat(cache.bytes()).isLessThanOrEqualTo(cache.limit());
            assertThat(cache.images()).isBetween(90, 100);
            assertThat(cache.bytes() % cache.images()).isZero(); // what did not fit was given back
        }
    }

    @Test
    void nothingMoreIsKeptWhereTheMachineIsShortOfMemory() {
        var set = new Noise(300, 200); // 36 MB
        var asked = new AtomicInteger();
        long mebibyte = 1 << 20;
        try (var cache = new ImageCache(
                PLENTY, () -> asked.getAndIncrement() == 0 ? 1000 * mebibyte : 110 * mebibyte, 100 * mebibyte)) {
            var cached = cache.of(set);
            for (int i = 0; i < 300; i++) {
                cached.image(i);
            }
            assertThat(asked).hasValue(2);
            assertThat(cache.bytes()).isBetween(16 * mebibyte, 17 * mebibyte);
            int kept = cache.images();
            cached.image(299);
            assertThat(cache.images()).isEqualTo(kept);
        }
    }

    @Test
    void whatCostsNothingIsNotKept() {
        try (var cache = cache(PLENTY);
                var none = cache(0)) {
            var glass = new StainedGlass(Split.TRAIN, 4, 5, StainedGlass.Difficulty.STANDARD);
            assertThat(cache.of(glass)).isSameAs(glass);
            var some = new Subset(glass, new int[] {1, 2}, "two");
            assertThat(cache.of(some)).isSameAs(some);
            var noise = new Noise(4, 5);
            assertThat(none.of(noise)).isSameAs(noise);
            assertThat(cache.of(new Subset(noise, new int[] {1, 2}, "two")).decodes())
                    .isFalse();
        }
    }

    @Test
    void allElseIsTheSets() throws IOException {
        TestImages.write(folder.resolve("a/1.png"), 1);
        TestImages.write(folder.resolve("b/2.png"), 2);
        var set = ImageFolder.open(folder);
        try (var cache = cache(PLENTY)) {
            var cached = cache.of(set);
            assertThat(Inventory.of(cached)).isEqualTo(Inventory.of(set));
            assertThat(cached.content(1)).isEqualTo(set.content(1));
            assertThat(cached.labels()).isEqualTo(set.labels());
            assertThat(cached.describe()).isEqualTo(set.describe());
            assertThat(cached.faults()).isEqualTo(DataProblems.NONE);
        }
    }

    @Test
    void closedItHoldsNothingAndImagesAreDecoded() throws InterruptedException {
        var set = new Noise(3, 5);
        var cache = cache(PLENTY);
        var cached = cache.of(set);
        var kept = new WeakReference<>(cached.image(0).pixels());
        assertThat(cached.image(0).pixels()).isSameAs(kept.get());
        cache.close();
        assertThat(cache.bytes()).isZero();
        assertThat(cache.images()).isZero();
        long end = System.nanoTime() + Duration.ofSeconds(20).toNanos();
        while (kept.get() != null && System.nanoTime() < end) {
            System.gc();
            Thread.sleep(10);
        }
        assertThat(kept.get()).isNull();
        assertThat(cached.image(0).pixels()).isEqualTo(set.image(0).pixels());
        assertThat(cache.images()).isZero();
        assertThat(cache.of(set)).isSameAs(set);
    }

    @Test
    void limitsAreReadAndCutToTheHeap() {
        for (var text : List.of("auto", "off", "1", "2000")) {
            assertThat(CacheLimit.parse(text)).hasToString(text);
        }
        assertThat(CacheLimit.parse("0")).isEqualTo(CacheLimit.OFF);
        for (var text : List.of("", "-1", "1.5", "true", "on", "9999999999")) {
            assertThatThrownBy(() -> CacheLimit.parse(text))
                    .isInstanceOf(VitrailException.class)
                    .hasMessageContaining("auto, off, or a number of MiB");
        }
        assertThat(ImageCache.bytes(CacheLimit.AUTO, 3000)).isEqualTo(1000);
        assertThat(ImageCache.bytes(CacheLimit.OFF, 3000)).isZero();
        assertThat(ImageCache.bytes(CacheLimit.of(1), 8 << 20)).isEqualTo(1 << 20);
        assertThat(ImageCache.bytes(CacheLimit.of(100), 8 << 20)).isEqualTo(4 << 20);
    }
}
