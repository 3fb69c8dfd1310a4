package dev.vitrail.bench;

import dev.vitrail.images.Interpolation;
import dev.vitrail.images.Preprocessing;
import dev.vitrail.images.Resampler;
import dev.vitrail.images.RgbImage;
import dev.vitrail.images.decode.DecodeOptions;
import dev.vitrail.images.decode.ImageDecoder;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** One photo of 500×375 pixels on its way to a network's input, on one thread. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 5, time = 2)
public class ImageBenchmark {
    private final byte[] file = file();
    private final RgbImage photo = decode();
    private final Preprocessing preprocessing = Preprocessing.imagenetDefault(224);
    private final float[] values = new float[preprocessing.values()];

    private static byte[] file() {
        var files = Photos.write(1);
        try {
            return Files.readAllBytes(files.get(0));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } finally {
            Photos.delete(files);
        }
    }

    /** JPEG to RGB. */
    @Benchmark
    public RgbImage decode() {
        return ImageDecoder.decode(file, "photo", DecodeOptions.DEFAULT);
    }

    /** 500×375 to 299×224, bicubic. */
    @Benchmark
    public RgbImage resize() {
        return Resampler.resize(photo, 299, 224, Interpolation.BICUBIC);
    }

    /** The evaluation's resize, crop and normalisation to 224×224. */
    @Benchmark
    public float[] preprocess() {
        preprocessing.toFloats(photo, values, 0);
        return values;
    }
}
