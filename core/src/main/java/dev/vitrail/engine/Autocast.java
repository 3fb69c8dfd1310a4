package dev.vitrail.engine;

import dev.vitrail.errors.VitrailException;
import java.util.Optional;
import java.util.Set;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.DeviceType;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Mixed precision on this thread, until closed: products of matrices, convolutions and attention are computed in a
 * half-precision type, and what needs the range or the digits (sums of losses, softmax on a GPU) in F32 (Micikevicius
 * et al., 2018, arXiv:1710.03740). Parameters remain F32, and so do their gradients.
 *
 * <p>The forward pass belongs inside; the backward pass, which takes each operation's type from the
 * forward pass, outside:
 *
 * <pre>{@code
 * Tensor loss;
 * try (var autocast = Autocast.open(Device.Type.CPU, DType.BF16)) {
 *     loss = Losses.crossEntropy(model.apply(images), target, 0);
 * }
 * loss.backward();
 * }</pre>
 *
 * <p>F16 has so small a range that gradients vanish in it unless the loss is scaled up ({@code train.GradScaler});
 * BF16 has F32's.
 */
public final class Autocast implements AutoCloseable {
    /** Linux's names of the instructions, of x86 and of ARM. */
    private static final Set<String> BF16_FEATURES = Set.of("avx512_bf16", "amx_bf16", "bf16");

    private final Setting before;

    private Autocast(Setting setting) {
        Natives.load();
        before = Setting.of(setting.device);
        setting.apply();
        torch.increment_nesting();
    }

    /**
     * Turns mixed precision on.
     *
     * @param device that computes
     * @param dtype BF16, or F16 on a GPU
     */
    public static Autocast open(Device.Type device, DType dtype) {
        boolean possible =
                switch (device) {
                    case CPU -> dtype == DType.BF16;
                    case CUDA -> dtype == DType.BF16 || dtype == DType.F16;
                    case META -> false;
                };
        VitrailException.require(
                possible,
                "mixed precision in %s is not supported on %s: a CPU computes in BF16, a GPU in BF16 or F16",
                dtype,
                device);
        return new Autocast(new Setting(device, true, dtype.scalarType));
    }

    /**
     * Requires a processor on which BF16 is not slower than F32.
     *
     * @throws VitrailException where libtorch has no kernels for it, with how much slower a training step was
     *     measured to be
     */
    public static void requireFastBf16() {
        slowBf16(Products.choice(), Processor.read()).ifPresent(reason -> {
            throw VitrailException.of(
                    "precision bf16 is slower than f32 on this CPU: %s; set precision to f32, or use a GPU", reason);
        });
    }

    /** Reason that BF16 is slow; empty where it is fast, or where the system does not tell the processor's features. */
    static Optional<String> slowBf16(Products.Choice products, Processor processor) {
        if (processor.features().isEmpty()) {
            return Optional.empty();
        }
        if (processor.features().stream().noneMatch(BF16_FEATURES::contains)) {
            return Optional.of(
                    "it has no instructions for bf16 (avx512_bf16, AMX), and a forward pass of ViT-Ti took 7 times as"
                            + " long");
        }
        return products.backend() == Products.Backend.BLAS
                        && !processor.features().contains("bf16")
                ? Optional.of("oneDNN, which has the kernels for it, is not trusted here, and a step of ViT-Ti took 22"
                        + " times as long ('vitrail system' tells why)")
                : Optional.empty();
    }

    /** Precision setting of this thread at present; {@link Setting#open} sets it again, on any thread. */
    static Setting present(Device.Type device) {
        return Setting.of(device);
    }

    /** State of mixed precision on a device: on or off, and its type. */
    record Setting(Device.Type device, boolean enabled, ScalarType type) {
        private static Setting of(Device.Type device) {
            return new Setting(
                    device,
                    torch.is_autocast_enabled(deviceType(device)),
                    torch.get_autocast_dtype(deviceType(device)));
        }

        Autocast open() {
            return new Autocast(this);
        }

        private void apply() {
            torch.set_autocast_enabled(deviceType(device), enabled);
            torch.set_autocast_dtype(deviceType(device), type);
        }

        private static DeviceType deviceType(Device.Type device) {
            return device == Device.Type.CUDA ? DeviceType.CUDA : DeviceType.CPU;
        }
    }

    @Override
    public void close() {
        if (torch.decrement_nesting() == 0) {
            torch.clear_cache(); // weights that were converted once for several uses
        }
        before.apply();
    }
}
