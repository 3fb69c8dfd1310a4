package dev.vitrail.models.layers;

import static dev.vitrail.errors.VitrailException.require;

/**
 * The sides of a window of tokens that attend to each other.
 *
 * @param height rows, tokens
 * @param width columns, tokens
 */
public record Window(int height, int width) {
    public Window {
        require(height > 0 && width > 0, "window sides must be positive, found %d×%d tokens", height, width);
    }
}
