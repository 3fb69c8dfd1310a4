package dev.vitrail.engine;

import org.bytedeco.pytorch.global.torch;

/**
 * The state of libtorch's CPU random numbers, which initialisation, dropout and drop path draw from.
 *
 * <p>It can be seeded, saved as bytes and restored, so that a run that goes on draws what an uninterrupted one would have.
 */
public final class RandomState {
    private RandomState() {}

    /** Starts the sequence that belongs to {@code seed}, on every device. */
    public static void seed(long seed) {
        Natives.load();
        torch.manual_seed(seed);
    }

    /** The present state, to be given to {@link #restore}. */
    public static byte[] save() {
        return Frame.compute(() -> {
            var state = torch.getDefaultCPUGenerator().get_state();
            return new Tensor(state).toBytes();
        });
    }

    /** Goes on from a state that {@link #save} gave. */
    public static void restore(byte[] state) {
        Frame.run(() -> torch.getDefaultCPUGenerator().set_state(Tensor.of(state, state.length).handle));
    }
}
