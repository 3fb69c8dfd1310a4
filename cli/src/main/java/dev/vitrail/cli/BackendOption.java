package dev.vitrail.cli;

import dev.vitrail.engine.Threads;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.loading.LoadedModel;
import dev.vitrail.onnx.OnnxModel;
import java.util.Locale;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Option;

/** Option that chooses the runtime of the class scores. */
final class BackendOption {
    private static final Logger LOG = LoggerFactory.getLogger(BackendOption.class);

    enum Backend {
        LIBTORCH,
        ONNX,
        ONNX_INT8,
        AUTO;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT).replace('_', '-');
        }
    }

    @Option(
            names = "--backend",
            defaultValue = "libtorch",
            paramLabel = "NAME",
            description = "Runtime: libtorch (default), onnx, onnx-int8 (linear layers in eight bits), or auto (onnx if"
                    + " measured to agree and be faster).")
    private Backend backend = Backend.LIBTORCH;

    /** Returns whether the model runs in libtorch whatever is measured. */
    boolean isTorch() {
        return backend == Backend.LIBTORCH;
    }

    /** Returns whether class scores are computed in eight bits, so that accuracy has to be measured. */
    boolean quantized() {
        return backend == Backend.ONNX_INT8;
    }

    /**
     * The model on the chosen runtime.
     *
     * @param batch images of a batch
     * @return a model to close in place of {@code loaded}
     */
    LoadedModel applyTo(LoadedModel loaded, int batch) {
        try {
            return switch (backend) {
                case LIBTORCH -> loaded;
                case ONNX -> OnnxModel.of(loaded, Threads.count());
                case ONNX_INT8 -> OnnxModel.int8(loaded, Threads.count());
                case AUTO -> faster(loaded, batch);
            };
        } catch (VitrailException e) {
            loaded.close();
            throw e;
        }
    }

    private static LoadedModel faster(LoadedModel loaded, int batch) {
        var measured = OnnxModel.compare(loaded, Threads.count(), batch);
        LOG.info(String.format(
                Locale.ROOT,
                "backend %s: a batch of %d takes %.1f ms in libtorch and %.1f ms in ONNX Runtime, and the class scores"
                        + " differ by %.1g of their range",
                measured.prefersOnnx() ? "onnx" : "libtorch",
                batch,
                measured.libtorch(),
                measured.onnx(),
                measured.check().difference() / measured.check().range()));
        return measured.prefersOnnx() ? OnnxModel.of(loaded, Threads.count()) : loaded;
    }
}
