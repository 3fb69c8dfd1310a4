package dev.vitrail.inspect;

import dev.vitrail.engine.Tensor;
import dev.vitrail.inspect.ModelLayout.StemStage;
import dev.vitrail.models.Model;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The channels of a block's output for one image, as feature maps and by their health. Prefix tokens are left out.
 *
 * <p>With m the root mean square of the image's whole map, and per channel its peak {@code max |x|}, mean μ and
 * population std σ: a channel is dead where peak &lt; 0.01·m; flat where it is not dead and σ &lt; 0.1·|μ|; large where
 * |μ| &gt; 5·m. Yuan et al., <i>T2T-ViT</i>, 2021, arXiv:2101.11986, fig. 2, mark zero and too large values by eye; the
 * thresholds are ours.
 *
 * @param block its name, or {@code embedding}
 * @param states of all channels
 * @param maps of the first channels, at most {@link #SHOWN}
 */
@SuppressWarnings("ArrayRecordComponent") // the figures are plain arrays by design
public record ChannelHealth(String block, State[] states, List<GridMap> maps) {
    /** Channels that are kept as pictures. */
    public static final int SHOWN = 64;

    /** The health of a channel; a channel that is flat and large counts as both, and is shown as large. */
    public enum State {
        HEALTHY,
        DEAD,
        FLAT,
        LARGE,
        FLAT_AND_LARGE
    }

    public ChannelHealth {
        maps = List.copyOf(maps);
    }

    /**
     * Measures every block of the patches, and the embedding where there is one.
     *
     * @param images {@code [B, C, H, W]}, normalized
     * @param shown channels to keep as pictures, at most {@link #SHOWN}
     * @return for each image, in the order of the blocks
     */
    public static List<List<ChannelHealth>> of(Model model, Tensor images, int shown) {
        return Pass.forward(model, images, ChannelHealth::hookPoints, pass -> of(pass, shown));
    }

    static List<String> hookPoints(ModelLayout layout) {
        return layout.outputs(false);
    }

    /** Measures the blocks of the backbone for each image of a pass. */
    static List<List<ChannelHealth>> of(Pass pass, int shown) {
        var all = pass.<ChannelHealth>perImage();
        var layout = pass.layout();
        for (var name : hookPoints(layout)) {
            add(all, layout.title(name), CellView.of(layout, pass.output(name), pass.shape(name)), shown);
        }
        return all;
    }

    /**
     * Measures what comes before the backbone: the last block of each stage of a hybrid's ResNet, and T2T's token
     * stages.
     *
     * @param images {@code [B, C, H, W]}, normalized
     * @param shown channels to keep as pictures, at most {@link #SHOWN}
     * @return for each image, in the order of the stages; none for models without such stages
     */
    public static List<List<ChannelHealth>> ofStem(Model model, Tensor images, int shown) {
        return Pass.forward(model, images, ChannelHealth::stemHookPoints, pass -> ofStem(pass, shown));
    }

    static List<String> stemHookPoints(ModelLayout layout) {
        return layout.stem().stream().map(StemStage::block).toList();
    }

    /** Measures the stages before the backbone for each image of a pass. */
    static List<List<ChannelHealth>> ofStem(Pass pass, int shown) {
        var all = pass.<ChannelHealth>perImage();
        for (var stage : pass.layout().stem()) {
            var values = pass.output(stage.block());
            var shape = pass.shape(stage.block());
            var view = stage.tokens()
                    .map(grid -> CellView.tokens(values, shape, grid))
                    .orElseGet(() -> CellView.channelsFirst(values, shape));
            add(all, stage.block(), view, shown);
        }
        return all;
    }

    private static void add(List<List<ChannelHealth>> all, String block, CellView view, int shown) {
        for (int b = 0; b < all.size(); b++) {
            all.get(b).add(of(block, view, b, Math.min(shown, SHOWN)));
        }
    }

    /** Measures the channels of one image of a batch, keeping pictures of the first {@code shown}. */
    public static ChannelHealth of(String block, CellView view, int image, int shown) {
        int n = view.cells(), channels = view.channels();
        double square = 0;
        for (int c = 0; c < channels; c++) {
            for (int i = 0; i < n; i++) {
                double value = view.at(image, i, c);
                square += value * value;
            }
        }
        double m = Math.sqrt(square / ((double) n * channels));
        var states = new State[channels];
        var maps = new ArrayList<GridMap>();
        for (int c = 0; c < channels; c++) {
            var values = new float[n];
            double sum = 0, peak = 0;
            for (int i = 0; i < n; i++) {
                values[i] = view.at(image, i, c);
                sum += values[i];
                peak = Math.max(peak, Math.abs(values[i]));
            }
            double mean = sum / n, variance = 0;
            for (float value : values) {
                variance += (value - mean) * (value - mean) / n;
            }
            boolean dead = peak < 0.01 * m;
            boolean flat = !dead && Math.sqrt(variance) < 0.1 * Math.abs(mean);
            boolean large = Math.abs(mean) > 5 * m;
            states[c] = dead
                    ? State.DEAD
                    : flat && large ? State.FLAT_AND_LARGE : flat ? State.FLAT : large ? State.LARGE : State.HEALTHY;
            if (c < shown) {
                maps.add(new GridMap(view.height(), view.width(), values));
            }
        }
        return new ChannelHealth(block, states, maps);
    }

    /** Dead channels. */
    public int dead() {
        return count(State.DEAD);
    }

    /** Flat channels. */
    public int flat() {
        return count(State.FLAT) + count(State.FLAT_AND_LARGE);
    }

    /** Large channels. */
    public int large() {
        return count(State.LARGE) + count(State.FLAT_AND_LARGE);
    }

    private int count(State state) {
        return (int) Arrays.stream(states).filter(s -> s == state).count();
    }
}
