package dev.vitrail.models.layers;

import static dev.vitrail.errors.VitrailException.require;

import dev.vitrail.engine.Functional;
import dev.vitrail.engine.Tensor;
import java.util.List;

/**
 * A soft split of T2T-ViT: windows that overlap (Yuan et al., 2021, arXiv:2101.11986, section 3.1).
 *
 * <p>Shapes: {@code B} images, {@code N} tokens of {@code c} channels, {@code k×k} pixels or tokens in a window.
 *
 * @param kernel side of a window, pixels or tokens
 * @param stride from one window to the next
 * @param padding zeros on each side
 */
public record SoftSplit(int kernel, int stride, int padding) {
    public SoftSplit {
        require(
                kernel > 0 && stride > 0 && padding >= 0 && padding < kernel,
                "invalid soft split of kernel %d, stride %d and padding %d: kernel and stride must be positive and the"
                        + " padding less than the kernel",
                kernel,
                stride,
                padding);
    }

    /** Windows along a side of that length. */
    public int positions(int side) {
        return side + 2 * padding < kernel ? 0 : (side + 2 * padding - kernel) / stride + 1;
    }

    /** Pixels or tokens in a window. */
    public int window() {
        return kernel * kernel;
    }

    /** Windows along a side of that length, after all splits. */
    public static int grid(List<SoftSplit> splits, int side) {
        for (var split : splits) {
            side = split.positions(side);
        }
        return side;
    }

    /** The shortest side that leaves a window after all splits. */
    public static int smallest(List<SoftSplit> splits) {
        int side = 1;
        while (grid(splits, side) < 1) {
            side++;
        }
        return side;
    }

    /** Cuts an image, {@code [B, C, H, W] → [B, N, C·k²]}. */
    public Tensor cut(Tensor image) {
        return Functional.unfold(image, kernel, stride, padding).transpose(1, 2);
    }

    /** Lays tokens out as an image and cuts that, {@code [B, rows·columns, c] → [B, N, c·k²]}. */
    public Tensor cut(Tensor tokens, int rows, int columns) {
        return cut(tokens.transpose(1, 2).reshape(tokens.size(0), tokens.size(2), rows, columns));
    }
}
