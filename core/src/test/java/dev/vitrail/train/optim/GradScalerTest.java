package dev.vitrail.train.optim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vitrail.engine.Device;
import dev.vitrail.engine.Frame;
import dev.vitrail.engine.Gradients;
import dev.vitrail.engine.Tensor;
import dev.vitrail.errors.VitrailException;
import dev.vitrail.train.Fixture;
import java.util.List;
import org.junit.jupiter.api.Test;

class GradScalerTest {
    private static final GradScaler.Settings QUICK = new GradScaler.Settings(8, 2, 0.5, 3);

    /** One step with a gradient of that value: whether it was to be made. */
    private static boolean step(GradScaler scaler, float value) {
        try (var frame = Frame.open()) {
            boolean finite = scaler.unscale(List.of(Tensor.of(new float[] {1, value}, 2)));
            scaler.update();
            return finite;
        }
    }

    @Test
    void gradientsKeepTheirSize() {
        try (var scaler = new GradScaler(QUICK, Device.CPU);
                var frame = Frame.open();
                var on = Gradients.on()) {
            var x = Tensor.of(new float[] {3, 4}, 2).requireGradient(true);
            scaler.scaled(x.times(x).sum()).backward();
            assertThat(x.gradient().toFloats()).containsExactly(48, 64);
            assertThat(scaler.unscale(List.of(x.gradient()))).isTrue();
            assertThat(x.gradient().toFloats()).containsExactly(6, 8);
        }
    }

    @Test
    void aGradientThatIsBadAtEveryScaleIsNoOverflow() {
        try (var scaler = new GradScaler(QUICK, Device.CPU)) {
            for (double scale = 4; scale >= 0x1p-14; scale /= 2) {
                assertThat(scaler.lower()).isTrue();
                assertThat(scaler.scale()).isEqualTo(scale);
            }
            assertThat(scaler.lower()).isFalse();
            assertThat(scaler.scale()).isEqualTo(0x1p-14);
            assertThat(step(scaler, 1)).isTrue();
        }
    }

    @Test
    void growsAfterEnoughGoodStepsAndShrinksAfterABadOne() {
        try (var scaler = new GradScaler(QUICK, Device.CPU)) {
            assertThat(step(scaler, 1)).isTrue();
            assertThat(step(scaler, 1)).isTrue();
            assertThat(scaler.scale()).isEqualTo(8);
            assertThat(step(scaler, 1)).isTrue();
            assertThat(scaler.scale()).isEqualTo(16);
            assertThat(step(scaler, 1)).isTrue();
            assertThat(step(scaler, Float.POSITIVE_INFINITY)).isFalse();
            assertThat(scaler.scale()).isEqualTo(8);
            assertThat(step(scaler, Float.NaN)).isFalse();
            assertThat(scaler.scale()).isEqualTo(4);
            assertThat(step(scaler, 1)).as("an overflow is forgotten").isTrue();
        }
    }

    @Test
    void goesOnFromItsState() {
        try (var first = new GradScaler(QUICK, Device.CPU);
                var second = new GradScaler(QUICK, Device.CPU)) {
            step(first, Float.NaN);
            step(first, 1);
            step(first, 1);
            first.state()
                    .forEach((name, part) -> Fixture.of(second.state(), name).copyInPlace(part));
            step(second, 1);
            assertThat(second.scale()).isEqualTo(8);
        }
    }

    @Test
    void refusesWhatCannotBe() {
        assertThatThrownBy(() -> new GradScaler.Settings(8, 1, 0.5, 3))
                .isInstanceOf(VitrailException.class)
                .hasMessageContaining("growth above 1");
    }
}
