package dev.vitrail.eval;

import dev.vitrail.data.Batch;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.Tensor;
import dev.vitrail.models.Model;
import java.util.function.Function;

/** Runs a model over batches without gradients. */
public final class Inference {
    private Inference() {}

    /**
     * Runs a model over a batch.
     *
     * @param body gets the images, {@code [N, C, H, W]} on the model's device; what it returns holds no tensor
     */
    public static <T> T of(Model model, Batch batch, Function<Tensor, T> body) {
        try (var frame = Frame.open();
                var off = Gradients.off()) {
            return body.apply(batch.images(model.device()));
        }
    }

    /** The vectors before the classifier, {@code [N, D]}; of class and distillation token the mean. */
    public static Tensor vectors(Model model, Tensor images) {
        var pooled = model.embed(images);
        return pooled.dims() == 3 ? pooled.mean(false, 1) : pooled;
    }
}
