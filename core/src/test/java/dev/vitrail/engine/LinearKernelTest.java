package dev.vitrail.engine;

import static dev.vitrail.engine.LinearKernel.BLAS;
import static dev.vitrail.engine.LinearKernel.CONVOLUTION;
import static dev.vitrail.engine.LinearKernel.PACKED;
import static dev.vitrail.engine.LinearKernel.PLAIN;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vitrail.engine.LinearKernel.Product;
import dev.vitrail.engine.Products.Backend;
import dev.vitrail.engine.Products.Choice;
import org.junit.jupiter.api.Test;

class LinearKernelTest {
    private static final Choice ONEDNN = new Choice(Backend.ONEDNN, false, "");
    private static final Choice TRAINS_ON_BLAS = new Choice(Backend.ONEDNN, true, "");
    private static final Choice ON_BLAS = new Choice(Backend.BLAS, true, "");

    private static Product inference(long rows, long in, long out) {
        return new Product(rows, in, out, true, false, false, true);
    }

    private static Product training(long rows, long in, long out) {
        return new Product(rows, in, out, true, false, true, true);
    }

    @Test
    void inferenceKeepsWeightsInOneDnnsLayoutFromAMillionMultiplicationsOn() {
        assertThat(LinearKernel.of(inference(197, 192, 768), ONEDNN, 2)).isEqualTo(PACKED);
        assertThat(LinearKernel.of(inference(1, 192, 1000), ONEDNN, 2)).isEqualTo(PLAIN);
        assertThat(LinearKernel.of(inference(2, 768, 1000), ONEDNN, 2)).isEqualTo(PACKED);
    }

    @Test
    void aWeightThatCannotBeKeptIsMultipliedAsAConvolution() {
        var fresh = new Product(197, 192, 768, true, false, false, false);
        assertThat(LinearKernel.of(fresh, ONEDNN, 2)).isEqualTo(CONVOLUTION);
    }

    @Test
    void productsThatLibtorchKeepsFromOneDnnArePlain() {
        assertThat(LinearKernel.of(training(106, 192, 64), ONEDNN, 2)).isEqualTo(PLAIN);
        assertThat(LinearKernel.of(training(107, 192, 64), ONEDNN, 2)).isEqualTo(CONVOLUTION);
    }

    @Test
    void trainingGoesToTheBlasWhereThatIsFaster() {
        assertThat(LinearKernel.of(training(6304, 192, 768), ONEDNN, 2)).isEqualTo(CONVOLUTION);
        assertThat(LinearKernel.of(training(6304, 192, 768), TRAINS_ON_BLAS, 2)).isEqualTo(BLAS);
        assertThat(LinearKernel.of(training(6304, 192, 768), TRAINS_ON_BLAS, 1)).isEqualTo(PLAIN);
        assertThat(LinearKernel.of(inference(6304, 192, 768), TRAINS_ON_BLAS, 2))
                .isEqualTo(PACKED);
    }

    @Test
    void nothingGoesToOneDnnWhereItIsNotTrusted() {
        for (int threads : new int[] {1, 2, 8}) {
            for (long rows : new long[] {1, 15, 16, 197, 6304}) {
                assertThat(LinearKernel.of(inference(rows, 768, 3072), ON_BLAS, threads))
                        .isIn(PLAIN, BLAS);
                assertThat(LinearKernel.of(training(rows, 768, 3072), ON_BLAS, threads))
                        .isIn(PLAIN, BLAS);
            }
        }
    }

    @Test
    void otherPrecisionsAndDevicesArePlain() {
        var half = new Product(197, 192, 768, false, false, false, true);
        assertThat(LinearKernel.of(half, ONEDNN, 2)).isEqualTo(PLAIN);
        var autocast = new Product(197, 192, 768, true, true, true, true);
        assertThat(LinearKernel.of(autocast, TRAINS_ON_BLAS, 2)).isEqualTo(CONVOLUTION);
        assertThat(LinearKernel.of(autocast, ON_BLAS, 2)).isEqualTo(PLAIN);
    }
}
