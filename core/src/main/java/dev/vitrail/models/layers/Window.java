package dev.vitrail.models.layers;

import static dev.vitrail.VitrailException.require;

/**
 * The sides of a window of tokens that attend to each other.
 *
 * @param height rows, tokens
 * @param width columns, tokens
 */
public record Window(int height, int width) {
    public Window {
        require(
                height > 0 && width > 0,
                "a window of %d×%d tokens cannot be: both sides must be positive",
                height,
                width);
    }
}
