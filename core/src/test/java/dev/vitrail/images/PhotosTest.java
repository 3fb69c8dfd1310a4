package dev.vitrail.images;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.vitrail.images.decode.DecodeOptions;
import dev.vitrail.images.decode.ImageDecoder;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

/** Real photographs: all of them can be read, and how fast. */
class PhotosTest {
    private static final Path DATA =
            Path.of(Optional.ofNullable(System.getenv("VITRAIL_TEST_DATA")).orElse("../../shared/data"));

    @Test
    void everyPhotoBecomesAnInput() throws IOException {
        var folder = DATA.resolve("imagenet_sample");
        assumeTrue(Files.isDirectory(folder), "skipped: no photos in " + folder + ", set VITRAIL_TEST_DATA");
        var input = Preprocessing.of(224, 0.9, Interpolation.BICUBIC, Normalization.INCEPTION);
        var values = new float[input.values()];
        var threads = ManagementFactory.getThreadMXBean();
        long decoding = 0;
        long resizing = 0;
        var files = files(folder);
        assertThat(files).hasSize(500);
        for (var file : files) {
            var bytes = Files.readAllBytes(file);
            long start = threads.getCurrentThreadCpuTime();
            var image = ImageDecoder.decode(bytes, file.toString(), DecodeOptions.DEFAULT);
            long decoded = threads.getCurrentThreadCpuTime();
            input.toFloats(image, values, 0);
            resizing += threads.getCurrentThreadCpuTime() - decoded;
            decoding += decoded - start;
            assertThat(values[values.length / 2]).isBetween(-1f, 1f);
        }
        LoggerFactory.getLogger(PhotosTest.class)
                .info(
                        "decoding {} photos/CPU-s, decoding, resizing and cropping to 224 {} photos/CPU-s",
                        Math.round(files.size() * 1e9 / decoding),
                        Math.round(files.size() * 1e9 / (decoding + resizing)));
    }

    @Test
    void oddFilesOfAFolderAsInLife() throws IOException {
        var folder = DATA.resolve("hymenoptera/train/ants");
        assumeTrue(Files.isDirectory(folder), "skipped: no photos in " + folder + ", set VITRAIL_TEST_DATA");
        for (var file : files(folder)) {
            assertThat(ImageDecoder.decode(file).pixels()).isNotEmpty();
        }
    }

    private static List<Path> files(Path folder) throws IOException {
        try (var found = Files.list(folder)) {
            return new ArrayList<>(found.sorted().toList());
        }
    }
}
