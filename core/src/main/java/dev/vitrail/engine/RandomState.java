package dev.vitrail.engine;

import java.util.List;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Generator;
import org.bytedeco.pytorch.global.torch;

/**
 * The state of libtorch's random numbers, which initialisation, dropout and drop path draw from: the CPU's, and those
 * of a GPU where one is in use.
 *
 * <p>It can be seeded, saved as bytes and restored, so that a run that goes on draws what an uninterrupted
 * one would have.
 */
public final class RandomState {
    private RandomState() {}

    /** Starts the sequence that belongs to {@code seed}, on every device. */
    public static void seed(long seed) {
        Natives.load();
        torch.manual_seed(seed);
    }

    /** The CPU's present state, to be given to {@link #restore(byte[])}. */
    public static byte[] save() {
        return Frame.compute(() -> state(torch.getDefaultCPUGenerator()));
    }

    /** Goes on from a state that {@link #save} gave. */
    public static void restore(byte[] state) {
        Frame.run(() -> torch.getDefaultCPUGenerator().set_state(Tensor.of(state, state.length).handle));
    }

    /**
     * The states of all that an operation on a device may draw from: the CPU's, and on a GPU the device's own after it.
     * What concerns a GPU has not been run.
     */
    public static List<byte[]> save(Device device) {
        return Frame.compute(() -> generators(device).map(RandomState::state).toList());
    }

    /**
     * Goes on from states that {@link #save(Device)} gave, in their order; a device whose state is missing
     * keeps its own.
     */
    public static void restore(Device device, List<byte[]> states) {
        Frame.run(() -> {
            var generators = generators(device).toList();
            for (int i = 0; i < Math.min(states.size(), generators.size()); i++) {
                generators.get(i).set_state(Tensor.of(states.get(i), states.get(i).length).handle);
            }
        });
    }

    private static Stream<Generator> generators(Device device) {
        var own = torch.getDefaultCPUGenerator();
        return device.type() == Device.Type.CUDA
                ? Stream.of(own, torch.globalContext().defaultGenerator(device.handle()))
                : Stream.of(own);
    }

    private static byte[] state(Generator generator) {
        return new Tensor(generator.get_state()).toBytes();
    }
}
