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
import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Set;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class LoaderTest {
    private static final SampleTransform TRANSFORM = new TestImages.IndexAndChance();

    private static Loader loader(Dataset set, LoaderOptions options) {
        return new Loader(set, TRANSFORM, Sampler.shuffled(set.size(), 3), options);
    }

    private static List<String> epoch(Dataset set, LoaderOptions options, int epoch, int first) {
        try (Loader loader = loader(set, options);
                Batches batches = loader.epoch(epoch, first)) {
            return TestImages.print(batches);
        }
    }

    @Test
    void batchesDoNotDependOnTheNumberOfWorkers() {
        Dataset set = new TestImages.Numbered(1000, 5, 77, 78, 500);
        for (OnBroken choice : List.of(OnBroken.REPLACE, OnBroken.LEAVE_OUT)) {
            LoaderOptions options = new LoaderOptions(32, 1, 1, false, choice, 9);
            List<String> alone = epoch(set, options, 2, 0);
            assertThat(alone).hasSize(32);
            assertThat(epoch(set, options.withWorkers(4), 2, 0)).isEqualTo(alone);
            assertThat(epoch(set, new LoaderOptions(32, 7, 5, false, choice, 9), 2, 0))
                    .isEqualTo(alone);
            assertThat(epoch(set, options, 3, 0)).isNotEqualTo(alone);
        }
    }

    @Test
    void augmentedImagesDoNotDependOnTheNumberOfWorkers() {
        var input = Preprocessing.imagenetDefault(16);
        var steps = List.of(
                new RandomResizedCrop(16),
                new RandomFlip(0.5, 0.5),
                new AugmentationSpec("rand-m9-n4-p1-mstd0.5-inc1").transform(AffineSettings.of(input)),
                new AugmentationSpec("augmix").transform(AffineSettings.of(input)),
                ColorJitter.of(0.4));
        var transform = Transforms.training(
                TrainingTransform.of(input, steps).withErasing(RandomErasing.of(0.5, RandomErasing.Mode.PIXEL, 2)));
        Dataset set = new StainedGlass(Split.TRAIN, 40, 5, StainedGlass.Difficulty.STANDARD);
        List<List<FloatBuffer>> found = new ArrayList<>();
        for (int workers : new int[] {1, 3}) {
            List<FloatBuffer> all = new ArrayList<>();
            Sampler sampler = Sampler.shuffled(set.size(), 3).repeated(2);
            LoaderOptions options = LoaderOptions.training(10, 9).withWorkers(workers);
            try (Loader loader = new Loader(set, transform, sampler, options);
                    Batches batches = loader.epoch(1)) {
                while (batches.hasNext()) {
                    FloatBuffer pixels = batches.next().pixels();
                    all.add(FloatBuffer.allocate(pixels.remaining()).put(pixels).flip());
                }
            }
            found.add(all);
        }
        assertThat(found.get(0)).hasSize(4).isEqualTo(found.get(1)).doesNotHaveDuplicates();
    }

    @Test
    void anEpochTakenUpInTheMiddleGoesOnAsItWouldHave() {
        TestImages.Numbered set = new TestImages.Numbered(1000, 5, 77, 78, 500);
        LoaderOptions options = LoaderOptions.training(32, 9).withWorkers(2);
        List<String> whole = epoch(set, options, 1, 0);
        assertThat(whole).hasSize(31);
        set.decoded.set(0);
        assertThat(epoch(set, options, 1, 20)).isEqualTo(whole.subList(20, 31));
        assertThat(set.decoded.get()).isBetween(11 * 32, 11 * 32 + 8);
        assertThat(epoch(set, options, 1, 31)).isEmpty();
        assertThatThrownBy(() -> epoch(set, options, 1, 32)).hasMessageContaining("31 batches");
    }

    @Test
    void everyImageComesOnceWithItsLabel() {
        Set<Integer> seen = new HashSet<>();
        try (Loader loader = loader(
                        new TestImages.Numbered(301),
                        LoaderOptions.evaluation(10).withWorkers(3));
                Batches batches = loader.epoch(0)) {
            assertThat(loader.batches()).isEqualTo(31);
            while (batches.hasNext()) {
                Batch batch = batches.next();
                FloatBuffer pixels = batch.pixels();
                for (int i = 0; i < batch.size(); i++) {
                    assertThat(pixels.get(2 * i)).isEqualTo(batch.indices()[i]);
                    assertThat(batch.labels()[i]).isEqualTo(batch.indices()[i] % 3);
                    seen.add(batch.indices()[i]);
                }
                assertThat(batch.bytes().isDirect()).isTrue();
                assertThat(batch.bytes().remaining()).isEqualTo(4 * 2 * batch.size());
            }
            assertThatThrownBy(batches::next).isInstanceOf(NoSuchElementException.class);
        }
        assertThat(seen).hasSize(301);
    }

    @Test
    void chanceBelongsToAPositionSoARepeatedImageIsAugmentedAnew() {
        Sampler twice = new Sampler() {
            @Override
            public int length() {
                return 8;
            }

            @Override
            public int[] order(int epoch) {
                return new int[] {0, 0, 1, 1, 2, 2, 3, 3};
            }
        };
        try (Loader loader = new Loader(new TestImages.Numbered(4), TRANSFORM, twice, LoaderOptions.training(8, 1));
                Batches batches = loader.epoch(0)) {
            Batch batch = batches.next();
            Set<Float> drawn = new HashSet<>();
            for (int i = 0; i < 8; i++) {
                drawn.add(batch.pixels().get(2 * i + 1));
            }
            assertThat(drawn).hasSize(8);
        }
    }

    @Test
    void forTrainingABrokenImageIsReplacedByTheNextAndReportedOnce() {
        Dataset set = new TestImages.Numbered(64, 10, 11, 40);
        List<BrokenImage> told = new ArrayList<>();
        LoaderOptions options = LoaderOptions.training(16, 0).withWorkers(2);
        try (Loader loader = new Loader(set, TRANSFORM, Sampler.sequential(64), options, told::add)) {
            for (int epoch = 0; epoch < 2; epoch++) {
                try (Batches batches = loader.epoch(epoch)) {
                    int[] expected = new int[16];
                    for (int i = 0; i < 16; i++) {
                        expected[i] = i == 10 || i == 11 ? 12 : i;
                    }
                    assertThat(batches.next().indices()).isEqualTo(expected);
                    assertThat(batches.next().size()).isEqualTo(16);
                    assertThat(batches.next().indices()).contains(41).doesNotContain(40);
                    assertThat(batches.next().size()).isEqualTo(16);
                    assertThat(batches.hasNext()).isFalse();
                }
            }
            assertThat(told)
                    .containsExactly(
                            new BrokenImage(10, "10.png", "image 10 is cut off"),
                            new BrokenImage(11, "11.png", "image 11 is cut off"),
                            new BrokenImage(40, "40.png", "image 40 is cut off"));
            assertThat(loader.broken()).isEqualTo(told);
        }
    }

    @Test
    void forEvaluationABrokenImageIsLeftOut() {
        Dataset set = new TestImages.Numbered(10, 0, 2, 4, 5, 6, 7, 9);
        try (Loader loader = new Loader(set, TRANSFORM, Sampler.sequential(10), LoaderOptions.evaluation(4));
                Batches batches = loader.epoch(0)) {
            // The batch of 4 to 7 has nothing left and does not appear.
            assertThat(TestImages.print(batches))
                    .allSatisfy(batch -> assertThat(batch).doesNotStartWith("1 "))
                    .hasSize(2)
                    .first()
                    .asString()
                    .contains("1:1:1.0:")
                    .contains("3:0:3.0:");
            assertThat(loader.broken()).hasSize(7);
        }
    }

    @Test
    void strictStopsAtABrokenImageInOrder() {
        Dataset set = new TestImages.Numbered(64, 20, 30);
        LoaderOptions options =
                LoaderOptions.training(8, 0).withOnBroken(OnBroken.FAIL).withWorkers(4);
        try (Loader loader = new Loader(set, TRANSFORM, Sampler.sequential(64), options);
                Batches batches = loader.epoch(0)) {
            batches.next();
            batches.next();
            assertThatThrownBy(batches::next)
                    .isInstanceOf(VitrailException.class)
                    .hasMessage("image 20 is cut off");
        }
    }

    @Test
    void saysSoIfNothingCanBeRead() {
        Dataset set = new TestImages.Numbered(3, 0, 1, 2);
        assertThatThrownBy(() -> epoch(set, LoaderOptions.training(2, 0), 0, 0))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("can be read; the first: image");
        assertThat(epoch(set, LoaderOptions.evaluation(2), 0, 0)).isEmpty();
    }

    @Test
    void aFaultOfTheProgramReachesTheConsumer() {
        SampleTransform faulty = new SampleTransform() {
            @Override
            public int height() {
                return 1;
            }

            @Override
            public int width() {
                return 1;
            }

            @Override
            public void apply(RgbImage image, RandomGenerator random, FloatBuffer pixels) {
                throw new ArithmeticException("a bug");
            }
        };
        try (Loader loader = new Loader(
                        new TestImages.Numbered(9), faulty, Sampler.sequential(9), LoaderOptions.training(3, 0));
                Batches batches = loader.epoch(0)) {
            assertThatThrownBy(batches::hasNext)
                    .isInstanceOf(IllegalStateException.class)
                    .hasRootCauseMessage("a bug");
        }
    }

    @Test
    void memoryIsUsedAgainAndThreadsEnd() throws InterruptedException {
        Set<Thread> before = Thread.getAllStackTraces().keySet();
        TestImages.Numbered set = new TestImages.Numbered(1000);
        LoaderOptions options = new LoaderOptions(10, 3, 2, true, OnBroken.REPLACE, 0);
        List<Thread> ours;
        try (Loader loader = loader(set, options);
                Batches batches = loader.epoch(0)) {
            ours = Thread.getAllStackTraces().keySet().stream()
                    .filter(thread ->
                            !before.contains(thread) && thread.getName().startsWith("vitrail-loader"))
                    .toList();
            batches.next();
            while (set.decoded.get() < 30) {
                Thread.sleep(5);
            }
            Thread.sleep(100);
            // One batch is held, two more may be ready, and no more is decoded.
            assertThat(set.decoded.get()).isEqualTo(30);
            ByteBuffer first = batches.next().bytes();
            float kept = first.duplicate().order(first.order()).getFloat(0);
            batches.next();
            batches.next();
            batches.next();
            assertThat(first.duplicate().order(first.order()).getFloat(0)).isNotEqualTo(kept);
        }
        assertThat(ours).hasSize(3).noneMatch(Thread::isAlive);
    }

    @Test
    void anotherEpochEndsTheOneBefore() {
        try (Loader loader = loader(new TestImages.Numbered(100), LoaderOptions.training(10, 0))) {
            Batches first = loader.epoch(0);
            first.next();
            Batches second = loader.epoch(1);
            assertThat(TestImages.print(second)).hasSize(10);
            assertThatThrownBy(first::next).isInstanceOf(IllegalStateException.class);
        }
    }

    @Test
    void refusesWhatCannotFillABatch() {
        assertThatThrownBy(() -> loader(new TestImages.Numbered(9), LoaderOptions.training(10, 0)))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("fewer than one batch of 10");
        assertThatThrownBy(() -> loader(new TestImages.Numbered(0), LoaderOptions.evaluation(10)))
                .hasMessageContaining("no images to load");
        assertThatThrownBy(() -> LoaderOptions.training(0, 0)).hasMessageContaining("at least 1");
    }
}
