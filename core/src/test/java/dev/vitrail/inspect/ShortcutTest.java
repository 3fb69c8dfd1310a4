package dev.vitrail.inspect;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vitrail.engine.Device;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Functional;
import dev.vitrail.engine.RandomState;
import dev.vitrail.engine.Tensor;
import dev.vitrail.models.Model;
import dev.vitrail.models.zoo.Catalog;
import dev.vitrail.train.optim.AdamW;
import dev.vitrail.train.optim.ParameterGroups;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** A model that learned a shortcut, a colored corner that one class has, is caught by its explanation. */
class ShortcutTest {
    private static final int SIDE = 32, CORNER = 8, BATCH = 16, STEPS = 60;

    /** Noise; images of class 1 have a bright upper left corner. */
    private static float[] images(int[] classes, Random random) {
        var pixels = new float[classes.length * 3 * SIDE * SIDE];
        for (int i = 0; i < pixels.length; i++) {
            int image = i / (3 * SIDE * SIDE), row = i / SIDE % SIDE, column = i % SIDE;
            boolean corner = classes[image] == 1 && row < CORNER && column < CORNER;
            pixels[i] = corner ? 2 : (float) (0.5 * random.nextGaussian());
        }
        return pixels;
    }

    private static Tensor batch(int[] classes, Random random) {
        return Tensor.of(images(classes, random), classes.length, 3, SIDE, SIDE);
    }

    private static Model trained() {
        var model = Catalog.get("vit_mini_patch4_32").config().withClasses(2).create();
        RandomState.seed(5);
        model.initialise(5, Device.CPU);
        model.train(true);
        var random = new Random(7);
        try (var optimizer = new AdamW(ParameterGroups.single(model, 0), AdamW.Settings.DEFAULT)) {
            for (int step = 0; step < STEPS; step++) {
                Frame.run(() -> {
                    var classes = new int[BATCH];
                    var targets = new long[BATCH];
                    for (int i = 0; i < BATCH; i++) {
                        classes[i] = i % 2;
                        targets[i] = classes[i];
                    }
                    Functional.crossEntropy(model.apply(batch(classes, random)), Tensor.of(targets, BATCH), 0)
                            .backward();
                    optimizer.step(1e-3);
                    optimizer.zeroGradients();
                });
            }
        }
        model.train(false);
        return model;
    }

    @Test
    void relevancePointsAtTheCornerAndItsScoresSaySo() {
        try (var model = trained();
                var frame = Frame.open()) {
            var image = batch(new int[] {1}, new Random(11));
            var relevance = Relevance.of(model, image, new int[] {1}).get(0);
            var order = relevance.order();
            int cells = CORNER * relevance.width() / SIDE;
            assertThat(order[0] / relevance.width())
                    .as("row of the most relevant cell")
                    .isLessThan(cells);
            assertThat(order[0] % relevance.width()).as("its column").isLessThan(cells);
            var removal = new CellRemoval(model, image, 1, relevance.height(), relevance.width());
            assertThat(removal.whole()).isGreaterThan(0.9);
            assertThat(removal.score(relevance).score())
                    .isGreaterThan(removal.random(5, 0).score() + 0.1);
        }
    }
}
