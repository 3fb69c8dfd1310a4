package dev.vitrail.engine;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What has no storage gets the shapes, and counts the work, of what has. */
class FunctionalOnMetaTest {
    private static Tensor empty(Device device, long... shape) {
        return Tensor.empty(DType.F32, device, shape);
    }

    private static Tensor images(Device device) {
        return empty(device, 2, 6, 9, 7);
    }

    private static Tensor heads(Device device, long tokens) {
        return empty(device, 2, 3, tokens, 8);
    }

    private static long[] pair(long rows, long columns) {
        return new long[] {rows, columns};
    }

    /** The operators, each on operands of the given device. */
    enum Operator {
        LINEAR {
            @Override
            Tensor on(Device device) {
                return Functional.linear(empty(device, 2, 20, 5), empty(device, 7, 5), empty(device, 7));
            }
        },
        LINEAR_OF_FEW_ROWS {
            @Override
            Tensor on(Device device) {
                return Functional.linear(empty(device, 3, 5), empty(device, 7, 5), null);
            }
        },
        CONV {
            @Override
            Tensor on(Device device) {
                return Functional.conv2d(
                        images(device), empty(device, 4, 3, 4, 3), empty(device, 4), pair(3, 2), pair(2, 1), 2);
            }
        },
        MATMUL {
            @Override
            Tensor on(Device device) {
                return empty(device, 2, 1, 4, 5).matmul(empty(device, 3, 5, 6));
            }
        },
        ATTENTION {
            @Override
            Tensor on(Device device) {
                return Functional.attention(heads(device, 5), heads(device, 9), heads(device, 9), null, 0, 0.3);
            }
        },
        MASKED_ATTENTION {
            @Override
            Tensor on(Device device) {
                var mask = empty(device, 1, 3, 5, 9);
                return Functional.attention(heads(device, 5), heads(device, 9), heads(device, 9), mask, 0, 0.3);
            }
        },
        LAYER_NORM {
            @Override
            Tensor on(Device device) {
                return Functional.layerNorm(empty(device, 2, 3, 5), empty(device, 5), empty(device, 5), 1e-6);
            }
        },
        GROUP_NORM {
            @Override
            Tensor on(Device device) {
                return Functional.groupNorm(images(device), 3, empty(device, 6), empty(device, 6), 1e-6);
            }
        },
        BATCH_NORM {
            @Override
            Tensor on(Device device) {
                var each = empty(device, 6);
                return Functional.batchNorm(images(device), each, each, each, each, false, 0.1, 1e-5);
            }
        },
        GELU {
            @Override
            Tensor on(Device device) {
                return Functional.geluTanh(Functional.gelu(images(device)));
            }
        },
        GELU_IN_PLACE {
            @Override
            Tensor on(Device device) {
                return Functional.geluTanhInPlace(Functional.geluInPlace(images(device)));
            }
        },
        SIMPLE_NON_LINEARITIES {
            @Override
            Tensor on(Device device) {
                return Functional.reluInPlace(
                        Functional.relu(Functional.silu(Functional.sigmoid(Functional.tanh(images(device))))));
            }
        },
        SOFTMAX {
            @Override
            Tensor on(Device device) {
                return Functional.logSoftmax(Functional.softmax(images(device), -1), 1);
            }
        },
        UNFOLD {
            @Override
            Tensor on(Device device) {
                return Functional.unfold(images(device), 3, 2, 1);
            }
        },
        PAD {
            @Override
            Tensor on(Device device) {
                return Functional.pad(images(device), 0, 1, 2, 0, 3);
            }
        },
        MAX_POOL {
            @Override
            Tensor on(Device device) {
                return Functional.maxPool2d(images(device), 3, 2, 1);
            }
        },
        AVERAGE_POOL {
            @Override
            Tensor on(Device device) {
                return Functional.averagePool2d(images(device), 2, 2, 0, true, false);
            }
        },
        RESIZE {
            @Override
            Tensor on(Device device) {
                return Functional.resize(images(device), 5, 11, Functional.Resize.BICUBIC, false);
            }
        },
        RESIZE_WITH_ANTIALIAS {
            @Override
            Tensor on(Device device) {
                return Functional.resize(images(device), 5, 11, Functional.Resize.BILINEAR, true);
            }
        },
        GLOBAL_AVERAGE {
            @Override
            Tensor on(Device device) {
                return Functional.globalAverage(images(device));
            }
        },
        WINDOWS {
            @Override
            Tensor on(Device device) {
                return images(device)
                        .roll(pair(-1, -1), pair(2, 3))
                        .narrow(2, 0, 8)
                        .narrow(3, 0, 6)
                        .reshape(2, 6, 2, 4, 2, 3)
                        .permute(0, 2, 4, 3, 5, 1)
                        .mean(false, 1)
                        .max(false, 1);
            }
        },
        SELECTION {
            @Override
            Tensor on(Device device) {
                return images(device)
                        .indexSelect(1, Tensors.count(4).to(device))
                        .repeat(1, 2, 1, 1);
            }
        },
        MASK {
            @Override
            Tensor on(Device device) {
                var x = images(device);
                return Tensor.cat(
                        1, x.maskedFill(x.greaterThan(1), 0), x.power(2).exp().atLeast(0));
            }
        };

        abstract Tensor on(Device device);
    }

    @ParameterizedTest
    @EnumSource
    void givesTheSameShapeForTheSameWork(Operator operator) {
        Frame.run(() -> {
            var real = new Tensor[1];
            var work = FlopCounter.of(() -> real[0] = operator.on(Device.CPU));
            var meta = new Tensor[1];
            assertThat(FlopCounter.of(() -> meta[0] = operator.on(Device.META))).isEqualTo(work);
            assertThat(meta[0].shape()).isEqualTo(real[0].shape());
            assertThat(meta[0].device()).isEqualTo(Device.META);
        });
    }
}
