package dev.vitrail.onnx;

import ai.onnxruntime.OnnxJavaType;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import dev.vitrail.errors.VitrailException;
import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * A graph that ONNX Runtime runs on the processor, with one input, images, and one output, a vector for each of them.
 * It may be used from several threads.
 */
public final class OnnxSession implements AutoCloseable {
    private final OrtSession session;
    private final String input;

    private OnnxSession(OrtSession session) {
        this.session = session;
        input = session.getInputNames().iterator().next();
    }

    /**
     * Loads a graph.
     *
     * @param threads of one run
     * @throws VitrailException if ONNX Runtime cannot load it
     */
    public static OnnxSession open(Path file, int threads) {
        try (var options = new OrtSession.SessionOptions()) {
            options.setIntraOpNumThreads(threads);
            return new OnnxSession(OrtEnvironment.getEnvironment().createSession(file.toString(), options));
        } catch (OrtException e) {
            throw new VitrailException("ONNX Runtime cannot load %s: %s".formatted(file, e.getMessage()), e);
        }
    }

    /** Metadata that the exporter noted of the model, by its keys. */
    public Map<String, String> metadata() {
        try {
            return session.getMetadata().getCustomMetadata();
        } catch (OrtException e) {
            throw failed(e);
        }
    }

    /**
     * Runs normalized images.
     *
     * @param images {@code [B, C, H, W]}, from the buffer's position on
     * @return a vector for each image
     */
    public List<float[]> run(FloatBuffer images, long... shape) {
        try (var tensor = OnnxTensor.createTensor(OrtEnvironment.getEnvironment(), images, shape)) {
            return run(tensor);
        } catch (OrtException e) {
            throw failed(e);
        }
    }

    /**
     * Runs levels 0–255, for a graph that normalizes them itself.
     *
     * @param images uint8 {@code [B, H, W, C]}
     * @return a vector for each image
     */
    public List<float[]> run(ByteBuffer images, long... shape) {
        try (var tensor = OnnxTensor.createTensor(OrtEnvironment.getEnvironment(), images, shape, OnnxJavaType.UINT8)) {
            return run(tensor);
        } catch (OrtException e) {
            throw failed(e);
        }
    }

    private List<float[]> run(OnnxTensor images) throws OrtException {
        try (var results = session.run(Map.of(input, images))) {
            var output = (OnnxTensor) results.get(0); // closed with the results
            int rows = Math.toIntExact(output.getInfo().getShape()[0]);
            var values = output.getFloatBuffer();
            var vectors = new ArrayList<float[]>(rows);
            for (int i = 0; i < rows; i++) {
                var vector = new float[values.capacity() / rows];
                values.get(vector);
                vectors.add(vector);
            }
            return vectors;
        }
    }

    private static VitrailException failed(OrtException e) {
        return new VitrailException("ONNX Runtime cannot run the graph: " + e.getMessage(), e);
    }

    @Override
    public void close() {
        try {
            session.close();
        } catch (OrtException e) {
            throw new IllegalStateException(e); // it only fails where it is closed already
        }
    }
}
