package dev.vitrail.train;

import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.Tensor;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.models.Model;
import java.util.List;

/**
 * A trained model, of any family, that another learns from (Touvron et al., 2021, arXiv:2012.12877, section 4).
 *
 * @param model in evaluation mode, so without dropout and with its running statistics; remains the caller's to close
 * @param how whether the student learns the teacher's class or its probabilities
 * @param alpha the teacher's share of the loss
 * @param temperature divides the logits of both where probabilities are learned
 */
public record Teacher(Model model, Losses.Distillation how, double alpha, double temperature) {
    public Teacher {
        VitrailException.require(
                alpha >= 0 && alpha <= 1 && temperature > 0,
                "a teacher's share must be in [0, 1] and the temperature positive, found %s and %s",
                alpha,
                temperature);
        model.train(false);
    }

    /**
     * The teacher's logits for the images that the student sees, augmented as they are. No gradient is recorded.
     *
     * @param images {@code [B, C, H, W]}
     * @return {@code [B, K]}
     */
    public Tensor logits(Tensor images) {
        try (var off = Gradients.off()) {
            return Frame.of(() -> model.apply(images));
        }
    }

    /**
     * The loss of a step.
     *
     * @param base the loss of the student's class logits against the true classes
     * @param heads what the student's {@link Model#trainingLogits} gave: the last is compared to the teacher, which is
     *     the distillation token's where there is one
     * @param images that the student was shown, {@code [B, C, H, W]}
     */
    public Tensor loss(Tensor base, List<Tensor> heads, Tensor images) {
        if (how == Losses.Distillation.NONE) {
            return base;
        }
        var student = heads.get(heads.size() - 1);
        var teacher = logits(images);
        VitrailException.require(
                student.size(1) == teacher.size(1),
                "the teacher tells %d classes apart and the student %d: give both the same classes",
                teacher.size(1),
                student.size(1));
        return Losses.distilled(base, how, student, teacher, alpha, temperature);
    }
}
