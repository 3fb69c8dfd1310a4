package dev.vitrail.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.vitrail.data.Batch;
import dev.vitrail.engine.DType;
import dev.vitrail.engine.Device;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Functional;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.RandomState;
import dev.vitrail.engine.Tensor;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.models.Model;
import dev.vitrail.models.vit.ViTConfig;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class EvaluationTest {
    private static Batch batch(int number, int... labels) {
        int count = labels.length * 3 * 16 * 16;
        var bytes = ByteBuffer.allocateDirect(4 * count).order(ByteOrder.nativeOrder());
        var random = new Random(number);
        for (int i = 0; i < count; i++) {
            bytes.putFloat(4 * i, (float) random.nextGaussian());
        }
        return new Batch(number, labels.length, 3, 16, 16, bytes, labels, new int[labels.length]);
    }

    private static Model model() {
        var model = ViTConfig.of(16, 4, 24, 1, 3).withClasses(9).create();
        model.initialise(1, Device.CPU);
        RandomState.seed(8);
        var head = model.parameters().get("head.weight");
        if (head != null) {
            Frame.run(() -> head.assign(Tensor.randn(head.shape())));
        }
        return model;
    }

    @Test
    void countsAsTheLogitsRank() {
        try (var model = model()) {
            var batches = List.of(batch(0, 0, 1, 2, 3, 4, 5), batch(1, 6, 7, -1, 8));
            model.train(true);
            var found = Evaluation.of(model, batches.iterator());
            assertThat(model.training()).isTrue();
            model.train(false);
            int right = 0, among = 0;
            double nll = 0;
            for (var batch : batches) {
                try (var frame = Frame.open();
                        var off = Gradients.off()) {
                    var logits = model.apply(Tensor.of(batch.bytes(), DType.F32, batch.size(), 3, 16, 16));
                    var best = logits.topk(5).get(1).toLongs();
                    var likelihood = Functional.logSoftmax(logits, 1).toFloats();
                    for (int i = 0; i < batch.size(); i++) {
                        int label = batch.labels()[i];
                        for (int k = 0; label >= 0 && k < 5; k++) {
                            right += k == 0 && best[5 * i] == label ? 1 : 0;
                            among += best[5 * i + k] == label ? 1 : 0;
                        }
                        nll -= label < 0 ? 0 : likelihood[9 * i + label];
                    }
                }
            }
            assertThat(found.images()).isEqualTo(9);
            assertThat(found.correct1()).isEqualTo(right);
            assertThat(found.correct5()).isEqualTo(among).isBetween(1L, 8L);
            assertThat(found.nll()).isCloseTo(nll / 9, within(1e-5));
            assertThat(found.top5()).isCloseTo(among / 9.0, within(1e-12));
        }
    }

    @Test
    void aLabelThatIsNoClassIsRefused() {
        try (var model = model()) {
            assertThatThrownBy(
                            () -> Evaluation.of(model, List.of(batch(0, 3, 9)).iterator()))
                    .isInstanceOf(VitrailException.class)
                    .hasMessageContaining("label 9, but the model tells 9 classes apart (0 to 8)");
        }
    }
}
