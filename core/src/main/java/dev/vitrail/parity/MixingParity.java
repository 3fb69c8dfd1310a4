package dev.vitrail.parity;

import com.fasterxml.jackson.databind.JsonNode;
import dev.vitrail.engine.Tensor;
import dev.vitrail.images.Region;
import dev.vitrail.train.Mixing;
import dev.vitrail.train.Mixing.Mix;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** Mixup and CutMix with given shares and rectangles. */
final class MixingParity {
    private static final double TOLERANCE = 2e-6;

    private MixingParity() {}

    static void run(GoldenCase golden, Outcome.Collector outcome) {
        var labels = golden.tensor("labels");
        int count = (int) labels.count();
        int classes = golden.json().path("num_classes").asInt();
        for (var target : golden.json().path("targets")) {
            var mixes = Collections.nCopies(count, Mix.over(target.path("lam").asDouble()));
            double smoothing = target.path("smoothing").asDouble();
            check(
                    outcome,
                    golden,
                    "soft_target/" + target.path("i").asInt(),
                    Mixing.targets(labels, mixes, classes, smoothing));
        }
        for (var job : golden.json().path("mixes")) {
            var images = golden.tensor("input");
            var mixes = Collections.nCopies(count, mix(job, images));
            Mixing.mix(images, mixes);
            int i = job.path("i").asInt();
            check(outcome, golden, "mixed/" + i, images);
            double smoothing = job.path("smoothing").asDouble();
            check(outcome, golden, "mixed_target/" + i, Mixing.targets(labels, mixes, classes, smoothing));
        }
        var images = golden.tensor("input");
        List<Mix> mixes = new ArrayList<>();
        for (float share : golden.floats("elem_lam")) {
            mixes.add(Mix.over(share));
        }
        Mixing.mix(images, mixes);
        check(outcome, golden, "elem_mixed", images);
        check(outcome, golden, "elem_target", Mixing.targets(labels, mixes, classes, 0));
    }

    private static Mix mix(JsonNode job, Tensor images) {
        var box = job.path("bbox_yl_yh_xl_xh");
        if (!box.isArray()) {
            return Mix.over(job.path("lam").asDouble());
        }
        int top = box.path(0).asInt();
        int left = box.path(2).asInt();
        var patch =
                new Region(left, top, box.path(3).asInt() - left, box.path(1).asInt() - top);
        return Mix.patch(patch, (int) images.size(2), (int) images.size(3));
    }

    private static void check(Outcome.Collector outcome, GoldenCase golden, String name, Tensor found) {
        outcome.check("mixing_error", name, Difference.of(found.toFloats(), golden.floats(name)), TOLERANCE, TOLERANCE);
    }
}
