package dev.vitrail.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.jna.Native;
import com.sun.jna.Pointer;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.images.Preprocessing;
import dev.vitrail.images.RgbImage;
import dev.vitrail.images.decode.DecodeOptions;
import dev.vitrail.loading.LoadOptions;
import dev.vitrail.loading.LoadedModel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Streams whose items are asked for on the consumer's thread; those of files are tested by the commands. */
final class ImageStreamTest {
    private static Preprocessing preprocessing;
    private static SampleTransform transform;

    @BeforeAll
    static void load() {
        try (var loaded = LoadedModel.load("vit_mini_patch4_gap_32", LoadOptions.DEFAULT)) {
            preprocessing = loaded.preprocessing();
            transform = Transforms.evaluation(preprocessing);
        }
    }

    /** An image of one level; multiples of five cannot be read. */
    private static RgbImage decode(int item, DecodeOptions decoding) {
        if (item % 5 == 0) {
            throw VitrailException.of("%d is broken", item);
        }
        var pixels = new byte[3 * 32 * 32];
        Arrays.fill(pixels, (byte) item);
        return new RgbImage(32, 32, pixels);
    }

    private static ImageStreamOptions options(int batch, boolean strict) {
        return new ImageStreamOptions(batch, DecodeOptions.DEFAULT, strict, 2);
    }

    private static Iterator<Integer> items(int count, Set<Thread> askedOn) {
        return IntStream.range(0, count)
                .peek(item -> askedOn.add(Thread.currentThread()))
                .iterator();
    }

    private static float first(RgbImage image) {
        var values = new float[3 * 32 * 32];
        preprocessing.toFloats(image, values, 0);
        return values[0];
    }

    @Test
    void batchesComeInOrderWithTheItemsThatCannotBeRead() {
        var memory = new ImageStream.Memory(transform, 4);
        for (int count : new int[] {0, 1, 4, 5, 8, 23}) {
            var threads = new HashSet<Thread>();
            var seen = new ArrayList<Integer>();
            try (var stream = ImageStream.onCallersThread(
                    items(count, threads), ImageStreamTest::decode, transform, options(4, false), memory)) {
                while (stream.hasNext()) {
                    var images = stream.next();
                    int read = 0;
                    for (int i = 0; i < images.items().size(); i++) {
                        int item = images.items().get(i);
                        seen.add(item);
                        assertThat(images.faults().get(i))
                                .isEqualTo(item % 5 == 0 ? Optional.of(item + " is broken") : Optional.empty());
                        if (item % 5 != 0) {
                            assertThat(images.batch().pixels().get(3 * 32 * 32 * read++))
                                    .isEqualTo(first(decode(item, DecodeOptions.DEFAULT)));
                        }
                    }
                    assertThat(images.batch().size()).isEqualTo(read);
                }
            }
            assertThat(seen).isEqualTo(IntStream.range(0, count).boxed().toList());
            assertThat(threads).isSubsetOf(Thread.currentThread());
        }
    }

    @Test
    void theFirstBatchesOfFilesAreSmall() {
        var missing = Stream.generate(() -> new ImageListing.Entry(Path.of("x.png"), Optional.of("not there")))
                .limit(40)
                .iterator();
        var sizes = new ArrayList<Integer>();
        try (var stream = ImageStream.ofFiles(missing, transform, options(16, false))) {
            while (stream.hasNext()) {
                sizes.add(stream.next().items().size());
            }
        }
        assertThat(sizes).containsExactly(2, 4, 8, 16, 10);
    }

    @Test
    void streamsTakeMemoryFromEachOther() {
        var memory = new ImageStream.Memory(transform, 4);
        var buffers = new HashSet<Long>();
        for (int i = 0; i < 5; i++) {
            try (var stream = ImageStream.onCallersThread(
                    items(40, new HashSet<>()), ImageStreamTest::decode, transform, options(4, false), memory)) {
                while (stream.hasNext()) {
                    buffers.add(Pointer.nativeValue(
                            Native.getDirectBufferPointer(stream.next().batch().bytes())));
                }
            }
        }
        assertThat(buffers).hasSize(2);
        assertThat(memory.bytesOfStream()).isEqualTo(2 * 4 * 3 * 32 * 32 * 4);
    }

    @Test
    void aStreamThatIsClosedInTheMiddleLeavesNoMemoryThatIsWrittenTo() {
        var memory = new ImageStream.Memory(transform, 4);
        for (int i = 0; i < 20; i++) {
            try (var stream = ImageStream.onCallersThread(
                    items(40, new HashSet<>()), ImageStreamTest::decode, transform, options(4, false), memory)) {
                assertThat(stream.hasNext()).isTrue();
                stream.next();
            }
            float found = memory.with(
                    decode(99, DecodeOptions.DEFAULT), batch -> batch.pixels().get(0));
            assertThat(found).isEqualTo(first(decode(99, DecodeOptions.DEFAULT)));
        }
    }

    @Test
    void aStrictStreamEndsWithTheSentence() {
        try (var stream = ImageStream.onCallersThread(
                List.of(1, 5).iterator(),
                ImageStreamTest::decode,
                transform,
                options(4, true),
                new ImageStream.Memory(transform, 4))) {
            assertThat(stream.hasNext()).isTrue();
            assertThatThrownBy(stream::next)
                    .isInstanceOf(VitrailException.class)
                    .hasMessage("5 is broken");
        }
    }
}
