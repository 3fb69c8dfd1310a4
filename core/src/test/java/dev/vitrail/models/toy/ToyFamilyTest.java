package dev.vitrail.models.toy;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vitrail.engine.Device;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Functional;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.Tensor;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * What a family has to write to be one: {@link Toy} sees the packages that every family sees, and the zoo alone would
 * name it. All that users ask of a model works on it.
 */
class ToyFamilyTest {
    private static final int EMBEDDING = 0, HEAD = 3;

    @Test
    void aFamilyInOneFileIsAllThatAModelIs() {
        var variant = Toy.FAMILY.variants().get(0);
        var model = variant.create();
        try (var frame = Frame.open()) {
            model.initialise(1, Device.CPU);
            assertThat(model.apply(Tensor.randn(2, 3, 32, 32)).shape()).containsExactly(2, 10);
            assertThat(model.embed(Tensor.randn(2, 3, 32, 32)).shape()).containsExactly(2, 24);
            assertThat(model.featureMaps(Tensor.randn(2, 3, 32, 32), List.of(-1))
                            .get(0)
                            .map()
                            .shape())
                    .containsExactly(2, 24, 4, 4);
            assertThat(model.cost().multiplyAccumulates()).isPositive();
            assertThat(model.layer("patch_embed.proj.weight")).isEqualTo(EMBEDDING);
            assertThat(model.layer("head.weight")).isEqualTo(HEAD);
            model.resetClassifier(7);
            model.initialise(1, Device.CPU);
            assertThat(model.config().classes()).isEqualTo(7);
            try (var on = Gradients.on()) {
                Functional.crossEntropy(model.apply(Tensor.randn(2, 3, 32, 32)), Tensor.of(new long[] {0, 6}, 2), 0)
                        .backward();
            }
            model.parameters()
                    .forEach((name, parameter) ->
                            assertThat(parameter.value().hasGradient()).as(name).isTrue());
            var gray = model.withChannels(1).model();
            assertThat(gray.apply(Tensor.randn(2, 1, 32, 32)).shape()).containsExactly(2, 7);
            var large = gray.withImage(64, 32).model();
            assertThat(large.apply(Tensor.randn(2, 1, 64, 32)).shape()).containsExactly(2, 7);
            large.close();
        }
    }
}
