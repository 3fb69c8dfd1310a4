package dev.vitrail.bench;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import dev.vitrail.data.Batch;
import dev.vitrail.eval.Inference;
import dev.vitrail.loading.LoadOptions;
import dev.vitrail.loading.LoadedModel;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.LongSupplier;

/**
 * One side of {@link InferencePeers}, a process of its own, so that its memory can be told and its threads disturb
 * nobody. It says the first class scores, and then for each line that it reads how many milliseconds some passes took:
 * images in, class scores out, as arrays of Java.
 */
final class InferencePeer {
    /** Time to warm up in, and what a round takes about, in seconds. */
    private static final double WARM_UP = 2, ROUND = 1;

    private static final int SIDE = 224, FIRST = 8;

    private InferencePeer() {}

    private interface Pass extends AutoCloseable {
        float[] run();

        @Override
        void close();
    }

    /** Arguments: {@code vitrail} or {@code onnx}, the ONNX file, images in a batch, threads. */
    public static void main(String[] arguments) throws IOException, OrtException {
        var file = Path.of(arguments[1]);
        int batch = Integer.parseInt(arguments[2]);
        int threads = Integer.parseInt(arguments[3]);
        var input = new StepInput(batch, SIDE, SIDE, 1);
        var images =
                ByteBuffer.allocateDirect(Float.BYTES * input.images().length).order(ByteOrder.nativeOrder());
        images.asFloatBuffer().put(input.images());
        try (var pass = arguments[0].equals("onnx")
                        ? new OnnxPass(file, images, batch, threads)
                        : new VitrailPass(file, images, batch);
                var lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
            var scores = pass.run();
            // Before the first numbers, for which the other side waits: two that warm up at once take each other's
            // cores.
            warmUp(pass);
            System.out.println(said(Arrays.copyOf(scores, Math.min(FIRST, scores.length))));
            while (lines.readLine() != null) {
                // Threads that have gone to sleep meanwhile are awake afterwards.
                pass.run();
                System.out.println(round(pass, threads));
            }
        }
    }

    private static void warmUp(Pass pass) {
        long start = System.nanoTime();
        do {
            pass.run();
        } while (System.nanoTime() - start < WARM_UP * 1e9);
    }

    /**
     * Runs the pass for a round and gives its times, milliseconds: processor time with one computing thread, as other
     * work on the machine disturbs it least; else wall time.
     */
    private static String round(Pass pass, int threads) {
        LongSupplier clock =
                threads == 1 ? ManagementFactory.getThreadMXBean()::getCurrentThreadCpuTime : System::nanoTime;
        var times = new StringBuilder();
        long begin = System.nanoTime();
        do {
            long start = clock.getAsLong();
            pass.run();
            times.append(String.format(Locale.ROOT, "%.3f ", (clock.getAsLong() - start) / 1e6));
        } while (System.nanoTime() - begin < ROUND * 1e9);
        return times.toString();
    }

    private static String said(float[] values) {
        var text = new StringBuilder();
        for (float value : values) {
            text.append(value).append(' ');
        }
        return text.toString();
    }

    /**
     * A model of the catalogue that is called as the file is, with the weights beside the file where there are some.
     */
    private static final class VitrailPass implements Pass {
        private final LoadedModel loaded;
        private final Batch batch;

        VitrailPass(Path file, ByteBuffer images, int count) {
            batch = new Batch(0, count, 3, SIDE, SIDE, images, new int[count], new int[count]);
            var name = InferencePeers.model(file);
            var weights = InferencePeers.weights(file);
            var options = LoadOptions.DEFAULT;
            loaded = Files.exists(weights)
                    ? LoadedModel.load(weights.toString(), options.withArchitecture(Optional.of(name)))
                    : LoadedModel.load(name, options);
            loaded.model().keepWeightsOnce();
        }

        @Override
        public float[] run() {
            return Inference.floats(loaded.model(), batch, loaded.model()::apply);
        }

        @Override
        public void close() {
            loaded.close();
        }
    }

    private static final class OnnxPass implements Pass {
        private final OrtSession session;
        private final OnnxTensor input;
        private final String name;

        OnnxPass(Path file, ByteBuffer images, int batch, int threads) throws OrtException {
            var environment = OrtEnvironment.getEnvironment();
            try (var options = new OrtSession.SessionOptions()) {
                options.setIntraOpNumThreads(threads);
                session = environment.createSession(file.toString(), options);
            }
            input = OnnxTensor.createTensor(environment, images.asFloatBuffer(), new long[] {batch, 3, SIDE, SIDE});
            name = session.getInputNames().iterator().next();
        }

        @Override
        public float[] run() {
            try (var result = session.run(Map.of(name, input))) {
                var scores = ((OnnxTensor) result.get(0)).getFloatBuffer();
                var values = new float[scores.remaining()];
                scores.get(values);
                return values;
            } catch (OrtException e) {
                throw new IllegalStateException(e);
            }
        }

        @Override
        public void close() {
            try {
                input.close();
                session.close();
            } catch (OrtException e) {
                throw new IllegalStateException(e);
            }
        }
    }
}
