package dev.vitrail.onnx;

import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.Tensor;
import dev.vitrail.images.Normalization;
import dev.vitrail.images.RgbImage;
import dev.vitrail.loading.LoadedModel;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** Runs a model and its exported graph on the same images. */
public final class OnnxCheck {
    /** The largest difference that is passed, as a share of the range of the outputs. */
    public static final double TOLERANCE = 1e-4;

    private OnnxCheck() {}

    /**
     * Result of comparing a model with its graph.
     *
     * @param batches sizes of the batches
     * @param sizes height and width of the images, pixels
     * @param difference largest absolute difference of an output
     * @param range largest output less the smallest
     */
    public record Result(List<Integer> batches, List<List<Integer>> sizes, double difference, double range) {
        /** Returns whether the two agree to {@link #TOLERANCE} of the range. */
        public boolean passed() {
            return difference <= TOLERANCE * range;
        }
    }

    /**
     * Compares a model with its graph on random pixels.
     *
     * @param loaded what was exported
     * @param file the graph
     * @param batches sizes of the batches to run
     * @param sizes height and width of the images to run
     */
    public static Result run(
            LoadedModel loaded, Path file, int threads, List<Integer> batches, List<List<Integer>> sizes) {
        double difference = 0, low = Double.POSITIVE_INFINITY, high = Double.NEGATIVE_INFINITY;
        try (var session = OnnxSession.open(file, threads)) {
            boolean levels = OnnxExport.LEVELS.equals(session.metadata().get(OnnxExport.INPUT));
            for (var size : sizes) {
                for (int batch : batches) {
                    var images = Images.random(
                            batch,
                            size.get(0),
                            size.get(1),
                            loaded.preprocessing().normalization());
                    var ours = images.run(loaded);
                    var theirs = levels ? images.runLevels(session) : images.run(session);
                    for (int i = 0; i < batch; i++) {
                        for (int k = 0; k < ours.get(i).length; k++) {
                            difference = Math.max(difference, Math.abs(ours.get(i)[k] - theirs.get(i)[k]));
                            low = Math.min(low, ours.get(i)[k]);
                            high = Math.max(high, ours.get(i)[k]);
                        }
                    }
                }
            }
        }
        return new Result(batches, sizes, difference, high - low);
    }

    /**
     * Images of random levels, smooth over blocks of pixels, as levels and as a network's input.
     *
     * @param levels {@code [B, H, W, C]}
     * @param normalized {@code [B, C, H, W]}
     */
    @SuppressWarnings("ArrayRecordComponent") // made and read here alone
    private record Images(int batch, int channels, int height, int width, byte[] levels, float[] normalized) {
        private static final int BLOCK = 8;

        static Images random(int batch, int height, int width, Normalization normalization) {
            var random = new Random(batch);
            int channels = normalization.channels(), pixels = height * width;
            var levels = new byte[batch * pixels * channels];
            var normalized = new float[batch * pixels * channels];
            for (int i = 0; i < batch; i++) {
                var rgb = new byte[pixels * 3];
                for (int p = 0; p < pixels; p++) {
                    int y = p / width, x = p % width;
                    for (int c = 0; c < 3; c++) {
                        boolean first = y % BLOCK == 0 && x % BLOCK == 0;
                        int corner = ((y / BLOCK * BLOCK) * width + x / BLOCK * BLOCK) * 3 + c;
                        rgb[p * 3 + c] = first ? (byte) random.nextInt(256) : rgb[corner];
                    }
                    for (int c = 0; c < channels; c++) {
                        levels[(i * pixels + p) * channels + c] = rgb[p * 3 + c];
                    }
                }
                normalization.toFloats(new RgbImage(width, height, rgb), normalized, i * pixels * channels);
            }
            return new Images(batch, channels, height, width, levels, normalized);
        }

        List<float[]> run(LoadedModel loaded) {
            return Frame.compute(() -> {
                try (var off = Gradients.off()) {
                    var logits = loaded.model().apply(Tensor.of(normalized, batch, channels, height, width));
                    var vectors = new ArrayList<float[]>();
                    for (int i = 0; i < batch; i++) {
                        vectors.add(logits.select(0, i).toFloats());
                    }
                    return vectors;
                }
            });
        }

        List<float[]> run(OnnxSession session) {
            return session.run(FloatBuffer.wrap(normalized), batch, channels, height, width);
        }

        List<float[]> runLevels(OnnxSession session) {
            var buffer = ByteBuffer.allocateDirect(levels.length).order(ByteOrder.nativeOrder());
            buffer.put(levels).flip();
            return session.run(buffer, batch, height, width, channels);
        }
    }
}
