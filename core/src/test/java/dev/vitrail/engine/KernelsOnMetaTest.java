package dev.vitrail.engine;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What has no storage gets the shapes, and counts the work, of what has. */
class KernelsOnMetaTest {
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
                return Kernels.linear(empty(device, 2, 20, 5), empty(device, 7, 5), empty(device, 7));
            }
        },
        LINEAR_OF_FEW_ROWS {
            @Override
            Tensor on(Device device) {
                return Kernels.linear(empty(device, 3, 5), empty(device, 7, 5), null);
            }
        },
        CONV {
            @Override
            Tensor on(Device device) {
                return Kernels.conv2d(
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
                return Kernels.attention(heads(device, 5), heads(device, 9), heads(device, 9), null, 0, 0.3);
            }
        },
        MASKED_ATTENTION {
            @Override
            Tensor on(Device device) {
                var mask = empty(device, 1, 3, 5, 9);
                return Kernels.attention(heads(device, 5), heads(device, 9), heads(device, 9), mask, 0, 0.3);
            }
        },
        LAYER_NORM {
            @Override
            Tensor on(Device device) {
                return Kernels.layerNorm(empty(device, 2, 3, 5), empty(device, 5), empty(device, 5), 1e-6);
            }
        },
        GROUP_NORM {
            @Override
            Tensor on(Device device) {
                return Kernels.groupNorm(images(device), 3, empty(device, 6), empty(device, 6), 1e-6);
            }
        },
        BATCH_NORM {
            @Override
            Tensor on(Device device) {
                var each = empty(device, 6);
                return Kernels.batchNorm(images(device), each, each, each, each, false, 0.1, 1e-5);
            }
        },
        GELU {
            @Override
            Tensor on(Device device) {
                return Kernels.geluTanh(Kernels.gelu(images(device)));
            }
        },
        GELU_IN_PLACE {
            @Override
            Tensor on(Device device) {
                return Kernels.geluTanhInPlace(Kernels.geluInPlace(images(device)));
            }
        },
        SIMPLE_NON_LINEARITIES {
            @Override
            Tensor on(Device device) {
                return Kernels.reluInPlace(Kernels.relu(Kernels.silu(Kernels.sigmoid(Kernels.tanh(images(device))))));
            }
        },
        SOFTMAX {
            @Override
            Tensor on(Device device) {
                return Kernels.logSoftmax(Kernels.softmax(images(device), -1), 1);
            }
        },
        UNFOLD {
            @Override
            Tensor on(Device device) {
                return Kernels.unfold(images(device), 3, 2, 1);
            }
        },
        PAD {
            @Override
            Tensor on(Device device) {
                return Kernels.pad(images(device), 0, 1, 2, 0, 3);
            }
        },
        MAX_POOL {
            @Override
            Tensor on(Device device) {
                return Kernels.maxPool2d(images(device), 3, 2, 1);
            }
        },
        AVERAGE_POOL {
            @Override
            Tensor on(Device device) {
                return Kernels.averagePool2d(images(device), 2, 2, 0, true, false);
            }
        },
        RESIZE {
            @Override
            Tensor on(Device device) {
                return Kernels.resize(images(device), 5, 11, Kernels.Resize.BICUBIC, false);
            }
        },
        RESIZE_WITH_ANTIALIAS {
            @Override
            Tensor on(Device device) {
                return Kernels.resize(images(device), 5, 11, Kernels.Resize.BILINEAR, true);
            }
        },
        GLOBAL_AVERAGE {
            @Override
            Tensor on(Device device) {
                return Kernels.globalAverage(images(device));
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
            var work = Work.of(() -> real[0] = operator.on(Device.CPU));
            var meta = new Tensor[1];
            assertThat(Work.of(() -> meta[0] = operator.on(Device.META))).isEqualTo(work);
            assertThat(meta[0].shape()).isEqualTo(real[0].shape());
            assertThat(meta[0].device()).isEqualTo(Device.META);
        });
    }
}
